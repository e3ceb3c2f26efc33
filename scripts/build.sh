#!/usr/bin/env bash
# Builds the Worker, or with the word `panicking` one that panics on demand, into target/panicking/, for the tests.
# The Worker is build/index.js and build/index_bg.wasm, as small as they get, and the page beside it. Prints the
# Worker's sizes and fails where they are over the limit. wrangler calls this too ([build] in wrangler.toml), so it sets
# up what it needs.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

# Bytes of gzip, both files together. The runtime loads them on every cold start, within Tencent's two seconds.
LIMIT=75000

# Flags for rustc that .cargo/config.toml cannot know: a panic is to name a crate's file, and not where that lay on this
# machine; and cargo is to see when its linker has changed.
rustflags() {
	local sources
	for sources in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
		printf "'--remap-path-prefix=%s=crates'," "$sources"
	done
	printf "'--cfg=linker=\"%s\"'" "$(cksum scripts/wasm-ld.sh | cut -d ' ' -f 1)"
}

# build FOLDER [FLAGS...]: compiles with cargo's FLAGS and puts the two files into FOLDER.
build() {
	local folder=$1 wasm=${CARGO_TARGET_DIR:-target}/wasm32-unknown-unknown/release/unfollow_webhook.wasm
	shift
	# These would take the place of those in .cargo/config.toml.
	unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS
	# So that the folders of their sources, which rustflags names, are there. For this target: those of others may be
	# missing where there is no network, and nobody needs them here.
	cargo fetch --quiet --locked --target wasm32-unknown-unknown
	use_wasm_toolchain
	mkdir -p "$folder"
	# First cargo alone, which knows what changed; what comes after it is skipped where it would work on the same input.
	cargo build --quiet --lib --release --target wasm32-unknown-unknown "$@" \
		--config "target.wasm32-unknown-unknown.rustflags=[$(rustflags)]"
	if [ -f "$folder/.stamp" ] && sha256sum --check --status "$folder/.stamp" 2>/dev/null; then return; fi

	# Aside, and moved into place when whole: wrangler watches build/.
	rm -rf "$folder/.stage"
	mkdir -p "$folder/.stage"
	node scripts/link.mjs "$wasm" "$folder/.stage"
	mv "$folder/.stage/index_bg.wasm" "$folder/index_bg.wasm"
	mv "$folder/.stage/index.js" "$folder/index.js"
	rm -rf "$folder/.stage"
	sha256sum "$wasm" scripts/build.sh scripts/link.mjs src/edge/*.js package-lock.json Cargo.lock "$folder/index.js" \
		"$folder/index_bg.wasm" >"$folder/.stamp"
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
if [ "${1:-}" = panicking ]; then
	locked build build target/panicking --features provoke-panic
	exit
fi
locked build build build
scripts/assets.sh
sizes
