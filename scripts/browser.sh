#!/usr/bin/env bash
# Installs the browser that the page is tested in, Debian's Chromium with its chromedriver, where it is not there yet.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

is_there() {
	command -v chromedriver >/dev/null && { command -v chromium || command -v google-chrome; } >/dev/null
}

if is_there; then exit; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	say "test: Chromium (from Debian's packages)"
	# The list of packages may be missing, or too old for the servers.
	export DEBIAN_FRONTEND=noninteractive
	apt-get install -qq chromium chromium-driver >/dev/null 2>&1 ||
		{ apt-get update -qq && apt-get install -qq chromium chromium-driver; } >&2
fi
is_there ||
	die "test: the page is tested in a browser; install Debian's packages chromium and chromium-driver, then try again."
