#!/usr/bin/env bash
# Builds the Worker: build/index.js and build/index_bg.wasm, as small as they get, and the page beside it. Prints the
# Worker's sizes and fails where they are over the limit. wrangler calls this too ([build] in wrangler.toml), so it sets
# up what it needs.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

# Bytes of gzip, both files together. The runtime loads them on every cold start, within Tencent's two seconds.
LIMIT=78000

build() {
	local wasm=${CARGO_TARGET_DIR:-target}/wasm32-unknown-unknown/release/unfollow_webhook.wasm
	use_wasm_toolchain
	# First cargo alone, which knows what changed; what comes after it is skipped where it would work on the same input. A
	# panic is to name a crate's file, and not where that lay on this machine.
	cargo build --quiet --lib --release --target wasm32-unknown-unknown --config \
		"target.wasm32-unknown-unknown.rustflags=['--remap-path-prefix=$(echo "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*)=crates']"
	if [ -f build/.stamp ] && sha256sum --check --status build/.stamp 2>/dev/null; then return; fi

	# Aside, and moved into place when whole: wrangler watches build/.
	rm -rf build/.stage
	mkdir -p build/.stage
	node scripts/link.mjs "$wasm" build/.stage
	mv build/.stage/index_bg.wasm build/index_bg.wasm
	mv build/.stage/index.js build/index.js
	rm -rf build/.stage
	sha256sum "$wasm" scripts/build.sh scripts/link.mjs src/edge/*.js package-lock.json Cargo.lock build/index.js \
		build/index_bg.wasm >build/.stamp
}

sizes() {
	local file raw zipped sum_raw=0 sum_zipped=0
	for file in index.js index_bg.wasm; do
		raw=$(wc -c <"build/$file")
		zipped=$(gzip -9 -c "build/$file" | wc -c)
		printf '%-14s %7d bytes, %6d gzip\n' "$file" "$raw" "$zipped"
		sum_raw=$((sum_raw + raw))
		sum_zipped=$((sum_zipped + zipped))
	done
	printf '%-14s %7d bytes, %6d gzip of %d allowed\n' together "$sum_raw" "$sum_zipped" "$LIMIT"
	[ "$sum_zipped" -le "$LIMIT" ] ||
		die "build: the Worker is over its limit of $LIMIT bytes gzip; see what a new dependency brought with it."
}

cd "$ROOT"
scripts/setup.sh
mkdir -p build
locked build build
scripts/assets.sh
sizes
