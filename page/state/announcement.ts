// What screen readers are told.

import { signal } from "@preact/signals";

/** The number tells apart two announcements of the same words. */
export const announcement = signal({ text: "", number: 0 });

export function announce(text: string): void {
	announcement.value = { text, number: announcement.peek().number + 1 };
}
