# shellcheck shell=bash
# Where the version of every tool is said, sourced by env.sh. None is said twice:
# - npm's tools (wrangler, node, wasm-opt, esbuild): package.json and package-lock.json;
# - wasm-bindgen's command line: the version of the crate, read from Cargo.lock, because it refuses another by as little
#   as a patch number;
# - what goes with nothing else: here.

# locked_version CRATE: the version of CRATE in Cargo.lock.
locked_version() {
	sed -n "/^name = \"$1\"\$/{n;s/^version = \"\(.*\)\"\$/\1/p;q;}" "$ROOT/Cargo.lock"
}

WASM_BINDGEN_VERSION=$(locked_version wasm-bindgen)
CARGO_DENY_VERSION=0.20.2
CARGO_FUZZ_VERSION=0.13.2
export WASM_BINDGEN_VERSION CARGO_DENY_VERSION CARGO_FUZZ_VERSION
