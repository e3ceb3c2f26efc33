// Runs one of the programs of the bundle: `program.mjs send|events|erase|compare ARGUMENT…`. They are the examples of the source, in
// wasm, and run in a thread of their own, so that they may wait for what this one does: calls over HTTP.

import http from "node:http";
import https from "node:https";
import { MessageChannel, Worker } from "node:worker_threads";

/**
 * @typedef {object} Call
 * @property {string} method
 * @property {string} origin
 * @property {string} target path and query, as they are sent
 * @property {[string, string][]} headers
 * @property {string | null} body
 * @property {number} timeoutMs for the whole call
 * @property {number} answerMax bytes of a response's body
 * @property {number} connections most that stay open
 * @property {boolean} proxy whether one of the environment may be used
 */

/**
 * @typedef {{ Ok: { status: number, date?: string, retryAfter?: string, body: string } }} Answer
 * @typedef {"late" | "noHost" | "refused" | "closed" | { tooLong: number } | { other: string }} Failure
 */

/**
 * One for http and one for https.
 * @type {Map<typeof http.Agent, http.Agent>}
 */
const agents = new Map();

/** @param {Call} call */
function agentOf({ origin, connections, proxy }) {
	const options = { keepAlive: true, maxSockets: connections };
	// Node 24.5 and newer; older ones have no proxies, and pass over the option.
	const proxyEnv = proxy ? { proxyEnv: process.env } : {};
	const { Agent } = origin.startsWith("https:") ? https : http;
	const agent = agents.get(Agent) ?? new Agent({ ...options, ...proxyEnv });
	agents.set(Agent, agent);
	return agent;
}

/**
 * @param {NodeJS.ErrnoException} error
 * @returns {Failure}
 */
function failureOf(error) {
	switch (error.code) {
		case "ECONNREFUSED":
			return "refused";
		case "ENOTFOUND":
		case "EAI_AGAIN":
			return "noHost";
		case "ECONNRESET":
		case "EPIPE":
			return "closed";
		default:
			return { other: error.message };
	}
}

/**
 * Makes a call, and says how it ended.
 * @param {Call} call
 * @returns {Promise<Answer | { Err: Failure }>}
 */
function exchange(call) {
	/** @type {PromiseWithResolvers<Answer | { Err: Failure }>} */
	const { promise, resolve } = Promise.withResolvers();
	const { request: begin } = call.origin.startsWith("https:") ? https : http;
	const { hostname, port } = new URL(call.origin);
	const request = begin({
		// An IPv6 address has brackets in a URL, and none where it is connected to.
		hostname: hostname.replace(/^\[|\]$/g, ""),
		port,
		method: call.method,
		path: call.target,
		headers: Object.fromEntries(call.headers),
		agent: agentOf(call),
	});
	/** @param {Failure} failure */
	const fail = (failure) => {
		resolve({ Err: failure });
		request.destroy();
	};
	const late = setTimeout(() => fail("late"), call.timeoutMs);
	request.on("error", (error) => fail(failureOf(error)));
	request.on("response", (response) => {
		/** @type {Buffer[]} */
		const chunks = [];
		let length = 0;
		response.on("error", (error) => fail(failureOf(error)));
		response.on("data", (chunk) => {
			chunks.push(chunk);
			length += chunk.length;
			if (length > call.answerMax) fail({ tooLong: call.answerMax });
		});
		response.on("end", () => {
			const { date, "retry-after": retryAfter } = response.headers;
			const body = new TextDecoder("utf-8", { ignoreBOM: true }).decode(Buffer.concat(chunks));
			resolve({ Ok: { status: response.statusCode ?? 0, date, retryAfter, body } });
		});
	});
	request.end(call.body ?? undefined);
	return promise.finally(() => clearTimeout(late));
}

const [name, ...args] = process.argv.slice(2);
const { port1: calls, port2: ofThread } = new MessageChannel();
const ended = new Int32Array(new SharedArrayBuffer(4));
const thread = new Worker(new URL(`../build/programs/${name}.js`, import.meta.url), {
	workerData: { name, args, calls: ofThread, ended },
	transferList: [ofThread],
});
calls.on("message", async (text) => {
	const call = JSON.parse(text);
	const start = performance.now();
	const answer = await exchange(call);
	calls.postMessage(JSON.stringify({ tookMs: performance.now() - start, answer }));
	Atomics.add(ended, 0, 1);
	Atomics.notify(ended, 0);
});
thread.on("error", (error) => {
	console.error(error);
	process.exit(1);
});
// Connections that are open would keep this process.
thread.on("exit", (status) => process.exit(status));
