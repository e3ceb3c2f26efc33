#!/usr/bin/env bash
# Runs the tests that are slow by nature, which `make test` leaves out: two builds of the release, the bundle and the demo as
# their users see them, the page in Firefox, memory, and thousands of events through kills.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
no_arguments "$@"

cd "$ROOT"
debian "${CHROMIUM:-chromium}" chromium
debian "${FIREFOX:-firefox-esr}" firefox-esr
scripts/build.sh >/dev/null
playwright test --config tests/firefox
cargo test --quiet --locked --no-run
skipped=$(scripts/backends.sh)
# One at a time: memory and the rate of events are measured.
# shellcheck disable=SC2086 # None, or pairs of an option and a name.
cargo test --locked --test native --test runtime --test release -- --ignored --test-threads=1 $skipped
