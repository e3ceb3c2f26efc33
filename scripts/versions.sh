# shellcheck shell=bash
# Where the version of every tool is said, sourced by env.sh. None is said twice:
# - npm's tools (wrangler, node, wasm-opt, esbuild): package.json and package-lock.json;
# - cargo's tools: the version of the crate that they go with, read from Cargo.lock, because worker-build refuses
#   another `worker`, and wasm-bindgen's command line refuses another `wasm-bindgen`, by as little as a patch number;
# - what goes with nothing else: here.

# locked_version CRATE: the version of CRATE in Cargo.lock.
locked_version() {
	sed -n "/^name = \"$1\"\$/{n;s/^version = \"\(.*\)\"\$/\1/p;q;}" "$ROOT/Cargo.lock"
}

WORKER_BUILD_VERSION=$(locked_version worker)
WASM_BINDGEN_VERSION=$(locked_version wasm-bindgen)
CARGO_DENY_VERSION=0.20.2
export WORKER_BUILD_VERSION WASM_BINDGEN_VERSION CARGO_DENY_VERSION
