#!/usr/bin/env bash
# Puts the Worker on Cloudflare, unless its settings, secrets or bindings cannot work, and tells which URL to register in
# the Chat console. Before that, it creates the D1 database where it is missing (near D1_LOCATION, where that is set: weur,
# eeur, apac, oc, wnam or enam) and applies the migrations: no Worker runs ahead of its schema. The work is in deploy.mjs.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
no_arguments "$@"

"$ROOT/scripts/setup.sh"
exec node "$ROOT/scripts/deploy.mjs"
