#!/usr/bin/env bash
# Installs what the other targets need and skips what is there. Reaches nothing but the npm and crates registries, and
# rustup's server or, where that cannot be reached, Debian's packages.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

npm_tools() {
	# The copy is written last, so an install that was broken off is done again.
	if cmp -s package-lock.json node_modules/.installed-lock; then return; fi
	# The warnings that it may print are about the Node that runs npm: the tools run on the one that it installs.
	step npm "setup: npm's tools: wrangler, node, binaryen, esbuild (usually 20 s)" npm ci --no-fund --no-audit
	cp package-lock.json node_modules/.installed-lock
}

cargo_tools() {
	# Not --locked: its lock file does not resolve. No default features: they are TLS for a test runner that we don't use.
	cargo_tool wasm-bindgen-cli "$WASM_BINDGEN_VERSION" wasm-bindgen --no-default-features
}

everything() {
	npm_tools
	scripts/wasm-std.sh
	cargo_tools
}

cd "$ROOT"
locked setup everything
