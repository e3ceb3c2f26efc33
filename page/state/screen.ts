// How wide the window is.

import { type ReadonlySignal, signal } from "@preact/signals";

const query = matchMedia("(max-width: 640px)");
const narrow = signal(query.matches);
query.addEventListener("change", ({ matches }) => {
	narrow.value = matches;
});

/** Whether it is as narrow as a phone's: the same width as in the style sheet. */
export const isNarrow: ReadonlySignal<boolean> = narrow;
