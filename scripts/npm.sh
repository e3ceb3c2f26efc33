#!/usr/bin/env bash
# What npm's scripts run in a clone: make's target of the same name. make would take arguments for its own, or for further
# targets: `npm run deploy -- --env staging` would deploy, and then say that there is no target `staging`.
set -euo pipefail
target=$1
shift
# What stands before the `--` npm takes for its own.
set -- "$@" ${npm_config_dry_run:+--dry-run} ${npm_config_env:+"--env=$npm_config_env"}
if [ $# -gt 0 ]; then
	printf 'npm run %s takes no arguments, and was given %s: nothing was done.\n' "$target" "$*" >&2
	exit 1
fi
exec make --no-print-directory "$target"
