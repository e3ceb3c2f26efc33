#!/usr/bin/env bash
# Makes the clients of tests/clients/ ready to be started by tests/runtime/clients.rs: generates them from page/openapi.json with
# the generators that are pinned there, checks their types, and puts them into target/clients/.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
no_arguments "$@"

SOURCES=$ROOT/tests/clients
DESCRIPTION=$ROOT/page/openapi.json
MADE=$ROOT/target/clients
# For the packages of one registry, in seconds.
MOST=300

node_packages() {
	if cmp -s "$SOURCES/package.json" "$MADE/node/.installed"; then return; fi
	mkdir -p "$MADE/node"
	cp "$SOURCES/package.json" "$MADE/node"
	(cd "$MADE/node" && timeout "$MOST" npm install --no-fund --no-audit --no-package-lock)
	# Last, so an install that was broken off is done again.
	cp "$SOURCES/package.json" "$MADE/node/.installed"
}

python_packages() {
	if cmp -s "$SOURCES/requirements.txt" "$MADE/python/.installed"; then return; fi
	rm -rf "$MADE/python"
	python3 -m venv "$MADE/python"
	timeout "$MOST" "$MADE/python/bin/pip" install --quiet --disable-pip-version-check --requirement "$SOURCES/requirements.txt"
	cp "$SOURCES/requirements.txt" "$MADE/python/.installed"
}

generate() (
	set -e
	cp "$SOURCES"/*.ts "$SOURCES/tsconfig.json" "$MADE/node"
	cp "$SOURCES"/*.py "$MADE"
	cd "$MADE/node"
	export PATH="$MADE/node/node_modules/.bin:$PATH"
	openapi-typescript "$DESCRIPTION" --output openapi.d.ts
	rm -rf hey_api
	openapi-ts --input "$DESCRIPTION" --output hey_api --client @hey-api/client-fetch
	tsc
	for client in openapi_fetch hey_api; do
		esbuild "$client.ts" --bundle --platform=node --format=esm --target=node22 --outfile="$client.mjs" --log-level=warning
	done
	cd "$MADE"
	# It formats with ruff, if there is one; what it warns of else is a part that it leaves out.
	python/bin/openapi-python-client generate --path "$DESCRIPTION" --output-path openapi_python --meta none --overwrite \
		--fail-on-warning --config "$SOURCES/openapi_python.yaml"
	python/bin/mypy --strict --cache-dir "$MADE/mypy" python_client.py
)

cd "$ROOT"
mkdir -p "$MADE"
step clients-node "clients: npm's packages (usually 10 s)" node_packages
step clients-python "clients: Python's packages (usually 40 s)" python_packages
step clients "clients: generating them and checking their types (usually 30 s)" generate
