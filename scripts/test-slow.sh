#!/usr/bin/env bash
# Runs the tests that are slow by nature, which `make test` leaves out: two builds of the release, the bundle and the demo as
# their users see them, the examples in wasm, generated clients of the API, the page in Firefox and left open for an hour, exported
# files in real programs, memory, thousands of events through kills, what the questions of a log of 10,000 cost, and a Prometheus
# that scrapes the Worker.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
no_arguments "$@"

# Unpacks Debian's package of Prometheus. It is not installed, because that would start a service.
unpack_prometheus() (
	new=$ROOT/target/prometheus.new
	rm -rf "$new" && mkdir -p "$new" && cd "$new" || return
	# The list of packages may be missing, or too old.
	apt-get download prometheus || { apt-get update -qq && apt-get download prometheus; } || return
	dpkg -x prometheus_*.deb . && mv "$new" "$ROOT/target/prometheus"
)

# Sets PROMETHEUS to the folder of Prometheus' programs, for tests/runtime/prometheus.rs.
provide_prometheus() {
	PROMETHEUS=$(dirname "$(command -v prometheus || printf %s "$ROOT/target/prometheus/usr/bin/prometheus")")
	export PROMETHEUS
	if [ -x "$PROMETHEUS/promtool" ]; then return; fi
	command -v apt-get >/dev/null || die "prometheus and promtool are missing: install Prometheus, then try again."
	step prometheus "setup: Prometheus, of Debian's package (usually 10 s)" unpack_prometheus
}

# The programs that open exported files: those of PyPI in versions of our own, sqlite3 from Debian. LibreOffice, R and jq are taken
# where they are installed.
programs() {
	debian sqlite3 sqlite3
	python3 -m venv target/programs
	target/programs/bin/pip install --quiet --disable-pip-version-check --requirement tests/programs/requirements.txt
}

cd "$ROOT"
provide_prometheus
debian "${CHROMIUM:-chromium}" chromium
debian "${FIREFOX:-firefox-esr}" firefox-esr
step programs "test-slow: programs that open an export (usually 1 minute)" programs
scripts/clients.sh
scripts/build.sh >/dev/null
scripts/build.sh programs
playwright test --config tests/firefox
# In a whole Chromium, where `make test` takes the one without windows.
CHROMIUM=${CHROMIUM:-chromium} playwright test --config tests/page --grep @slow
node bench/scale/run.mjs
cargo test --quiet --locked --no-run
skipped=$(scripts/backends.sh)
EXAMPLES_HOST=node cargo test --locked --test send --test events --test erase --test compare -- --test-threads=4
# One at a time: memory and the rate of events are measured.
# shellcheck disable=SC2086 # None, or pairs of an option and a name.
cargo test --locked --test native --test runtime --test release -- --ignored --test-threads=1 $skipped
