#!/usr/bin/env bash
# Builds the Worker and runs the soak (see soak/run.mjs): EVENTS events, 100,000 unless set, with the faults that SEED decides.
# With 100,000 or more, the figures go into docs/reliability.md.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
no_arguments "$@"

cd "$ROOT"
scripts/build.sh
exec node soak/run.mjs
