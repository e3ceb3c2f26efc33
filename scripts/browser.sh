#!/usr/bin/env bash
# Installs the browser that the page is tested in, Debian's Chromium with its chromedriver, where it is not there yet.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

is_there() {
	command -v chromedriver >/dev/null && { command -v chromium || command -v google-chrome; } >/dev/null
}

is_there || debian_packages "test: the page is tested in a browser" chromium chromium-driver
is_there || die "test: Debian's packages chromium and chromium-driver have brought no chromedriver and no browser."
