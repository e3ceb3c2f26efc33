// One timer for all that a call waits for: most calls are answered before it rings.

import { SECOND_AFTER_MS } from "./persist.js";

export class Alarm {
	/** @type {number | null} */
	#timer = null;
	/** @type {Set<{ until: number, end: () => void }>} */
	#waiting = new Set();

	/** @type {import("./persist.js").Within} */
	within = async (ms, promise, late) => {
		const waits = { until: Date.now() + ms, end: () => {} };
		/** @type {Promise<Alarm>} */
		const timeout = new Promise((resolve) => {
			waits.end = () => resolve(this);
		});
		this.#waiting.add(waits);
		this.#timer ??= setTimeout(this.#ring, Math.min(ms, SECOND_AFTER_MS));
		try {
			const settled = await Promise.race([promise, timeout]);
			return settled === this ? late() : /** @type {Awaited<typeof promise>} */ (settled);
		} finally {
			this.#waiting.delete(waits);
		}
	};

	/** Nothing of the call waits any more. */
	end() {
		clearTimeout(this.#timer);
	}

	#ring = () => {
		const now = Date.now();
		for (const waits of this.#waiting) if (waits.until <= now) waits.end();
		const left = [...this.#waiting].map(({ until }) => until - now).filter((ms) => ms > 0);
		this.#timer = left.length === 0 ? null : setTimeout(this.#ring, Math.min(...left, SECOND_AFTER_MS));
	};
}
