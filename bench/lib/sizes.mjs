// How large the bundles are, and what a wasm file consists of.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Bytes of a file, as it is and in gzip. */
export function sizeOf(path) {
	// The same gzip as in build.sh, whose limit these are held against.
	const zipped = execFileSync("gzip", ["-9", "-c", path], { maxBuffer: 2 ** 26 });
	return { raw: readFileSync(path).length, gzip: zipped.length };
}

const SECTIONS = { 10: "code", 11: "data" };

/** Bytes of a wasm file's code, data and all other sections. */
export function wasmSections(path) {
	const wasm = readFileSync(path);
	const sizes = { code: 0, data: 0, other: 8 };
	// Behind the magic number and the version: an id, a length in LEB128, and as many bytes.
	for (let at = 8; at < wasm.length; ) {
		const begin = at;
		const id = wasm[at++];
		let length = 0;
		for (let shift = 0, more = true; more; shift += 7) {
			const byte = wasm[at++];
			length += (byte & 0x7f) * 2 ** shift;
			more = byte >= 0x80;
		}
		at += length;
		sizes[SECTIONS[id] ?? "other"] += at - begin;
	}
	return sizes;
}
