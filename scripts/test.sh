#!/usr/bin/env bash
# Builds the Worker, lets wrangler check that it could be deployed, and runs all tests; those on the real runtime start
# the wrangler in node_modules/.bin on what is in build/, and a browser. Where SCREENSHOTS names a folder, pictures of the
# page are put there.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

cd "$ROOT"
scripts/browser.sh
scripts/build.sh
scripts/build.sh panicking
# The bundle that it makes is thrown away, but for what it says.
wrangler deploy --dry-run --outdir target/dry-run
# The benchmark's peers still do what the Worker does.
node bench/run.mjs --check
cargo test "$@"
