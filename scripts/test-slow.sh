#!/usr/bin/env bash
# Runs the tests that are slow by nature, which `make test` leaves out: two builds of the release, the bundle and the demo as
# their users see them, the page in Firefox, exported files in real programs, memory, and thousands of events through kills.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
no_arguments "$@"

# The programs that open exported files: those of PyPI in versions of our own, sqlite3 from Debian. LibreOffice, R and jq are taken
# where they are installed.
programs() {
	debian sqlite3 sqlite3
	python3 -m venv target/programs
	target/programs/bin/pip install --quiet --disable-pip-version-check --requirement tests/programs/requirements.txt
}

cd "$ROOT"
debian "${CHROMIUM:-chromium}" chromium
debian "${FIREFOX:-firefox-esr}" firefox-esr
step programs "test-slow: programs that open an export (usually 1 minute)" programs
scripts/build.sh >/dev/null
playwright test --config tests/firefox
cargo test --quiet --locked --no-run
# One at a time: memory and the rate of events are measured.
cargo test --locked --test runtime --test release -- --ignored --test-threads=1
