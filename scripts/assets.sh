#!/usr/bin/env bash
# Builds the operator's page into build/assets/, from where wrangler serves it: /dashboard and what it loads,
# /openapi.json, and the headers of both. Nothing else may lie there: an index.html would answer Tencent's POST with
# 405.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
no_arguments "$@"

STAGE=build/.assets

bundle() {
	rm -rf "$STAGE"
	mkdir -p "$STAGE/dashboard" build/assets/dashboard
	# Browsers of the beginning of 2023. What they lack of JavaScript's own library is no syntax: page/tsconfig.json knows none of it.
	# The banner is what the licence of Preact and its signals asks for; their bundles have no such comment.
	esbuild page/dashboard.tsx page/dashboard.css --bundle --minify --outdir="$STAGE/dashboard" --log-level=warning \
		--format=esm --target=chrome111,firefox113,safari16.4 --charset=utf8 --banner:js="/* Preact: (c) Jason Miller and the Preact Team, MIT licence, github.com/preactjs */"
	cp page/icon.svg "$STAGE/dashboard/"
	cp page/dashboard.html page/openapi.json page/_headers "$STAGE/"
}

# File by file, each whole, and only what has changed: wrangler watches the folder and may read it at any time.
put_into_place() {
	local file
	while read -r file; do
		[ -e "$STAGE/$file" ] || rm "build/assets/$file"
	done < <(cd build/assets && find . -type f)
	while read -r file; do
		cmp -s "$STAGE/$file" "build/assets/$file" || mv "$STAGE/$file" "build/assets/$file"
	done < <(cd "$STAGE" && find . -type f)
	rm -rf "$STAGE"
}

assets() {
	bundle
	put_into_place
}

cd "$ROOT"
locked assets assets
