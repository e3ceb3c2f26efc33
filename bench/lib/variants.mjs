// What is measured side by side: a floor, the peers in JavaScript, and the Worker as it is shipped.

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { prepare } from "./workerd.mjs";

/** @import { Module } from "./workerd.mjs" */
/** @typedef {"floor" | "javascript" | "hono" | "ours" | "javascript_d1" | "ours_d1"} Name of a variant */
/** @typedef {Record<Name, { path: string, bundle: string }>} Prepared each with the path of its config, and of its script */

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Those that receive: they check, store and log, and must agree in all of it.
 * @type {Name[]}
 */
export const RECEIVERS = ["javascript", "hono", "ours"];

/**
 * With KV as the only sink; by their names in the results.
 * @type {Name[]}
 */
export const VARIANTS = ["floor", ...RECEIVERS];

/**
 * Receivers with `SINKS=kv,d1`: they insert each event into D1 as well, beside the put.
 * @type {Name[]}
 */
export const D1_RECEIVERS = ["javascript_d1", "ours_d1"];

/** How the report calls them. */
export const TITLES = {
	floor: "floor",
	javascript: "hand-written JavaScript",
	hono: "Hono",
	ours: "ours",
	javascript_d1: "hand-written JavaScript",
	ours_d1: "ours",
};

/** What `make build` made. */
export const OURS = ["index.js", "index_bg.wasm"].map((name) => join(ROOT, "build", name));

/**
 * Bundles the peers into `folder`, minified, and writes every variant's config.
 * @param {string} folder
 */
export async function prepareAll(folder) {
	const storage = join(ROOT, "bench", "storage.js");
	const prepared = /** @type {Prepared} */ ({});
	for (const name of [...VARIANTS, ...D1_RECEIVERS]) {
		const [source, sinks] = D1_RECEIVERS.includes(name) ? [name.replace("_d1", ""), "kv,d1"] : [name, "kv"];
		const modules = source === "ours" ? ours() : [await bundled(source, folder)];
		prepared[name] = { path: prepare(join(folder, name), modules, sinks, storage), bundle: modules[0].path };
	}
	return prepared;
}

/** @returns {Module[]} */
function ours() {
	const [script, wasm] = OURS;
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
