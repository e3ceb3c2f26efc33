// What screen readers are told, and where the focus goes when what had it is gone.

import { signal } from "@preact/signals";
import { createRef, type RefObject } from "preact";

/** The number tells apart two announcements of the same words. */
export const announcement = signal({ text: "", number: 0 });

export function announce(text: string): void {
	announcement.value = { text, number: announcement.peek().number + 1 };
}

export type Place = RefObject<HTMLElement | null>;
export const places = {
	board: createRef<HTMLElement>(),
	events: createRef<HTMLElement>(),
	user: createRef<HTMLElement>(),
	deadLetters: createRef<HTMLElement>(),
};

/** Moves the focus there, as soon as what has changed until now is drawn. */
export function moveFocus(to: Place): void {
	queueMicrotask(() => to.current?.focus({ preventScroll: true }));
}
