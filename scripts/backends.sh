#!/usr/bin/env bash
# Makes the receivers of examples/backends/ ready to be started by tests/runtime/backends.rs: their packages, of the versions that
# are pinned there, go to target/backends/. A language that this machine lacks is installed where Debian has it and we may install
# it; else the options that leave its test out are printed, and why on stderr.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
no_arguments "$@"

EXAMPLES=$ROOT/examples/backends
MADE=$ROOT/target/backends
# For one language, in seconds.
MOST=300

# Whether what was installed is of this list already; it is copied only once that is true.
is_of() {
	cmp -s "$EXAMPLES/$1" "$MADE/$2/$1"
}

node_packages() {
	mkdir -p "$MADE/node"
	cp "$EXAMPLES"/*.mjs "$MADE/node"
	if is_of package.json node; then return; fi
	rm -rf "$MADE/node/install"
	mkdir "$MADE/node/install"
	cp "$EXAMPLES/package.json" "$MADE/node/install"
	(cd "$MADE/node/install" && timeout "$MOST" npm install --no-fund --no-audit --no-package-lock)
	rm -rf "$MADE/node/node_modules"
	mv "$MADE/node/install/node_modules" "$MADE/node/install/package.json" "$MADE/node"
}

python_packages() {
	if is_of requirements.txt python; then return; fi
	rm -rf "$MADE/python"
	python3 -m venv "$MADE/python"
	timeout "$MOST" "$MADE/python/bin/pip" install --quiet --disable-pip-version-check --requirement "$EXAMPLES/requirements.txt"
	cp "$EXAMPLES/requirements.txt" "$MADE/python"
}

# With Debian's package of the driver: the compiler's own would come from Go's module proxy.
go_program() {
	GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS='' timeout "$MOST" go build -o "$MADE/go/backend" "$EXAMPLES/backend.go"
}

has_python() { python3 -c 'import ensurepip'; }
has_go() { command -v go gcc && [ -d /usr/share/gocode/src/github.com/mattn/go-sqlite3 ]; }
has_php() { php -m | grep -qx pdo_sqlite; }
has_java() { command -v javac && [ -f /usr/share/java/sqlite-jdbc.jar ]; }

# ready LANGUAGE PACKAGE...: whether the language is there, once Debian's packages are installed.
ready() {
	local language=$1
	shift
	if "has_$language" >/dev/null 2>&1; then return; fi
	# It says what is missing, and by which command it is installed.
	(debian "the $language of examples/backends" --no-install-recommends "$@") || return
	"has_$language" >/dev/null
}

# skip TEST LANGUAGE: says that this one is not started.
skip() {
	printf 'test-slow: SKIPPED: the backend in %s is not started, because this machine lacks what it needs.\n' "$2" >&2
	printf -- '--skip backends::%s\n' "$1"
}

cd "$ROOT"
mkdir -p "$MADE"
step backends-node "backends: npm's packages (usually 10 s)" node_packages
if ready python python3 python3-venv; then
	step backends-python "backends: Python's packages (usually 20 s)" python_packages
else
	skip fastapi Python
fi
if ready go golang-go gcc libc6-dev golang-github-mattn-go-sqlite3-dev; then
	step backends-go "backends: the Go program (compiles, usually 20 s)" go_program
else
	skip go Go
fi
ready php php-cli php-sqlite3 || skip php PHP
ready java default-jdk-headless libxerial-sqlite-jdbc-java || skip java Java
