# shellcheck shell=bash
# What every script of ours needs, sourced by each: where things are, and what makes the tools use the installed copies
# instead of downloading their own.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/versions.sh
. "$ROOT/scripts/versions.sh"

CARGO_BIN=${CARGO_HOME:-$HOME/.cargo}/bin

# npm's tools first: wrangler needs a newer Node than a Debian machine has, and node_modules/.bin holds one.
export PATH="$ROOT/node_modules/.bin:$CARGO_BIN:$PATH"

# wrangler: no telemetry. Its other calls home only cost time where they cannot get through: the check for a newer
# version, and a sample of `request.cf`, which this Worker does not read.
export WRANGLER_SEND_METRICS=false
export WRANGLER_HIDE_BANNER=true
export CLOUDFLARE_CF_FETCH_ENABLED=false

# The toolchain that setup falls back on for wasm (see wasm-std.sh).
WASM_TOOLCHAIN=unfollow-webhook-wasm

die() {
	printf '%s\n' "$*" >&2
	exit 1
}

say() {
	printf '\033[1m%s\033[0m\n' "$*" >&2
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
	say "setup: $crate $version (compiles for a minute or two)"
	# A debug build compiles in half the time, and the tools are fast enough. They share one target folder, because they
	# share much of what they are made of; it is in target/, so a run that was broken off goes on where it was.
	CARGO_TARGET_DIR="$ROOT/target/tools" CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0 \
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
