// When the page asks again: every 5 s while there is news, every 30 s otherwise, never while nobody sees it, and ever
// more rarely while calls fail.

export const FAST = 5_000;
export const SLOW = 30_000;
/** Ms after the last news (opening the page counts) until there is none. */
const NEWS_LASTS = 60_000;
const BACK_OFF_MAX = 120_000;

export class Pulse {
	#beat;
	#timer;
	#controller = new AbortController();
	#running = false;
	#newsAt = 0;
	#failures = 0;
	/** Before this time, in ms, only the operator may ask again: a call has failed. */
	#notBefore = 0;

	/** @param beat asks once: takes an AbortSignal, resolves to whether there was news, rejects where a call failed */
	constructor(beat) {
		this.#beat = beat;
		document.addEventListener("visibilitychange", () => this.#seen());
	}

	/** Asks at once, whatever was under way; from now on again and again. It counts as news. */
	start() {
		this.stop();
		this.#running = true;
		this.news();
		this.#ask();
	}

	stop() {
		this.#running = false;
		this.#controller.abort();
		clearTimeout(this.#timer);
	}

	/** There was news, of which somebody else has heard. */
	news() {
		this.#newsAt = Date.now();
	}

	/** When there was news, in ms. */
	get newsAt() {
		return this.#newsAt;
	}

	/** The page is seen again, or no longer. That is no news: a tab that is looked at now and then may be slow. */
	#seen() {
		clearTimeout(this.#timer);
		if (!this.#running || document.hidden) return;
		this.#controller.abort();
		this.#timer = setTimeout(() => this.#ask(), Math.max(0, this.#notBefore - Date.now()));
	}

	async #ask() {
		if (document.hidden) return;
		this.#controller = new AbortController();
		const { signal } = this.#controller;
		let wait;
		try {
			if (await this.#beat(signal)) this.news();
			this.#failures = 0;
			this.#notBefore = 0;
			wait = Date.now() - this.#newsAt < NEWS_LASTS ? FAST : SLOW;
		} catch (error) {
			// Called off: another question is under way.
			if (signal.aborted) return;
			this.#failures += 1;
			const doubled = Math.min(FAST * 2 ** (this.#failures - 1), BACK_OFF_MAX);
			wait = Math.max(doubled, error.retryAfter ?? 0);
			this.#notBefore = Date.now() + wait;
		}
		if (!signal.aborted && !document.hidden) this.#timer = setTimeout(() => this.#ask(), wait);
	}
}
