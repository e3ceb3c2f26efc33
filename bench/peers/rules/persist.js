// Storing an event in time: all sinks side by side, one deadline, and a second attempt beside one that fails or is slow.

import { Rejection } from "./rejection.js";

/** When every call must have its response, in ms from its arrival. */
export const RESPOND_WITHIN_MS = 1500;
export const SECOND_AFTER_MS = 600;
/** How long KV rejects a second write to the same key. */
const SAME_KEY_PAUSE_MS = 1000;

/** Errors that a second attempt would get as well: a day's limit, D1 overloaded, a full database, a missing schema. */
const UNAVAILABLE = new RegExp(
	"limit exceeded for the day|D1 DB is overloaded|Your account has exceeded D1's|Exceeded maximum|SQLITE_FULL|" +
		"no such table|no such column|has no column named",
);

const LATE = Symbol("late");

/** @typedef {() => Promise<unknown>} Sink begins an attempt to store */
/** @typedef {Pick<ExecutionContext, "waitUntil">} Context */

const sleep = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * What `promise` resolves to, or `late()` where that takes longer than `ms`.
 * @template T, L
 * @param {number} ms
 * @param {Promise<T>} promise
 * @param {() => L} late
 * @returns {Promise<T | L>}
 */
export async function within(ms, promise, late) {
	/** @type {number | null} */
	let timer = null;
	/** @type {Promise<typeof LATE>} */
	const timeout = new Promise((resolve) => {
		timer = setTimeout(resolve, ms, LATE);
	});
	try {
		const settled = await Promise.race([promise, timeout]);
		return settled === LATE ? late() : settled;
	} finally {
		clearTimeout(timer);
	}
}

/** @typedef {typeof within} Within */

/**
 * Persists in all `sinks`. Waits for all of them, and throws where one has failed.
 * @param {Sink[]} sinks
 * @param {number} deadline in Unix ms
 * @param {Context} ctx
 * @param {Within} within
 */
export async function persistAll(sinks, deadline, ctx, within) {
	const outcomes = await Promise.allSettled(sinks.map((begin) => persist(begin, deadline, ctx, within)));
	if (outcomes.some(({ status }) => status === "rejected")) throw new Rejection("not_stored");
}

/**
 * Resolves once an attempt has succeeded; throws where none has before `deadline`.
 * @param {Sink} begin
 * @param {number} deadline in Unix ms
 * @param {Context} ctx
 * @param {Within} within
 */
async function persist(begin, deadline, ctx, within) {
	const left = () => Math.max(0, deadline - Date.now());
	const attempts = [begin()];
	try {
		const slow = await within(Math.min(SECOND_AFTER_MS, left()), attempts[0], () => LATE);
		if (slow !== LATE) return;
	} catch (error) {
		const { message } = /** @type {Error} */ (error);
		if (UNAVAILABLE.test(message)) throw error;
		// An immediate second attempt would get the same error.
		if (message.includes("429")) await sleep(Math.min(SAME_KEY_PAUSE_MS, left()));
	}
	attempts.push(begin());
	await within(left(), Promise.any(attempts), () => {
		// They go on after the response.
		ctx.waitUntil(Promise.allSettled(attempts));
		throw new Rejection("not_stored");
	});
}
