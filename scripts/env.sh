# shellcheck shell=bash
# What every script of ours needs, sourced by each: where things are, and what makes the tools use the installed copies
# instead of downloading their own.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/versions.sh
. "$ROOT/scripts/versions.sh"

CARGO_BIN=${CARGO_HOME:-$HOME/.cargo}/bin

# npm's tools first: wrangler needs a newer Node than a Debian machine has, and node_modules/.bin holds one.
export PATH="$ROOT/node_modules/.bin:$CARGO_BIN:$PATH"

set -a
# shellcheck source=scripts/wrangler.env
. "$ROOT/scripts/wrangler.env"
set +a

# The toolchain that setup falls back on for wasm (see wasm-std.sh).
WASM_TOOLCHAIN=unfollow-webhook-wasm

die() {
	printf '%s\n' "$*" >&2
	exit 1
}

# Ctrl-C ends a script without a word: what it did is no failure.
trap 'exit 130' INT

# step NAME WORDS COMMAND...: says WORDS, which tell what is done and how long it usually takes, runs COMMAND, and says how
# long it took. COMMAND's output goes to target/log/NAME.log; where it fails, its end is shown and the file is named.
step() {
	local log=target/log/$1.log start=$SECONDS status=0
	printf '%s … ' "$2" >&2
	shift 2
	mkdir -p "$ROOT/target/log"
	"$@" >"$ROOT/$log" 2>&1 </dev/null || status=$?
	if [ $status = 0 ]; then
		printf '%d s\n' $((SECONDS - start)) >&2
	else
		printf 'failed\n' >&2
		tail -n 60 "$ROOT/$log" >&2
		printf 'The whole output is in %s.\n' "$log" >&2
	fi
	return $status
}

# debian_packages PURPOSE PACKAGE...: installs Debian's packages where it may; elsewhere it says the one command that does.
debian_packages() {
	local purpose=$1
	shift
	if ! command -v apt-get >/dev/null; then
		die "$purpose: install $* (the names of Debian's packages), then try again."
	elif [ "$(id -u)" != 0 ]; then
		die "$purpose: run \`sudo apt-get install $*\`, then try again."
	fi
	step apt "$purpose: apt-get install $* (usually 20 to 60 s)" apt_install "$@"
}

# The list of packages may be missing, or too old for the servers.
apt_install() {
	export DEBIAN_FRONTEND=noninteractive
	apt-get install -qq "$@" || { apt-get update -qq && apt-get install -qq "$@"; }
}

# locked NAME COMMAND...: runs COMMAND while no other run holds NAME's lock; wrangler's own build and a test may meet.
locked() {
	local name=$1
	shift
	mkdir -p "$ROOT/target"
	(
		# Where there is no flock (macOS), two runs at once are the user's own care.
		if command -v flock >/dev/null; then flock 9; fi
		"$@" 9>&-
	) 9>"$ROOT/target/.$name.lock"
}

# cargo_tool CRATE VERSION COMMAND [FLAGS...]: installs COMMAND of CRATE, of exactly VERSION, where it is not there yet.
cargo_tool() {
	local crate=$1 version=$2 command=$3
	shift 3
	case " $("$CARGO_BIN/$command" --version 2>/dev/null || true) " in
	*" $version "*) return ;;
	esac
	# A debug build compiles in half the time, and the tools are fast enough. They share one target folder, because they
	# share much of what they are made of; it is in target/, so a run that was broken off goes on where it was.
	step "$command" "setup: $crate $version (compiles, usually 1 to 2 minutes)" \
		env CARGO_TARGET_DIR="$ROOT/target/tools" CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0 \
		cargo install --debug --force --bin "$command" "$@" "$crate@$version"
}

# Whether rustc (that of RUSTUP_TOOLCHAIN, where it is set) finds a standard library for wasm, of its own version.
has_wasm_std() {
	# Metadata to a pipe, never to a device by name: rustc moves its output there, and root may move over /dev/null.
	rustc --target wasm32-unknown-unknown --crate-type lib --emit metadata=- - </dev/null >/dev/null 2>&1
}

# From here on, cargo and rustc are those that can compile for wasm.
use_wasm_toolchain() {
	if [ "${WASM_STD:-}" = debian ] || ! has_wasm_std; then
		export RUSTUP_TOOLCHAIN=$WASM_TOOLCHAIN
	fi
}
