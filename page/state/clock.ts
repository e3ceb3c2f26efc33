// The present, for all that is shown and asked. One place knows whose clock it is by.

import { signal } from "@preact/signals";
import { SECOND } from "../lib/format.ts";

/** Ms between two steps of `now`. */
const STEP = 5 * SECOND;

/** The present, in Unix ms. */
export const currentTime = () => Date.now();

const present = signal(currentTime());

/** The present in Unix ms as it is shown: whoever reads it is drawn again as time passes, every 5 s and with each poll. */
export const now = present as { readonly value: number };

export function tick(): void {
	present.value = currentTime();
}

export function startClock(): void {
	setInterval(() => document.hidden || tick(), STEP);
}
