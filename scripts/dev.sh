#!/usr/bin/env bash
# Builds the Worker, and serves it on this machine with wrangler and its embedded KV and D1 (state in .wrangler/), built
# again when src/ or page/ changes. The rest is in dev.mjs.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
no_arguments "$@"

# Ctrl-C is how one is meant to end it: make has no error to report.
trap 'exit 0' INT
cd "$ROOT"
# Before wrangler starts, because it is one of the tools; wrangler then finds the build done.
scripts/build.sh >/dev/null
exec node scripts/dev.mjs
