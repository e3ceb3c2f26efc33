#!/usr/bin/env bash
# Runs each fuzzer in fuzz/ for DURATION seconds, 60 unless set, on what the golden vectors are made of and on what earlier runs have
# found. Fails with the first input that breaks a property, and says where it is.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
no_arguments "$@"

DURATION=${DURATION:-60}
TOOLS=$ROOT/target/fuzz-tools

install_cargo_fuzz() {
	local CARGO_BIN=$TOOLS/bin
	cargo_tool cargo-fuzz 0.13.2 cargo-fuzz --locked --root "$TOOLS"
}

# cargo-fuzz needs flags of rustc that are unstable: those of a nightly, or of a stable one that is told to take them.
use_unstable_flags() {
	if rustup run nightly rustc --version >/dev/null 2>&1; then
		export RUSTUP_TOOLCHAIN=nightly
	else
		export RUSTC_BOOTSTRAP=1
	fi
}

cd "$ROOT"
case $DURATION in
'' | *[!0-9]*) die "fuzz: SECONDS must be a whole number." ;;
esac
command -v c++ >/dev/null || die "fuzz: libFuzzer needs a C++ compiler, such as Debian's g++."
locked setup install_cargo_fuzz
export PATH=$TOOLS/bin:$PATH
use_unstable_flags
python3 fuzz/seeds.py
for target in $(cargo fuzz list); do
	printf 'fuzz: %s, %d s\n' "$target" "$DURATION" >&2
	# No sanitizer: src/ forbids unsafe code, and without one there are twice as many executions.
	cargo fuzz run --sanitizer none "$target" -- -max_total_time="$DURATION" -dict=fuzz/words.dict -max_len=8192 \
		-timeout=10 -print_final_stats=1
done
