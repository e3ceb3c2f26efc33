#!/usr/bin/env bash
# wasm-opt inlines a function that is called from one place, however large it is, at -Os and -Oz too: what a compiler kept apart
# (Rust's `#[inline(never)]`) is in the caller again.
#
# Guess:    a function stays apart where its source says so, and a large one in any case, the more so at -Oz: inlining is for small
#           functions (`--always-inline-max-function-size` is 2, `--flexible-inline-max-function-size` 20).
# Happens:  wasm has no mark for it, and `--one-caller-inline-max-function-size` has no limit unless it is set: 20 KB that one branch
#           calls, and that seldom, become a part of the function with the branch. -O3 does the same, -O1 nothing.
# Matters:  to who keeps rare code out of what each cold start compiles: V8 compiles a function whole at its first call. A Worker's first
#           function was twice as large as rustc had made it.
# Versions: binaryen 132.0.0 with its wasm-opt, node 24.21.0 (npm).
# Seen:     2026-11-29
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

echo '{"private": true, "type": "module", "allowScripts": {"node": true}}' >package.json
npm install --silent --no-audit --no-fund --cache "$work/npm" node@24.21.0 binaryen@132.0.0

cat >expected <<'END'
as it is                                 2 functions, the largest over 20 KB, `often` under 100 bytes
-O1                                      2 functions, the largest over 20 KB, `often` under 100 bytes
-O3                                      1 function, `often` over 20 KB
-Os                                      1 function, `often` over 20 KB
-Oz                                      1 function, `often` over 20 KB
-Oz with a limit of 100                  2 functions, the largest over 20 KB, `often` under 100 bytes
END

cat >count.js <<'END'
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

// Calls of an import with another number each, so that no two are the same.
const calls = Array.from({ length: 5_000 }, (_, number) => `(call $note (i32.const ${number}))`);
writeFileSync(
	"module.wat",
	`(module
		(import "host" "note" (func $note (param i32)))
		(func $seldom ${calls.join("\n")})
		(func (export "often") (param i32) (if (local.get 0) (then (call $seldom)))))`,
);

/** The bytes of each function's body, in the order of the file. */
function bodies(file) {
	const wasm = readFileSync(file);
	let at = 8;
	const number = () => {
		let value = 0;
		for (let shift = 0, more = true; more; shift += 7) {
			value += (wasm[at] & 0x7f) * 2 ** shift;
			more = wasm[at++] >= 0x80;
		}
		return value;
	};
	for (;;) {
		const section = wasm[at++];
		const end = number() + at;
		if (section === 10) break;
		at = end;
	}
	return Array.from({ length: number() }, () => {
		const size = number();
		at += size;
		return size;
	});
}

function show(name, ...options) {
	execFileSync("node_modules/.bin/wasm-opt", ["module.wat", "-o", "module.wasm", "--quiet", ...options]);
	const sizes = bodies("module.wasm");
	// The exported one is the last.
	const often = sizes.at(-1) > 20_000 ? "over 20 KB" : sizes.at(-1) < 100 ? "under 100 bytes" : `${sizes.at(-1)} bytes`;
	const others = sizes.length > 1 ? `s, the largest ${Math.max(...sizes) > 20_000 ? "over" : "under"} 20 KB` : "";
	console.log(`${name.padEnd(40)} ${sizes.length} function${others}, \`often\` ${often}`);
}

show("as it is");
for (const level of ["-O1", "-O3", "-Os", "-Oz"]) show(level, level);
show("-Oz with a limit of 100", "-Oz", "--one-caller-inline-max-function-size=100");
END
PATH=$PWD/node_modules/.bin:$PATH node count.js >seen

cat seen
diff expected seen
