// The present, for all that is shown and asked. One place knows whose clock it is by: the server's, as soon as a response has
// told it.

import { type ReadonlySignal, signal } from "@preact/signals";
import { SECOND } from "../lib/format.ts";
import { aheadOf } from "../lib/server_time.ts";

/** Ms between two drawings of what depends on the present. */
const EVERY = 5 * SECOND;

/** Ms that the server's clock is ahead of `performance.now()`, which nobody can set; null before it is known. */
let ahead: number | null = null;

/** Whether a response has told the server's time. */
export const isSynchronised = () => ahead !== null;

/** The present, in Unix ms. */
export const currentTime = () => (ahead === null ? Date.now() : Math.floor(performance.now() + ahead));

const present = signal(currentTime());

/** The present as it is shown: whoever reads it is drawn again as time passes, every 5 s and with each poll. */
export const now: ReadonlySignal<number> = present;

export function tick(): void {
	present.value = currentTime();
}

/**
 * Sets the clock by a response.
 *
 * @param date its `Date`; null where it has none
 * @param askedAt when it was asked for, by `performance.now()`
 */
export function synchronise(date: string | null, askedAt: number): void {
	const [time, heardAt] = [Date.parse(date ?? ""), performance.now()];
	if (Number.isNaN(time)) return;
	ahead = aheadOf(time, askedAt, heardAt, ahead ?? Date.now() - heardAt);
	if (Math.abs(currentTime() - present.peek()) > EVERY) tick();
}

export const startClock = () => setInterval(() => document.hidden || tick(), EVERY);
