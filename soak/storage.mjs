// The process of what is behind the Worker's bindings: KV, D1 and the queues, over the protocols of workerd's own clients. It writes
// to disk and is never killed. Each request meets the fault that the seed has for it. Arguments: folder, seed.

import { createServer } from "node:http";
import { join } from "node:path";
import { D1 } from "./lib/d1.mjs";
import { faultsOf, HANG_MS, SLOW_MS } from "./lib/faults.mjs";
import { Kv } from "./lib/kv.mjs";
import { Queues } from "./lib/queues.mjs";

/**
 * @import { IncomingMessage, ServerResponse } from "node:http"
 * @import { AddressInfo } from "node:net"
 * @import { Engine, Fault } from "./lib/faults.mjs"
 */
/** @typedef {{ status: number, reason?: string, headers?: Record<string, string>, body?: string }} Answer */
/**
 * What a request asks for. Only one for an event meets faults.
 * @typedef {object} Operation
 * @property {number} [number] of the event
 * @property {string} [purpose] what it does for the event
 * @property {() => Answer} run
 */
/**
 * @typedef {object} Serves the requests of an engine
 * @property {(request: IncomingMessage, body: Buffer) => Operation} read
 * @property {(fault: Fault) => Answer} refusal
 */

const [folder, seed] = process.argv.slice(2);
const faults = faultsOf(seed);
const kv = new Kv(join(folder, "kv.sqlite"));
const d1 = new D1(join(folder, "d1.sqlite"));
const queues = new Queues(join(folder, "queues.sqlite"), seed);
/**
 * By the header that tells which binding a request is for.
 * @type {Record<string, { name: Engine, serves: Serves }>}
 */
const engines = {
	kv: { name: "kv", serves: kv },
	d1: { name: "d1", serves: d1 },
	"unfollow-deliveries": { name: "queue", serves: queues },
	"unfollow-dead-letters": { name: "queue", serves: queues },
	"unfollow-event-log": { name: "queue", serves: queues },
};

/**
 * How often each fault of each engine was met.
 * @type {Partial<Record<Engine, Partial<Record<Fault, number>>>>}
 */
const met = {};
/**
 * The attempts so far, by engine and what they are for.
 * @type {Map<string, number>}
 */
const attempts = new Map();

/**
 * @param {Engine} engine
 * @param {Operation} operation
 */
function faultFor(engine, { number, purpose = "" }) {
	if (number === undefined) return undefined;
	const key = `${engine} ${number} ${purpose}`;
	const attempt = (attempts.get(key) ?? 0) + 1;
	attempts.set(key, attempt);
	const fault = faults.of(engine, number, purpose, attempt);
	if (fault) met[engine] = { ...met[engine], [fault]: (met[engine]?.[fault] ?? 0) + 1 };
	return fault;
}

/**
 * @param {IncomingMessage} request
 * @param {ServerResponse} response
 * @param {Buffer} body of the request
 */
function answer(request, response, body) {
	const { name, serves } = engines[String(request.headers.engine)];
	const operation = serves.read(request, body);
	const fault = faultFor(name, operation);
	const send = (/** @type {Answer} */ { status, reason, headers, body: text = "" }) =>
		response.writeHead(status, reason, { "content-length": Buffer.byteLength(text), ...headers }).end(text);
	const serve = () => send(operation.run());
	switch (fault) {
		case undefined:
			return serve();
		case "slow":
			return setTimeout(serve, SLOW_MS);
		case "hang":
			return setTimeout(() => request.socket.destroy(), HANG_MS);
		case "unanswered":
			operation.run();
			return request.socket.destroy();
		default:
			return send(serves.refusal(fault));
	}
}

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
	/** @type {Buffer[]} */
	const pieces = [];
	request.on("data", (piece) => pieces.push(piece));
	request.on("end", () => answer(request, response, Buffer.concat(pieces)));
});
server.listen(0, "127.0.0.1", () => tell({ port: /** @type {AddressInfo} */ (server.address()).port }));

/** What the run asks of this process: by a port, where the Worker takes messages, or 0 where there is none. */
/** @typedef {{ front?: number, repair?: boolean, ask?: boolean }} Order */
/** @typedef {ReturnType<typeof counts>} Counts */
/** @typedef {{ port: number } | { counts: Counts }} Report */

const counts = () => ({ ...queues.counts(), ...kv.counts(), met });
const tell = (/** @type {Report} */ report) => process.send?.(report);

process.on("message", (message) => {
	const { front, repair, ask } = /** @type {Order} */ (message);
	if (front !== undefined) queues.deliverTo(front);
	if (repair) faults.repair();
	if (ask) tell({ counts: counts() });
});
// It does not outlive the run.
process.on("disconnect", () => process.exit());
