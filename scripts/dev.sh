#!/usr/bin/env bash
# Serves the Worker on this machine with wrangler and its embedded KV and D1 (state in .wrangler/), built again when src/
# or page/ changes. PORT is where; TUNNEL=1 asks Cloudflare for a public https address, so that Tencent itself can call.
# The work is in dev.mjs.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

cd "$ROOT"
# Before wrangler starts, because it is one of the tools; wrangler then finds the build done.
scripts/build.sh
exec node scripts/dev.mjs
