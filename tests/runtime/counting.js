// A Worker before the Worker under test, and between it and its KV. A list of entries that is posted to /fill goes into
// KV. /operations returns the names of the operations on KV since its last call. From numbers of ms by operation
// posted to /slow on, each of these operations takes so long before it is done. From a number posted to /limit on, a request has so many
// operations, as Cloudflare's plans allow so many an invocation, and the others fail; /struck returns how many have. All other requests are
// passed on.
import { WorkerEntrypoint } from "cloudflare:workers";

/** @typedef {{ EVENTS: KVNamespace, OURS: Fetcher }} Env */
/** @typedef {{ key: string, value: string, metadata: object }} Entry */

/** @type {string[]} */
let operations = [];
/** @type {Record<string, number>} */
let takesMs = {};
let limit = Number.POSITIVE_INFINITY;
let used = 0;
let struck = 0;

/** @param {string} operation */
async function count(operation) {
	operations.push(operation);
	used += 1;
	if (used > limit) {
		struck += 1;
		throw new Error("Too many API requests by single Worker invocation.");
	}
	const wait = takesMs[operation] ?? 0;
	if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
}

/** @extends {WorkerEntrypoint<Env>} */
export class EVENTS extends WorkerEntrypoint {
	/** @param {KVNamespaceListOptions} options */
	async list(options) {
		await count("list");
		return this.env.EVENTS.list(options);
	}
	/** @param {string[]} keys */
	async get(keys) {
		// What it was asked for is what it had then. One operation, of one key or of many.
		const value = await this.env.EVENTS.get(keys);
		await count("get");
		return value;
	}
	/**
	 * @param {string} key
	 * @param {string} value
	 * @param {KVNamespacePutOptions} options
	 */
	async put(key, value, options) {
		await count("put");
		return this.env.EVENTS.put(key, value, options);
	}
	/** @param {string} key */
	async delete(key) {
		await count("delete");
		return this.env.EVENTS.delete(key);
	}
}

/** @type {ExportedHandler<Env>} */
export default {
	async fetch(request, env) {
		const { pathname } = new URL(request.url);
		if (pathname === "/fill") {
			/** @type {Entry[]} */
			const entries = await request.json();
			await Promise.all(entries.map(({ key, value, metadata }) => env.EVENTS.put(key, value, { metadata })));
			return Response.json({ filled: entries.length });
		}
		if (pathname === "/slow") {
			takesMs = await request.json();
			return Response.json(takesMs);
		}
		if (pathname === "/limit") {
			limit = await request.json();
			return Response.json(limit);
		}
		if (pathname === "/struck") return Response.json(struck);
		if (pathname === "/operations") {
			const since = operations;
			operations = [];
			return Response.json(since);
		}
		used = 0;
		return env.OURS.fetch(request);
	},
};
