// When the page polls: every 3 s while it is in use, every 30 s while it is not, never while it is hidden, and at growing intervals
// while calls fail.

import { Problem } from "../api/client.ts";

const FAST = 3_000;
const SLOW = 30_000;
/** Ms after the last use during which the page counts as in use. */
const IN_USE = 600_000;
const BACK_OFF_MAX = 120_000;

/** What tells that the operator uses the page: a key, the pointer, or a return to its tab. */
const USES = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart", "focus"];

/** Polls once; rejects if a call failed. */
type Poll = (signal: AbortSignal) => Promise<void>;
const NONE: Poll = async () => {};

/** Has `used` called at each use of the page. */
export function onUse(used: () => void): void {
	for (const type of USES) addEventListener(type, used, { capture: true, passive: true });
}

class Poller {
	#poll = NONE;
	#timer: ReturnType<typeof setTimeout> | undefined;
	#isUnderWay = false;
	#controller = new AbortController();
	#usedAt = 0;
	#failures = 0;
	/** Before this time, by `performance.now()`, only the operator may start a poll: a call has failed. */
	#notBefore = 0;

	constructor() {
		onUse(() => this.#used());
		document.addEventListener("visibilitychange", () => {
			if (document.hidden) clearTimeout(this.#timer);
			else this.#used(true);
		});
	}

	/** Polls at once, and then again and again; without a poll, it stops. */
	start(poll = NONE): void {
		this.#controller.abort();
		clearTimeout(this.#timer);
		this.#poll = poll;
		this.#usedAt = performance.now();
		void this.#run();
	}

	/** Polls at once, even where a poll is under way; not where it has stopped, as an action may end after that. */
	again(): void {
		this.start(this.#poll);
	}

	get #interval() {
		return performance.now() - this.#usedAt < IN_USE ? FAST : SLOW;
	}

	/** The page is used; where it had not been for a while, or was hidden, it is brought up to date now. */
	#used(wasHidden = false) {
		const wasSlow = wasHidden || this.#interval === SLOW;
		this.#usedAt = performance.now();
		if (wasSlow && !this.#isUnderWay) this.#wait(Math.max(0, this.#notBefore - performance.now()));
	}

	#wait(ms: number) {
		clearTimeout(this.#timer);
		if (!document.hidden) this.#timer = setTimeout(() => this.#run(), ms);
	}

	async #run() {
		this.#isUnderWay = true;
		this.#controller = new AbortController();
		const { signal } = this.#controller;
		try {
			await this.#poll(signal);
			this.#failures = 0;
			this.#notBefore = 0;
		} catch (error) {
			// Aborted: another poll is under way.
			if (signal.aborted) return;
			const doubled = Math.min(FAST * 2 ** this.#failures, BACK_OFF_MAX);
			this.#failures += 1;
			this.#notBefore = performance.now() + Math.max(doubled, error instanceof Problem ? error.retryAfter : 0);
		}
		if (signal.aborted) return;
		this.#isUnderWay = false;
		if (this.#poll !== NONE) this.#wait(this.#notBefore > 0 ? this.#notBefore - performance.now() : this.#interval);
	}
}

export const poller = new Poller();
