// How large the bundles are, how large they may be, and what a wasm file consists of.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** @typedef {{ raw: number, gzip: number }} Size in bytes */

/**
 * The bytes of a file, raw and in gzip.
 * @param {string} path
 * @returns {Size}
 */
export function sizeOf(path) {
	// The same gzip as in scripts/build.sh, so that the sizes are the same.
	const zipped = execFileSync("gzip", ["-9", "-c", path], { maxBuffer: 2 ** 26 });
	return { raw: readFileSync(path).length, gzip: zipped.length };
}

/** The most bytes of gzip with which `make build` succeeds; scripts/build.sh defines it. */
export function gzipLimit() {
	const script = readFileSync(new URL("../../scripts/build.sh", import.meta.url), "utf8");
	const limit = /^LIMIT=([0-9]+)$/m.exec(script);
	if (!limit) throw new Error("scripts/build.sh defines no LIMIT");
	return Number(limit[1]);
}

/** The sections by their ids. */
const SECTIONS = new Map([
	[10, /** @type {const} */ ("code")],
	[11, /** @type {const} */ ("data")],
]);

/**
 * Bytes of a wasm file's code, data and all other sections.
 * @param {string} path
 */
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
		sizes[SECTIONS.get(id) ?? "other"] += at - begin;
	}
	return sizes;
}
