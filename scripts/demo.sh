#!/usr/bin/env bash
# Serves the Worker with a day of made-up data, sent by the example `send`, and a backend that fails now and then, so that
# everything on the page can be seen. Ctrl-C ends it, and nothing is left of it. The rest is in demo.mjs.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
no_arguments "$@"

# Ctrl-C is how one is meant to end it: make has no error to report.
trap 'exit 0' INT
cd "$ROOT"
scripts/build.sh >/dev/null
step sender "demo: compiling the sender (usually 60 s the first time)" cargo build --quiet --locked --example send
SENDER=${CARGO_TARGET_DIR:-$ROOT/target}/debug/examples/send
export SENDER
exec node scripts/demo.mjs
