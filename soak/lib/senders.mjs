// Tencent's part: each event is sent once, by one of many senders, and counts as acknowledged only if that call was answered OK.

import { Connection, post } from "../../bench/lib/load.mjs";
import { chanceOf } from "./chance.mjs";
import { queryOf } from "./events.mjs";

/** @import { Chance } from "./chance.mjs" */
/** @import { EventOf } from "./events.mjs" */
/** @import { Worker } from "./worker.mjs" */

const SENDERS = 64;

const OK = '{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}';

/** How likely a sender is to break off: while it waits for the answer, or half-way through the body. */
const BREAKS_OFF = 0.01;
const BREAKS_THE_BODY = 0.003;

/** How long a sender waits before it breaks off, in ms, at most. */
const BREAKS_WITHIN_MS = 40;

/** What became of the calls: the numbers that were acknowledged, and how many ended in which other way. */
export class Calls {
	/** @type {Set<number>} */
	acknowledged = new Set();
	/** @type {Record<string, number>} */
	others = {};

	/**
	 * @param {number} number
	 * @param {string} end
	 */
	add(number, end) {
		if (end === "OK") this.acknowledged.add(number);
		else this.others[end] = (this.others[end] ?? 0) + 1;
	}
}

/**
 * Sends `count` events to `worker`. Calls `before` with the number of each as it is about to be sent.
 * @typedef {object} Plan
 * @property {number} count
 * @property {number} seed
 * @property {EventOf} eventOf
 * @property {Worker} worker
 * @property {(number: number, calls: Calls) => void} before
 *
 * @param {Plan} plan
 */
export async function sendAll({ count, seed, eventOf, worker, before }) {
	const chance = chanceOf(seed);
	const calls = new Calls();
	let next = 0;
	const send = async () => {
		/** @type {{ port: number, to: Connection } | undefined} */
		let connection;
		while (next < count) {
			const number = next++;
			before(number, calls);
			const port = await worker.ready;
			const { command, body } = eventOf(number);
			const request = post(queryOf(command), body);
			try {
				if (!connection || connection.port !== port) connection = { port, to: await Connection.open(port) };
				const end = await call(connection.to, request, chance, number);
				calls.add(number, end);
				if (end.startsWith("broken off")) connection = undefined;
			} catch {
				calls.add(number, "no answer");
				connection?.to.close();
				connection = undefined;
			}
		}
		connection?.to.close();
	};
	await Promise.all(Array.from({ length: SENDERS }, send));
	return calls;
}

/**
 * One call, and how it ended.
 * @param {Connection} connection
 * @param {Buffer} request
 * @param {Chance} chance
 * @param {number} number of the event
 */
async function call(connection, request, chance, number) {
	if (chance("breaks the body", number) < BREAKS_THE_BODY) {
		connection.send(request.subarray(0, request.length - 20)).catch(() => {});
		await pause(chance("after", number) * BREAKS_WITHIN_MS);
		connection.close();
		return "broken off in the body";
	}
	const answered = connection.send(request);
	if (chance("breaks off", number) < BREAKS_OFF) {
		answered.catch(() => {});
		await pause(chance("after", number) * BREAKS_WITHIN_MS);
		connection.close();
		return "broken off before the answer";
	}
	const { status, body } = await answered;
	return status === 200 && body === OK ? "OK" : `rejected with ${status}`;
}

/** @type {(ms: number) => Promise<void>} */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
