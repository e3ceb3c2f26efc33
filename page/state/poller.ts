// When the page polls: every 3 s while it is visible and in use, every 30 s otherwise, and at growing intervals while calls
// fail.

import { Problem } from "../api/client.ts";

const FAST = 3_000;
const SLOW = 30_000;
/** Ms after the last use during which the page counts as in use. */
const IN_USE = 600_000;
const BACK_OFF_MAX = 120_000;

const USES = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart", "focus"];

/** Polls once; rejects if a call failed. */
type Poll = (signal: AbortSignal) => Promise<void>;

class Poller {
	/** Null where it does not poll. */
	#poll: Poll | null = null;
	/** Null while a poll is under way. */
	#timer: ReturnType<typeof setTimeout> | null = null;
	#controller = new AbortController();
	#usedAt = 0;
	#failures = 0;
	/** Before this time, in Unix ms, only the operator may start a poll: a call has failed. */
	#notBefore = 0;

	constructor() {
		for (const type of USES) addEventListener(type, () => this.#used(), { capture: true, passive: true });
		document.addEventListener("visibilitychange", () => document.hidden || this.#used(true));
	}

	/** Polls at once, and then again and again. */
	start(poll: Poll): void {
		this.#poll = poll;
		this.again();
	}

	/** Polls at once, even where a poll is under way, unless it was stopped: an action may end after that. */
	again(): void {
		if (this.#poll === null) return;
		this.#cancel();
		this.#usedAt = Date.now();
		void this.#run(this.#poll);
	}

	stop(): void {
		this.#poll = null;
		this.#cancel();
	}

	#cancel() {
		this.#controller.abort();
		if (this.#timer !== null) clearTimeout(this.#timer);
	}

	get #interval() {
		return !document.hidden && Date.now() - this.#usedAt < IN_USE ? FAST : SLOW;
	}

	/** The page is used; where it had not been for a while, or was hidden, it is brought up to date now. */
	#used(wasHidden = false) {
		const wasSlow = wasHidden || this.#interval === SLOW;
		this.#usedAt = Date.now();
		if (this.#poll === null || !wasSlow || this.#timer === null) return;
		clearTimeout(this.#timer);
		this.#wait(this.#poll, Math.max(0, this.#notBefore - Date.now()));
	}

	#wait(poll: Poll, ms: number) {
		this.#timer = setTimeout(() => this.#run(poll), ms);
	}

	async #run(poll: Poll) {
		this.#timer = null;
		this.#controller = new AbortController();
		const { signal } = this.#controller;
		let wait: number;
		try {
			await poll(signal);
			this.#failures = 0;
			this.#notBefore = 0;
			wait = this.#interval;
		} catch (error) {
			this.#failures += signal.aborted ? 0 : 1;
			const doubled = Math.min(FAST * 2 ** (this.#failures - 1), BACK_OFF_MAX);
			wait = Math.max(doubled, error instanceof Problem ? error.retryAfter : 0);
			if (!signal.aborted) this.#notBefore = Date.now() + wait;
		}
		// Aborted: another poll is under way, or none is wanted.
		if (!signal.aborted) this.#wait(poll, wait);
	}
}

export const poller = new Poller();
