#!/usr/bin/env bash
# Builds the Worker, or with the word `panicking` one that panics on demand, for the tests: into target/panicking/, and not
# optimised, since what they prove is in src/runtime/entry.js and in bindgen/. With the word `programs` it builds the examples
# for Node, into build/programs/: scripts/program.mjs runs them.
# The Worker is build/index.js and build/index_bg.wasm, and the page beside it. Prints the Worker's sizes and fails where
# they are over the limit. wrangler calls this too ([build] in wrangler.toml), so it sets up what it needs.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

TARGET=wasm32-unknown-unknown
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$ROOT/target}

# Sets rustc's flags for wasm. A panic names its source file. The folders of this machine have no place there: without them, one
# commit gives the same Worker in any folder. To be called when the crates' sources are there.
set_rustflags() {
	local flags from sysroot
	sysroot=$(rustc --print sysroot)
	flags=(--remap-path-prefix "$ROOT=." --remap-path-prefix "$CARGO_TARGET_DIR=target" --remap-path-prefix "$sysroot=rust")
	# Named after the registry, which may be a mirror.
	for from in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
		flags+=(--remap-path-prefix "$from=crates")
	done
	# An event is hashed in some 1 us either way, and the loops unrolled are 7 KB more to compile at each cold start.
	flags+=(--cfg 'sha2_backend_soft="compact"')
	CARGO_ENCODED_RUSTFLAGS=$(
		IFS=$'\x1f'
		printf %s "${flags[*]}"
	)
	export CARGO_ENCODED_RUSTFLAGS
}

# compile PROFILE [FLAGS...]: the crate, with cargo's FLAGS.
compile() {
	local profile=$1
	shift
	cargo fetch --quiet --locked --target $TARGET &&
		set_rustflags &&
		cargo build --quiet --locked --lib --profile "$profile" --target $TARGET "$@"
}

# optimise WASM PROFILE SYMBOLS: in place. The file SYMBOLS gets the names of the functions.
optimise() {
	# Tests do not need it.
	[ "$2" = release ] || return 0
	# The names of functions are a tenth of the size; a panic is reported with its file and line.
	# Unless it is told not to, it inlines whatever has one caller, and with it what was kept out of a call's future.
	# The rest of the features it finds in the wasm; this one wasm-bindgen adds.
	wasm-opt -O --one-caller-inline-max-function-size=100 --enable-exception-handling \
		--symbolmap="$3" --strip-debug --strip-producers "$1" -o "$1"
}

# The examples that the bundle has.
PROGRAMS=(send events erase compare)

# In a folder of its own: it has the crate without the Worker.
compile_programs() {
	cargo fetch --quiet --locked --target $TARGET &&
		set_rustflags &&
		cargo build --quiet --locked --no-default-features --release --target $TARGET \
			--target-dir "$CARGO_TARGET_DIR/programs" "${PROGRAMS[@]/#/--example=}"
}

assemble_programs() {
	local name stage=build/.programs
	rm -rf "$stage" && mkdir -p "$stage" || return
	for name in "${PROGRAMS[@]}"; do
		target/tools/debug/bindgen program "$CARGO_TARGET_DIR/programs/$TARGET/release/examples/$name.wasm" "$stage" "$name" &&
			optimise "$stage/${name}_bg.wasm" release /dev/null || return
	done
	rm -rf build/programs && mv "$stage" build/programs
}

build_programs() {
	use_wasm_toolchain
	step build-programs "build: compiling the programs (usually 90 s, or 20 s after a change)" compile_programs
	step assemble-programs "build: putting them together (usually 5 s)" assemble_programs
}

# assemble WASM FOLDER PROFILE: makes the Worker's two files of the crate's, aside, and moves them into place when they are
# whole: wrangler watches build/.
assemble() {
	local wasm=$1 folder=$2 profile=$3 stage=$2/.stage
	rm -rf "$stage" &&
		mkdir -p "$stage" &&
		target/tools/debug/bindgen "$wasm" "$stage" &&
		# esbuild does not know this form, and wrangler gives a module either way.
		sed -i 's/^import source /import /' "$stage/index.js" &&
		cp src/runtime/entry.js "$stage/" &&
		# Without finalizers the glue takes its branch for engines that have none: Rust drops its closures itself.
		esbuild "$stage/entry.js" --bundle --minify --format=esm --target=esnext --external:./index_bg.wasm \
			--define:FinalizationRegistry=undefined --outfile="$stage/bundle.js" --log-level=warning &&
		optimise "$stage/index_bg.wasm" "$profile" "$folder/.symbols" &&
		mv "$stage/index_bg.wasm" "$folder/index_bg.wasm" &&
		mv "$stage/bundle.js" "$folder/index.js" &&
		rm -rf "$stage" &&
		sha256sum "$wasm" scripts/build.sh src/runtime/entry.js package-lock.json target/tools/debug/bindgen \
			"$folder/index.js" "$folder/index_bg.wasm" >"$folder/.stamp"
}

# build FOLDER PROFILE [FLAGS...]: compiles with cargo's FLAGS and puts the two files into FOLDER.
build() {
	# Cargo has what the profile `dev` makes in a folder of another name.
	local folder=$1 profile=$2 wasm=$CARGO_TARGET_DIR/$TARGET/${2/#dev/debug}/unfollow_webhook.wasm
	shift 2
	use_wasm_toolchain
	# First cargo alone, which knows what changed; what comes after it is skipped where it would work on the same input.
	step "build-$profile" "build: compiling the Worker (usually 60 s, or 25 s after a change)" compile "$profile" "$@"
	if [ -f "$folder/.stamp" ] && sha256sum --check --status "$folder/.stamp" 2>/dev/null; then return; fi
	step "assemble-$profile" "build: putting it together (usually 10 s)" assemble "$wasm" "$folder" "$profile"
}

case ${1:-} in
panicking | programs) ;;
*) no_arguments "$@" ;;
esac
cd "$ROOT"
scripts/setup.sh
case ${1:-} in
panicking)
	locked panicking build target/panicking dev --features provoke-panic
	exit
	;;
programs)
	locked programs build_programs
	exit
	;;
esac
locked build build build release
scripts/assets.sh
node scripts/sizes.mjs
