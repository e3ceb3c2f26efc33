// What is new in an app since the last poll, in one request: the events since shortly before the newest one.

import { PAGE_MAX } from "./api.js";
import { MINUTE } from "./format.js";

/** Ms before the newest event that each poll reads again: events do not come in the order of their times. */
const OVERLAP = MINUTE;
/** Events that the first poll reads. */
const FIRST = 50;
/** Pages that a poll reads before it gives up on the events in between. */
const PAGES_MAX = 5;

/**
 * When an event is known to have happened at the latest. Its own time may be in the future, where the sender's clock is
 * wrong; it was received by then. By the Worker's clock, not the browser's.
 */
export const happenedBy = (event) => Math.min(event.event_time, event.received_at);

export class Live {
	/** The ids that the last poll has read. */
	#known = null;
	/** The time of the newest event, in ms; null where there is none. */
	#newest = null;
	#openedAt = 0;

	reset() {
		this.#known = null;
		this.#newest = null;
	}

	get newest() {
		return this.#newest;
	}

	/**
	 * @returns {Promise<{isFirst: boolean, read: object[], fresh: object[], added: object[], gone: string[], isGap: boolean}>}
	 * the events that the poll has read; of these, those that were received since the page was opened, and all that were not
	 * there before; the ids that are no longer there; and whether there are others in between that it has not read
	 */
	async poll(api, app, signal) {
		const isFirst = this.#known === null;
		const since = this.#newest === null ? null : Math.max(0, this.#newest - OVERLAP);
		const read = [];
		let cursor = null;
		let pages = 0;
		do {
			const page = await api.events(app, { since, cursor, limit: isFirst ? FIRST : PAGE_MAX }, signal);
			read.push(...page.events);
			cursor = page.cursor;
			pages += 1;
		} while (!isFirst && cursor !== null && pages < PAGES_MAX);

		const before = this.#known ?? new Map();
		const known = new Map(read.map((event) => [event.id, event]));
		const added = isFirst ? [] : read.filter((event) => !before.has(event.id));
		const isGap = !isFirst && cursor !== null;
		const isGone = ({ id, event_time }) => !known.has(id) && (since === null || event_time >= since);
		const gone = isGap || isFirst ? [] : [...before.values()].filter(isGone).map((event) => event.id);
		this.#known = known;
		for (const event of read) this.#newest = Math.max(this.#newest ?? 0, happenedBy(event));
		if (isFirst) this.#openedAt = this.#newest ?? 0;
		const fresh = added.filter((event) => event.received_at > this.#openedAt);
		return { isFirst, read, fresh, added, gone, isGap };
	}
}
