#!/usr/bin/env bash
# Builds the Worker and runs all tests but the slow ones (scripts/test-slow.sh): the rules natively, the built Worker on the real
# runtime, and the page in a browser. What does not wait for one another runs side by side (scripts/test.mk). Each part's output
# goes to target/log/test-<part>.log, and is shown when it ends; the last line counts all tests. Where SCREENSHOTS names a
# folder, pictures of the page are put there.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

# How many tests of the built Worker run at a time: they wait more than they compute.
RUNTIME_THREADS=6

# All binaries of tests, but for those that need the built Worker.
native_tests() {
	local file name
	for file in tests/*.rs tests/*/main.rs; do
		name=${file%.rs}
		name=$(basename "${name%/main}")
		case $name in
		runtime | release | deploy) ;;
		*) printf -- '--test\n%s\n' "$name" ;;
		esac
	done
}

part() {
	case $1 in
	tools) scripts/setup.sh ;;
	browser) debian "${CHROMIUM:-chromium-headless-shell}" chromium-headless-shell ;;
	compile) cargo test --quiet --locked --no-run ;;
	worker) scripts/build.sh ;;
	panicking) scripts/build.sh panicking ;;
	deployable)
		# The bundle that it makes is thrown away, but for what it says.
		wrangler deploy --dry-run --outdir target/dry-run
		# The benchmark's peers still do what the Worker does.
		node bench/run.mjs --check
		;;
	unit) node --test 'tests/unit/*.test.mjs' ;;
	native)
		local tests
		mapfile -t tests < <(native_tests)
		cargo test --locked --lib "${tests[@]}"
		;;
	runtime) cargo test --locked --test runtime --test deploy -- --test-threads="$RUNTIME_THREADS" ;;
	page)
		# As root, Chromium would raise its priority over all that runs beside it, and calls have deadlines.
		local fair=(setpriv --bounding-set=-sys_nice --inh-caps=-sys_nice)
		"${fair[@]}" true 2>/dev/null || fair=()
		"${fair[@]}" playwright test --config tests/page --grep-invert @slow
		;;
	*) no_arguments "$1" ;;
	esac
}

# shellcheck disable=SC2317 # `locked` calls it.
show() {
	printf '\n== test: %s, %s\n' "$1" "$2"
	cat "target/log/test-$1.log"
}

# Runs a part, and shows what it said.
run_part() {
	local log=target/log/test-$1.log start=$SECONDS status=0
	# Not as a condition: bash would then go on after a command that fails.
	set +e
	(
		set -e
		part "$1"
	) >"$log" 2>&1 </dev/null
	status=$?
	set -e
	locked show show "$1" "$((SECONDS - start)) s$([ $status = 0 ] || printf ', failed')"
	return $status
}

# The number of tests that NAME (passed or failed) says of cargo's, Playwright's and Node's.
count() {
	sed -nE "s/^test result: .* ([0-9]+) $1;.*/\1/p; s/^ +([0-9]+) $1\b.*/\1/p; s/^(#|ℹ) $2 ([0-9]+)$/\2/p" target/log/test-*.log |
		awk '{ sum += $1 } END { print sum + 0 }'
}

cd "$ROOT"
mkdir -p target/log
if [ $# = 1 ]; then
	run_part "$1"
	exit
fi
rm -f target/log/test-*.log
printf 'test: building and running everything, side by side (usually 3 minutes, or 8 in a fresh clone) …\n' >&2
status=0
make --no-print-directory --jobs --keep-going --makefile scripts/test.mk || status=$?
printf '\n%d passed, %d failed\n' "$(count passed pass)" "$(count failed fail)"
exit $status
