#!/usr/bin/env bash
# Everything that can be said of the code without running it: format, lints, licences and sources of what we depend on.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
no_arguments "$@"

lint_wasm() {
	use_wasm_toolchain
	cargo clippy --locked --lib --target wasm32-unknown-unknown -- -D warnings
	cargo clippy --locked --lib --target wasm32-unknown-unknown --features provoke-panic -- -D warnings
}

lint_scripts() {
	shellcheck --external-sources scripts/*.sh findings/*.sh .ci/run
}

lint_javascript() {
	local project
	biome ci --error-on-warnings .
	REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true redocly lint page/openapi.json
	# What the page may ask and read, by the API's description.
	openapi-typescript page/openapi.json --output target/types/openapi.d.ts
	for project in tsconfig.json tsconfig.workers.json page tests/unit tests/page tests/firefox; do
		tsc --project "$project" --incremental --tsBuildInfoFile "target/types/${project//\//-}.tsbuildinfo"
	done
}

audit() {
	locked setup cargo_tool cargo-deny 0.20.2 cargo-deny --locked
	# Not the advisories: their list has to be fetched, from where a firewall may not let us through. The GitHub workflow
	# looks at them.
	cargo deny --locked --workspace check licenses sources bans
}

cd "$ROOT"
# Before all that takes longer.
debian shellcheck shellcheck
scripts/setup.sh
lint_javascript
cargo fmt --all --check
# A workspace of its own.
cargo fmt --check --manifest-path fuzz/Cargo.toml
# --locked, here and below: a lock file that is not up to date is a fault too.
cargo clippy --locked --workspace --all-targets -- -D warnings
(lint_wasm)
lint_scripts
node scripts/documentation.mjs
audit
