// When the page polls: every 3 s while it is visible and in use, every 30 s otherwise, and at growing intervals while calls
// fail.

export const FAST = 3_000;
export const SLOW = 30_000;
/** Ms after the last use during which the page counts as in use. */
const IN_USE = 600_000;
const BACK_OFF_MAX = 120_000;

const USES = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart", "focus"];

export class Poller {
	#poll;
	#timer;
	#controller = new AbortController();
	#running = false;
	#usedAt = 0;
	#failures = 0;
	/** Before this time, in ms, only the operator may start a poll: a call has failed. */
	#notBefore = 0;

	/** @param poll polls once: takes an AbortSignal, rejects if a call failed */
	constructor(poll) {
		this.#poll = poll;
		for (const type of USES) addEventListener(type, () => this.#used(), { capture: true, passive: true });
		document.addEventListener("visibilitychange", () => document.hidden || this.#used(true));
	}

	/** Polls at once, even where a poll is under way, and then again and again. */
	start() {
		this.stop();
		this.#running = true;
		this.#usedAt = Date.now();
		void this.#run();
	}

	stop() {
		this.#running = false;
		this.#controller.abort();
		clearTimeout(this.#timer);
	}

	get #interval() {
		return !document.hidden && Date.now() - this.#usedAt < IN_USE ? FAST : SLOW;
	}

	/** The page is used; where it had not been for a while, or was hidden, it is brought up to date now. */
	#used(wasHidden = false) {
		const wasSlow = wasHidden || this.#interval === SLOW;
		this.#usedAt = Date.now();
		if (!this.#running || !wasSlow || this.#timer === null) return;
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => this.#run(), Math.max(0, this.#notBefore - Date.now()));
	}

	async #run() {
		// No timer: a poll is under way.
		this.#timer = null;
		this.#controller = new AbortController();
		const { signal } = this.#controller;
		let wait;
		try {
			await this.#poll(signal);
			this.#failures = 0;
			this.#notBefore = 0;
			wait = this.#interval;
		} catch (error) {
			// Aborted: another poll is under way.
			if (signal.aborted) return;
			this.#failures += 1;
			const doubled = Math.min(FAST * 2 ** (this.#failures - 1), BACK_OFF_MAX);
			wait = Math.max(doubled, error.retryAfter ?? 0);
			this.#notBefore = Date.now() + wait;
		}
		if (!signal.aborted) this.#timer = setTimeout(() => this.#run(), wait);
	}
}
