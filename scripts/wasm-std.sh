#!/usr/bin/env bash
# Gives Rust a standard library for wasm32: rustup's, or, where rustup's server cannot be reached, one made from
# Debian's packages with Debian's own rustc of the same age, linked into rustup as a toolchain that only the wasm build
# uses. WASM_STD=debian makes it take the second way, to prove that it works.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

TARGET=wasm32-unknown-unknown
DEBIAN_RUSTC=/usr/bin/rustc
DEBIAN_CARGO=/usr/bin/cargo

install_debians_rust() {
	# The update matters: an old list offers a compiler that is too old for our dependencies.
	apt-get update -qq &&
		DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends rustc-web cargo-web rust-web-src \
			rust-web-clippy
}

# build_std FOLDER: builds the crate in FOLDER with its standard library.
build_std() {
	# Bitcode inside, or our release profile's LTO has nothing to work on. RUSTC_BOOTSTRAP: build-std is unstable.
	cd "$1" && env -u RUSTUP_TOOLCHAIN RUSTC=$DEBIAN_RUSTC RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Cembed-bitcode=yes \
		CARGO_TARGET_DIR="$1/target" \
		$DEBIAN_CARGO build --release --target $TARGET -Z build-std=std,panic_abort,proc_macro
}

from_debian() {
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		die "setup: 'rustup target add $TARGET' failed, and the way around it needs Debian and root."
	fi
	step apt "setup: Debian's Rust, for its standard library: apt-get install rustc-web cargo-web … (usually 1 minute)" \
		install_debians_rust

	local work sysroot host lld
	work=$(mktemp -d)
	# shellcheck disable=SC2064 # now, while $work is known
	trap "rm -rf '$work'" EXIT
	sysroot=$($DEBIAN_RUSTC --print sysroot)
	host=$($DEBIAN_RUSTC --print host-tuple)

	# An empty crate, built with its standard library: what cargo leaves behind is that library.
	mkdir -p "$work/src"
	printf '[package]\nname = "empty_crate"\nversion = "0.0.0"\nedition = "2024"\n' >"$work/Cargo.toml"
	: >"$work/src/lib.rs"
	(step std "setup: Rust's standard library for wasm (compiles, usually 1 minute)" build_std "$work")
	rm -f "$work/target/$TARGET/release/deps/"libempty_crate*
	# Not beside those of an older compiler.
	rm -rf "$sysroot/lib/rustlib/$TARGET/lib"
	mkdir -p "$sysroot/lib/rustlib/$TARGET/lib"
	cp "$work/target/$TARGET/release/deps/"*.rlib "$sysroot/lib/rustlib/$TARGET/lib/"

	# Debian's rustc comes without the linker for wasm; rustup's has one. A link, because it looks for its own libraries
	# beside itself.
	lld=$(rustc --print sysroot)/lib/rustlib/$host/bin/rust-lld
	[ -x "$lld" ] || die "setup: rustup's toolchain has no rust-lld at lib/rustlib/$host/bin."
	mkdir -p "$sysroot/lib/rustlib/$host/bin"
	ln -sf "$lld" "$sysroot/lib/rustlib/$host/bin/rust-lld"
	rustup toolchain link "$WASM_TOOLCHAIN" "$sysroot"
}

if [ "${WASM_STD:-}" != debian ]; then
	if has_wasm_std; then exit; fi
fi
if RUSTUP_TOOLCHAIN=$WASM_TOOLCHAIN has_wasm_std; then exit; fi
if [ "${WASM_STD:-}" != debian ]; then
	if step rustup "setup: Rust's standard library for wasm, from rustup (usually 10 s)" \
		timeout 300 rustup target add $TARGET; then exit; fi
fi
from_debian
RUSTUP_TOOLCHAIN=$WASM_TOOLCHAIN has_wasm_std || die "setup: Debian's packages gave no standard library for wasm."
