#!/usr/bin/env bash
# Makes the bundle dist/unfollow-webhook-<version>.tgz: the built Worker with what serves and deploys it, in the form of `npm
# pack`. It needs Node and no Rust. One commit gives the same bytes, in any folder and at any time. release.mjs says what is
# in it.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
no_arguments "$@"

STAGE=target/bundle

pack() {
	rm -rf "$STAGE" dist
	mkdir -p "$STAGE" dist
	node scripts/release.mjs "$STAGE"
	# The lock file of what the bundle needs, cut out of ours. A lock file by its usual name would not be packed.
	cp package-lock.json .npmrc "$STAGE/"
	(
		cd "$STAGE"
		npm install --package-lock-only --ignore-scripts --offline --silent
		mv package-lock.json npm-shrinkwrap.json
		rm .npmrc
	)
	chmod -R u=rwX,go=rX "$STAGE"
	npm pack "./$STAGE" --pack-destination dist --silent >/dev/null
}

cd "$ROOT"
scripts/build.sh >/dev/null
scripts/build.sh programs
locked release pack
cd dist
for file in *.tgz; do
	sha256sum "$file" >"$file.sha256"
	printf 'dist/%s: %d bytes, SHA-256 %s\n' "$file" "$(wc -c <"$file")" "$(cut -d ' ' -f 1 "$file.sha256")"
done
