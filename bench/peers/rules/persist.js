// Storing an event in time: one deadline, and a second attempt beside one that fails or is slow.

import { Rejection } from "./rejection.js";

/** When every call must have its response, in ms from its arrival. */
export const RESPOND_WITHIN_MS = 1500;
const SECOND_AFTER_MS = 600;
/** How long KV rejects a second write to the same key. */
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
export async function persist(put, deadline, ctx) {
	const left = () => Math.max(0, deadline - Date.now());
	const attempts = [put()];
	try {
		const slow = await within(Math.min(SECOND_AFTER_MS, left()), attempts[0], () => LATE);
		if (slow !== LATE) return;
	} catch (error) {
		// An immediate second attempt would get the same error.
		if (String(error?.message).includes("429")) await sleep(Math.min(SAME_KEY_PAUSE_MS, left()));
	}
	attempts.push(put());
	try {
		await within(left(), Promise.any(attempts), () => {
			// They go on after the response.
			ctx.waitUntil(Promise.allSettled(attempts));
			throw new Rejection("not_stored");
		});
	} catch {
		throw new Rejection("not_stored");
	}
}
