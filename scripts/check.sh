#!/usr/bin/env bash
# Everything that can be said of the code without running it: format, lints, licences and sources of what we depend on.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

lint_wasm() {
	use_wasm_toolchain
	cargo clippy --locked --lib --target wasm32-unknown-unknown -- -D warnings
	cargo clippy --locked --lib --target wasm32-unknown-unknown --features provoke-panic -- -D warnings
}

lint_scripts() {
	if ! command -v shellcheck >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		# The list of packages may be missing, or too old for the servers.
		{ apt-get install -qq shellcheck || { apt-get update -qq && apt-get install -qq shellcheck; }; } \
			>/dev/null 2>&1 || true
	fi
	if command -v shellcheck >/dev/null; then
		shellcheck --external-sources scripts/*.sh .ci/run
	else
		say "check: the scripts were not checked, because shellcheck is not installed"
	fi
}

audit() {
	locked setup cargo_tool cargo-deny "$CARGO_DENY_VERSION" cargo-deny --locked
	# Not the advisories: their list has to be fetched, from where a firewall may not let us through. The GitHub workflow
	# looks at them.
	cargo deny --locked check licenses sources bans
}

cd "$ROOT"
scripts/setup.sh
cargo fmt --check
# --locked, here and below: a lock file that is not up to date is a fault too.
cargo clippy --locked --all-targets -- -D warnings
(lint_wasm)
lint_scripts
audit
