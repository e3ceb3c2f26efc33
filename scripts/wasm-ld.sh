#!/usr/bin/env bash
# The linker for wasm: rustc's own, less the exports that nobody uses. The `worker` crate exports the functions of its
# classes (R2Range, MinifyConfig, streams and others) to JavaScript whether or not they are used, and with them all that
# they need is kept, a tenth of the Worker's size.
set -euo pipefail

UNUSED='(containerstartupoptions|minifyconfig|r2range|intounderlying|worker_init_state)'

args=()
while [ $# -gt 0 ]; do
	if [ "$1" = --export ] && [[ ${2:-} =~ $UNUSED ]]; then
		shift 2
	else
		args+=("$1")
		shift
	fi
done
exec "$(rustc --print sysroot)/lib/rustlib/$(rustc --print host-tuple)/bin/rust-lld" "${args[@]}"
