// What is new in an app since the last poll, in one request: the events since shortly before the newest one.

import { type EventPage, type EventQuery, type ListedEvent, PAGE_MAX } from "../api/client.ts";
import { MINUTE } from "./format.ts";

/** What a poll has found. */
export interface News {
	isFirst: boolean;
	/** The events that the poll has read. */
	read: ListedEvent[];
	/** Of these, those that were received since the page was opened. */
	fresh: ListedEvent[];
	/** Of these, those that were not there before. */
	added: ListedEvent[];
	/** The ids that are no longer there. */
	gone: string[];
	/** Whether there are others in between that it has not read. */
	isGap: boolean;
}

/** What a poll that has failed has found. */
export const NO_NEWS: News = { isFirst: false, read: [], fresh: [], added: [], gone: [], isGap: false };

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
export const happenedBy = (event: ListedEvent) => Math.min(event.event_time, event.received_at);

export class Live {
	/** What the last poll has read, by id; null before the first. */
	#known: Map<string, ListedEvent> | null = null;
	#newest: number | null = null;
	#openedAt = 0;

	/** The time of the newest event, in Unix ms; null where there is none. */
	get newest(): number | null {
		return this.#newest;
	}

	/** @param ask gets a page of the app's events */
	async poll(ask: (query: EventQuery) => Promise<EventPage>): Promise<News> {
		const before = this.#known;
		const isFirst = before === null;
		const since = this.#newest === null ? null : Math.max(0, this.#newest - OVERLAP);
		const read: ListedEvent[] = [];
		let cursor: string | null = null;
		let pages = 0;
		do {
			const page: EventPage = await ask({ since, cursor, limit: isFirst ? FIRST : PAGE_MAX });
			read.push(...page.events);
			cursor = page.cursor;
			pages += 1;
		} while (!isFirst && cursor !== null && pages < PAGES_MAX);

		const known = new Map(read.map((event) => [event.id, event]));
		const added = isFirst ? [] : read.filter((event) => !before.has(event.id));
		const isGap = !isFirst && cursor !== null;
		const isGone = ({ id, event_time }: ListedEvent) => !known.has(id) && (since === null || event_time >= since);
		const gone = isGap || isFirst ? [] : [...before.values()].filter(isGone).map((event) => event.id);
		this.#known = known;
		for (const event of read) this.#newest = Math.max(this.#newest ?? 0, happenedBy(event));
		if (isFirst) this.#openedAt = this.#newest ?? 0;
		const fresh = added.filter((event) => event.received_at > this.#openedAt);
		return { isFirst, read, fresh, added, gone, isGap };
	}
}
