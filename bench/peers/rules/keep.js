// How an event becomes durable in time: one deadline, and a second attempt beside one that fails or is slow.

import { Refusal } from "./refusal.js";

/** When every call has to be answered, in ms from its arrival. */
export const ANSWER_WITHIN_MS = 1500;
const SECOND_AFTER_MS = 600;
/** How long KV refuses a second write to the same key. */
const SAME_KEY_PAUSE_MS = 1000;

const LATE = Symbol("late");

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What `promise` resolves to, or `late()` where that takes longer than `ms`. */
export async function within(ms, promise, late) {
	let timer;
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

/** Resolves once `put` has succeeded; throws where it has not before `deadline` (Unix ms). */
export async function keep(put, deadline, ctx) {
	const left = () => Math.max(0, deadline - Date.now());
	const attempts = [put()];
	try {
		const slow = await within(Math.min(SECOND_AFTER_MS, left()), attempts[0], () => LATE);
		if (slow !== LATE) return;
	} catch (error) {
		// A second attempt at once would meet the same answer.
		if (String(error?.message).includes("429")) await sleep(Math.min(SAME_KEY_PAUSE_MS, left()));
	}
	attempts.push(put());
	try {
		await within(left(), Promise.any(attempts), () => {
			// They go on after the answer.
			ctx.waitUntil(Promise.allSettled(attempts));
			throw new Refusal("not_kept");
		});
	} catch {
		throw new Refusal("not_kept");
	}
}
