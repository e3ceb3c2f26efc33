// What is measured side by side: a floor, the peers in JavaScript, and the Worker as it is shipped.

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { prepare } from "./workerd.mjs";

/** @import { Module } from "./workerd.mjs" */
/** @typedef {"floor" | "javascript" | "javascript_one_timer" | "hono" | "base" | "ours" | "ours_problems" | "javascript_d1" | "base_d1" | "ours_d1"} Name of a variant */
/** @typedef {Record<Name, { path: string, bundle: string }>} Prepared each with the path of its config, and of its script */

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Those that receive: they check, store and log, and must agree in all of it.
 * @type {Name[]}
 */
export const RECEIVERS = ["javascript", "javascript_one_timer", "hono", "ours"];

/** The folder of another build of this Worker, to be measured in the same run; empty for none. */
export const BASE = process.env.BASE ?? "";

/**
 * What is measured beside the receivers. It need not agree with them: another version may have another record.
 * @type {Name[]}
 */
const BASES = BASE ? ["base"] : [];

/**
 * Those whose rejections are measured.
 * @type {Name[]}
 */
export const REJECTING = [...RECEIVERS, ...BASES];

/**
 * With KV as the only sink; by their names in the results.
 * @type {Name[]}
 */
export const VARIANTS = ["floor", ...REJECTING, "ours_problems"];

/**
 * Receivers with `SINKS=kv,d1`: they insert each event into D1 as well, beside the put.
 * @type {Name[]}
 */
export const D1_RECEIVERS = ["javascript_d1", "ours_d1"];

/**
 * The same, and the other build.
 * @type {Name[]}
 */
export const D1_VARIANTS = BASE ? [...D1_RECEIVERS, "base_d1"] : D1_RECEIVERS;

/** How the report calls them. */
export const TITLES = {
	floor: "floor",
	javascript: "hand-written JavaScript",
	javascript_one_timer: "the same with one timer a call",
	hono: "Hono",
	base: "the other build",
	ours: "ours",
	ours_problems: "ours with `LOG=problems`",
	javascript_d1: "hand-written JavaScript",
	base_d1: "the other build",
	ours_d1: "ours",
};

/** The Worker that `make build` made in a folder. */
const built = (/** @type {string} */ folder) => ["index.js", "index_bg.wasm"].map((name) => join(folder, name));

/** The one that is measured. */
export const OURS = built(join(ROOT, "build"));

/**
 * Bundles the peers into `folder`, minified, and writes every variant's config.
 * @param {string} folder
 */
export async function prepareAll(folder) {
	const storage = join(ROOT, "bench", "storage.js");
	const prepared = /** @type {Prepared} */ ({});
	for (const name of [...VARIANTS, ...D1_VARIANTS]) {
		const [, source, option] = /** @type {RegExpExecArray} */ (/^(.*?)(?:_(d1|problems))?$/.exec(name));
		const vars = { SINKS: option === "d1" ? "kv,d1" : "kv", ...(option === "problems" && { LOG: option }) };
		const modules =
			source === "ours" ? worker(OURS) : source === "base" ? worker(built(BASE)) : [await bundled(source, folder)];
		prepared[name] = { path: prepare(join(folder, name), modules, vars, storage), bundle: modules[0].path };
	}
	return prepared;
}

/**
 * @param {string[]} files
 * @returns {Module[]}
 */
function worker([script, wasm]) {
	return [
		{ name: "index.js", kind: "esModule", path: script },
		{ name: "index_bg.wasm", kind: "wasm", path: wasm },
	];
}

/**
 * @param {string} name
 * @param {string} folder
 * @returns {Promise<Module>}
 */
async function bundled(name, folder) {
	const path = join(folder, `${name}.js`);
	await build({
		entryPoints: [join(ROOT, "bench", "peers", `${name}.js`)],
		outfile: path,
		bundle: true,
		minify: true,
		format: "esm",
		target: "esnext",
	});
	return { name: "index.js", kind: "esModule", path };
}
