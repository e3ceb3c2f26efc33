// How large the Worker is that scripts/build.sh made in build/, and how large it may be. Prints the sizes, and fails where one is over
// its limit.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * The most bytes with which `make build` succeeds: guards against accidents, not targets. `gzip` is of both files together, for which
 * the platform allows 3 MB. Each byte of `wasm` costs every start of an isolate, and each of `future`, the function of a call's future,
 * costs its first call: what webhooks do not need is boxed, or not inlined.
 */
export const LIMITS = { gzip: 650_000, wasm: 1_600_000, future: 20_000 };

/** @typedef {{ raw: number, gzip: number }} Size in bytes */

/**
 * The bytes of a file, raw and in gzip.
 * @param {string} path
 * @returns {Size}
 */
export function sizeOf(path) {
	const zipped = execFileSync("gzip", ["-9", "-c", path], { maxBuffer: 2 ** 26 });
	return { raw: readFileSync(path).length, gzip: zipped.length };
}

/** The sections by their ids. */
const SECTIONS = new Map([
	[10, /** @type {const} */ ("code")],
	[11, /** @type {const} */ ("data")],
]);

/**
 * Bytes of a wasm file's code, data and all other sections, and those of each function's body.
 * @param {string} path
 */
export function wasmParts(path) {
	const wasm = readFileSync(path);
	let at = 8;
	// A number in LEB128.
	const number = () => {
		let value = 0;
		for (let shift = 0, more = true; more; shift += 7) {
			const byte = wasm[at++];
			value += (byte & 0x7f) * 2 ** shift;
			more = byte >= 0x80;
		}
		return value;
	};
	const sections = { code: 0, data: 0, other: at };
	/** @type {number[]} */
	const bodies = [];
	// Behind the magic number and the version: an id, a length, and as many bytes.
	while (at < wasm.length) {
		const begin = at;
		const section = SECTIONS.get(wasm[at++]) ?? "other";
		const end = number() + at;
		if (section === "code") {
			for (let left = number(); left > 0; left--) {
				bodies.push(number());
				at += bodies.at(-1) ?? 0;
			}
		}
		at = end;
		sections[section] += end - begin;
	}
	return { sections, bodies };
}

/** The names that the compiler gives the function of a call's future, by what it has inlined into what. */
const FUTURE =
	/^(<core::pin::Pin<P> as core::future::future::Future>::poll|unfollow_webhook::(runtime|dispatch::Dispatcher<P>)::fetch::\{\{closure\}\})::h[0-9a-f]+$/;

/**
 * Bytes of the function of a call's future.
 * @param {string} folder that has the wasm, and in `.symbols` the names of its functions, imports first
 */
function futureSize(folder) {
	const names = readFileSync(`${folder}/.symbols`, "utf8").trimEnd().split("\n");
	const { bodies } = wasmParts(`${folder}/index_bg.wasm`);
	const imports = names.length - bodies.length;
	const sizes = names.flatMap((line, index) =>
		FUTURE.test(line.slice(line.indexOf(":") + 1)) ? [bodies[index - imports]] : [],
	);
	if (sizes.length === 0)
		throw new Error("build: no function looks like that of a call's future: see FUTURE in scripts/sizes.mjs.");
	return Math.max(...sizes);
}

function main() {
	const files = ["index.js", "index_bg.wasm"];
	const [script, wasm] = files.map((file) => sizeOf(`build/${file}`));
	const sizes = { gzip: script.gzip + wasm.gzip, wasm: wasm.raw, future: futureSize("build") };
	for (const [index, { raw, gzip }] of [script, wasm].entries()) {
		console.log(`${files[index].padEnd(14)} ${raw} bytes, ${gzip} gzip`);
	}
	const names = /** @type {(keyof typeof LIMITS)[]} */ (Object.keys(LIMITS));
	for (const name of names) console.log(`${name.padEnd(14)} ${sizes[name]} bytes of ${LIMITS[name]} allowed`);
	const over = names.filter((name) => sizes[name] > LIMITS[name]);
	if (over.length > 0) {
		console.error(`build: the Worker is over its limit of ${over.join(" and ")}: see what a change brought with it.`);
		process.exit(1);
	}
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
