// What is new in an app since the last poll, in one request: the events since shortly before the newest one.

import { PAGE_MAX } from "./api.js";
import { MINUTE } from "./format.js";

/** @import { Api, EventPage, ListedEvent } from "./api.js" */
/**
 * What a poll has found.
 * @typedef {object} News
 * @property {boolean} isFirst
 * @property {ListedEvent[]} read the events that the poll has read
 * @property {ListedEvent[]} fresh of these, those that were received since the page was opened
 * @property {ListedEvent[]} added of these, those that were not there before
 * @property {string[]} gone the ids that are no longer there
 * @property {boolean} isGap whether there are others in between that it has not read
 */

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
export const happenedBy = (/** @type {ListedEvent} */ event) => Math.min(event.event_time, event.received_at);

export class Live {
	/**
	 * What the last poll has read, by id; null before the first.
	 * @type {Map<string, ListedEvent> | null}
	 */
	#known = null;
	/**
	 * The time of the newest event, in ms; null where there is none.
	 * @type {number | null}
	 */
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
	 * @param {Pick<Api, "events">} api
	 * @param {number} app
	 * @param {AbortSignal} [signal]
	 * @returns {Promise<News>}
	 */
	async poll(api, app, signal) {
		const isFirst = this.#known === null;
		const since = this.#newest === null ? null : Math.max(0, this.#newest - OVERLAP);
		/** @type {ListedEvent[]} */
		const read = [];
		/** @type {string | null} */
		let cursor = null;
		let pages = 0;
		do {
			/** @type {EventPage} */
			const page = await api.events(app, { since, cursor, limit: isFirst ? FIRST : PAGE_MAX }, signal);
			read.push(...page.events);
			cursor = page.cursor;
			pages += 1;
		} while (!isFirst && cursor !== null && pages < PAGES_MAX);

		const before = this.#known ?? new Map();
		const known = new Map(read.map((event) => [event.id, event]));
		const added = isFirst ? [] : read.filter((event) => !before.has(event.id));
		const isGap = !isFirst && cursor !== null;
		const isGone = (/** @type {ListedEvent} */ { id, event_time }) =>
			!known.has(id) && (since === null || event_time >= since);
		const gone = isGap || isFirst ? [] : [...before.values()].filter(isGone).map((event) => event.id);
		this.#known = known;
		for (const event of read) this.#newest = Math.max(this.#newest ?? 0, happenedBy(event));
		if (isFirst) this.#openedAt = this.#newest ?? 0;
		const fresh = added.filter((event) => event.received_at > this.#openedAt);
		return { isFirst, read, fresh, added, gone, isGap };
	}
}
