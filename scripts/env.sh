# shellcheck shell=bash
# What every script of ours needs, sourced by each: where things are, and what makes the tools use the installed copies
# instead of downloading their own.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CARGO_BIN=${CARGO_HOME:-$HOME/.cargo}/bin

# npm's tools first: wrangler needs a newer Node than a Debian machine has, and node_modules/.bin holds one.
export PATH="$ROOT/node_modules/.bin:$CARGO_BIN:$PATH"

set -a
# shellcheck source=scripts/wrangler.env
. "$ROOT/scripts/wrangler.env"
set +a

# The name that rustup knows Debian's rustc by, where setup needs it.
DEBIAN_TOOLCHAIN=unfollow-webhook-debian

die() {
	printf '%s\n' "$*" >&2
	exit 1
}

# no_arguments ARGUMENT...: refuses arguments to a script that takes none, before it does anything.
no_arguments() {
	[ $# = 0 ] || die "$(basename "$0") takes no arguments, and was given $*: nothing was done."
}

# Ctrl-C ends a script without a word: what it did is no failure.
trap 'exit 130' INT

# step NAME WORDS COMMAND...: says WORDS, which tell what is done and how long it usually takes, runs COMMAND, and says how
# long it took; where others run beside it (SIDE_BY_SIDE), all of that at its end. COMMAND's output goes to
# target/log/NAME.log; where it fails, its end is shown and the file is named.
step() {
	local log=target/log/$1.log start=$SECONDS status=0 words="$2 … "
	if [ -z "${SIDE_BY_SIDE:-}" ]; then
		printf %s "$words" >&2
		words=
	fi
	shift 2
	mkdir -p "$ROOT/target/log"
	"$@" >"$ROOT/$log" 2>&1 </dev/null || status=$?
	if [ $status = 0 ]; then
		printf '%s%d s\n' "$words" $((SECONDS - start)) >&2
	else
		printf '%sfailed\n%s\nThe whole output is in %s.\n' "$words" "$(tail -n 60 "$ROOT/$log")" "$log" >&2
	fi
	return $status
}

# debian COMMAND PACKAGE...: where there is no COMMAND, installs Debian's packages that have it, or says the one command that
# does.
debian() {
	if command -v "$1" >/dev/null; then return; fi
	local command=$1
	shift
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		die "$command is missing: install it, on Debian with \`sudo apt-get install $*\`, then try again."
	fi
	step apt "setup: apt-get install $* (usually 20 to 60 s)" apt_install "$@"
}

apt_install() {
	# The list of packages may be missing, or too old.
	apt-get update -qq || true
	DEBIAN_FRONTEND=noninteractive apt-get install -qq "$@"
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

# Whether rustup's rustc has a standard library for wasm.
has_wasm_std() {
	# Metadata to a pipe, never to a device by name: rustc moves its output there, and root may move over /dev/null.
	rustc --target wasm32-unknown-unknown --crate-type lib --emit metadata=- - </dev/null >/dev/null 2>&1
}

# From here on, cargo compiles for wasm: where rustup has no standard library for it, with Debian's rustc, which compiles one
# too. That is unstable, hence RUSTC_BOOTSTRAP. Debian's rustc has no linker for wasm, and rustup's has.
use_wasm_toolchain() {
	if has_wasm_std; then return; fi
	CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$(rustc --print target-libdir)/../bin/rust-lld
	export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER
	export RUSTUP_TOOLCHAIN=$DEBIAN_TOOLCHAIN RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_abort
}
