// When the page polls: every 5 s while there are new events, every 30 s otherwise, never while it is hidden, and at
// growing intervals while calls fail.

export const FAST = 5_000;
export const SLOW = 30_000;
/** Ms after the last new event (opening the page counts as one) during which it polls fast. */
const FAST_LASTS = 60_000;
const BACK_OFF_MAX = 120_000;

export class Poller {
	#poll;
	#timer;
	#controller = new AbortController();
	#running = false;
	#newEventsAt = 0;
	#failures = 0;
	/** Before this time, in ms, only the operator may start a poll: a call has failed. */
	#notBefore = 0;

	/** @param poll polls once: takes an AbortSignal, resolves to whether there were new events, rejects if a call failed */
	constructor(poll) {
		this.#poll = poll;
		document.addEventListener("visibilitychange", () => this.#visibilityChanged());
	}

	/** Polls at once, even where a poll is under way, and then again and again. Counts as new events. */
	start() {
		this.stop();
		this.#running = true;
		this.#noteNewEvents();
		this.#run();
	}

	stop() {
		this.#running = false;
		this.#controller.abort();
		clearTimeout(this.#timer);
	}

	/** When there were new events, in ms. */
	get newEventsAt() {
		return this.#newEventsAt;
	}

	#noteNewEvents() {
		this.#newEventsAt = Date.now();
	}

	/** The page is visible again, or hidden. That is no new event: a tab that is visible now and then may poll slowly. */
	#visibilityChanged() {
		clearTimeout(this.#timer);
		if (!this.#running || document.hidden) return;
		this.#controller.abort();
		this.#timer = setTimeout(() => this.#run(), Math.max(0, this.#notBefore - Date.now()));
	}

	async #run() {
		if (document.hidden) return;
		this.#controller = new AbortController();
		const { signal } = this.#controller;
		let wait;
		try {
			if (await this.#poll(signal)) this.#noteNewEvents();
			this.#failures = 0;
			this.#notBefore = 0;
			wait = Date.now() - this.#newEventsAt < FAST_LASTS ? FAST : SLOW;
		} catch (error) {
			// Aborted: another poll is under way.
			if (signal.aborted) return;
			this.#failures += 1;
			const doubled = Math.min(FAST * 2 ** (this.#failures - 1), BACK_OFF_MAX);
			wait = Math.max(doubled, error.retryAfter ?? 0);
			this.#notBefore = Date.now() + wait;
		}
		if (!signal.aborted && !document.hidden) this.#timer = setTimeout(() => this.#run(), wait);
	}
}
