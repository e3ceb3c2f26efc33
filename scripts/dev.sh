#!/usr/bin/env bash
# Serves the Worker on this machine with wrangler and its embedded KV (state in .wrangler/), built again when src/ or
# page/ changes. PORT is where; TUNNEL=1 asks Cloudflare for a public https address, so that Tencent itself can call.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

cd "$ROOT"
# Before wrangler starts, because it is one of the tools; wrangler then finds the build done.
scripts/build.sh
if [ ! -e .dev.vars ]; then
	cp .dev.vars.example .dev.vars
	say "dev: made .dev.vars from .dev.vars.example"
fi

args=(--ip 127.0.0.1 --port "${PORT:-8787}")
if [ "${TUNNEL:-}" = 1 ]; then
	# wrangler runs `cloudflared` for this; where it is not installed, wrangler offers to fetch it.
	say "dev: anyone who knows the public address can call while this runs; set a token in .dev.vars, and no ALLOW_UNSIGNED"
	args+=(--tunnel)
fi
exec wrangler dev "${args[@]}"
