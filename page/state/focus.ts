// Where the focus goes when what had it is gone.

import { createRef, type RefObject } from "preact";

export const boardRef = createRef<HTMLElement>();
export const eventsRef = createRef<HTMLElement>();
export const userRef = createRef<HTMLElement>();
export const deadLettersRef = createRef<HTMLElement>();

/** Moves the focus there, as soon as what has changed until now is drawn. */
export function moveFocus(to: RefObject<HTMLElement | null>): void {
	queueMicrotask(() => to.current?.focus({ preventScroll: true }));
}
