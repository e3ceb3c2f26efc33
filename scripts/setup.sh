#!/usr/bin/env bash
# Installs what the other targets need, side by side, and skips what is there. Reaches nothing but the npm and crates
# registries, and rustup's server or, where that cannot be reached, Debian's packages.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

has_npm_tools() {
	cmp -s package-lock.json node_modules/.installed-lock
}

npm_tools() {
	# The warnings that it may print are about the Node that runs npm: the tools run on the one that it installs.
	step npm "setup: npm's tools: wrangler, node, binaryen, esbuild (usually 20 s)" npm ci --no-fund --no-audit
	# Last, so an install that was broken off is done again.
	cp package-lock.json node_modules/.installed-lock
}

has_rust_for_wasm() {
	has_wasm_std || rustup which --toolchain "$DEBIAN_TOOLCHAIN" rustc >/dev/null 2>&1
}

rust_for_wasm() {
	if step rustup "setup: Rust's standard library for wasm, from rustup (usually 10 s)" \
		timeout 300 rustup target add wasm32-unknown-unknown; then return; fi
	debian /usr/bin/rustc --no-install-recommends rustc-web cargo-web rust-web-src rust-web-clippy
	rustup toolchain link "$DEBIAN_TOOLCHAIN" "$(/usr/bin/rustc --print sysroot)"
}

has_bindgen() {
	sha256sum --check --status target/tools/.stamp 2>/dev/null
}

bindgen() {
	# Not optimised, it compiles in half the time, and is fast enough.
	step bindgen "setup: wasm-bindgen (compiles, usually 30 s)" env CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0 \
		cargo build --locked --package unfollow-webhook-bindgen --target-dir target/tools
	sha256sum Cargo.lock bindgen/* target/tools/debug/bindgen >target/tools/.stamp
}

everything() {
	local part missing=()
	for part in npm_tools rust_for_wasm bindgen; do
		"has_$part" || missing+=("$part")
	done
	case ${#missing[@]} in
	0) ;;
	1) "${missing[0]}" ;;
	*)
		printf 'setup: installing %d things side by side, each said at its end (usually 1 minute):\n' ${#missing[@]} >&2
		# Unlike the shell's background jobs, these end at Ctrl-C. One that fails does not undo the work of the others.
		printf '%s\n' "${missing[@]}" | SIDE_BY_SIDE=1 xargs -n 1 -P 3 scripts/setup.sh
		;;
	esac
}

cd "$ROOT"
if [ $# = 0 ]; then locked setup everything; else "$1"; fi
