#!/usr/bin/env bash
# Builds the Worker and measures it beside JavaScript that does the same, on workerd. Writes docs/benchmarks.md; with
# ROUNDS below 21 it prints instead.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
no_arguments "$@"

cd "$ROOT"
scripts/build.sh
exec node bench/run.mjs "$@"
