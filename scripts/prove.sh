#!/usr/bin/env bash
# Shows on a deployed Worker what the tests show here: see scripts/prove.mjs, and docs/proof.md for what it costs and needs.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
no_arguments "$@"

cd "$ROOT"
scripts/setup.sh
exec node scripts/prove.mjs
