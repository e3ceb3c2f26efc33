// The present, for all that is shown and asked. One place knows whose clock it is by.

import { type ReadonlySignal, signal } from "@preact/signals";

/** The present, in Unix ms. */
export const currentTime = () => Date.now();

const present = signal(currentTime());

/** The present as it is shown: whoever reads it is drawn again as time passes, every 5 s and with each poll. */
export const now: ReadonlySignal<number> = present;

export function tick(): void {
	present.value = currentTime();
}

export const startClock = () => setInterval(() => document.hidden || tick(), 5_000);
