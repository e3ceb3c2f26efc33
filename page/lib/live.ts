// What is new in an app since the last poll: the events since shortly before the newest one, page by page. What is held is bounded,
// however many events there are.

import { type EventPage, type EventQuery, type ListedEvent, PAGE_MAX } from "../api/client.ts";
import { MINUTE, SECOND } from "./format.ts";

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

/** Ms before the newest event that a poll reads again, as events do not come in the order of their times: most polls, and one of many. */
const [OVERLAP, OVERLAP_LONG] = [10 * SECOND, MINUTE];
/** Ms after which a poll reads the longer time again. */
const LONG_EVERY = 30 * SECOND;
/** Events that a poll reads again at most: 4 s of 500 events a second. The list shows fewer. */
const AGAIN_MAX = 2_000;
/** Events that the first poll reads. */
const FIRST = 50;
/** Pages that a poll reads before it gives up on the events in between: what 500 events a second leave in half a minute, and more. */
const PAGES_MAX = 20;

/**
 * When an event is known to have happened at the latest. Its own time may be in the future, where the sender's clock is
 * wrong; it was received by then. By the Worker's clock, not the browser's.
 */
export const happenedBy = (event: ListedEvent) => Math.min(event.event_time, event.received_at);

/** When the last of these events, and of a time in Unix ms, is known to have happened; null where there is neither. */
function latest(time: number | null, events: ListedEvent[]): number | null {
	return events.reduce<number | null>((last, event) => Math.max(last ?? 0, happenedBy(event)), time);
}

export class Live {
	/** The times of the events that a poll may read again, by id; null before the first poll. */
	#known: ReadonlyMap<string, number> | null = null;
	/** From when on all events are known, in Unix ms. */
	#knownSince = 0;
	/** The time of the newest event that was ever read, in Unix ms: polls go on from there, even where it is gone. */
	#readTo: number | null = null;
	#newest: number | null = null;
	#newestCall: number | null = null;
	#openedAt = 0;
	/** When a poll has read the longer time again, in Unix ms. */
	#longAt = 0;

	/** The time of the newest event, in Unix ms; null where there is none. */
	get newest(): number | null {
		return this.#newest;
	}

	/** The time of the newest event that a webhook brought, in Unix ms, even where it was deleted since; null where none is known. */
	get newestCall(): number | null {
		return this.#newestCall;
	}

	/**
	 * @param ask gets a page of the app's events
	 * @param now in Unix ms
	 */
	async poll(ask: (query: EventQuery) => Promise<EventPage>, now: number): Promise<News> {
		const before = this.#known;
		const isFirst = before === null;
		const isLong = now - this.#longAt >= LONG_EVERY;
		const since = this.#since(isLong ? OVERLAP_LONG : OVERLAP);
		const read: ListedEvent[] = [];
		let cursor: string | null = null;
		let pages = 0;
		do {
			const page: EventPage = await ask({ since, cursor, limit: isFirst ? FIRST : PAGE_MAX });
			read.push(...page.events);
			cursor = page.cursor;
			pages += 1;
		} while (!isFirst && cursor !== null && pages < PAGES_MAX);

		const found = new Set(read.map(({ id }) => id));
		const added = isFirst ? [] : read.filter(({ id }) => !before.has(id));
		const isGap = !isFirst && cursor !== null;
		const isGone = ([id, time]: [string, number]) => !found.has(id) && (since === null || time >= since);
		const gone = isGap || isFirst ? [] : [...before].filter(isGone).map(([id]) => id);
		// Of those that are left, the newest may be older than all that is known.
		const left = gone.length > 0 ? (await ask({ since: null, cursor: null, limit: FIRST })).events : null;
		if (isLong) this.#longAt = now;
		this.#readTo = latest(this.#readTo, read);
		this.#newest = left === null ? latest(this.#newest, read) : latest(null, left);
		this.#newestCall = latest(
			this.#newestCall,
			read.filter(({ source }) => source === undefined),
		);
		this.#learn(read, cursor !== null, since, gone);
		if (isFirst) this.#openedAt = this.#readTo ?? 0;
		const fresh = added.filter((event) => event.received_at > this.#openedAt);
		return { isFirst, read, fresh, added, gone, isGap };
	}

	/** From when on a poll reads, in Unix ms: not before the time from which on all is known. */
	#since(overlap: number): number | null {
		if (this.#readTo === null) return null;
		return Math.max(0, this.#readTo - overlap, Math.min(this.#knownSince, this.#readTo));
	}

	/** Notes what is known of the times that may be read again: what was read, all of it unless it `isCut` off, and what was known before. */
	#learn(read: ListedEvent[], isCut: boolean, since: number | null, gone: string[]): void {
		const lost = new Set(gone);
		const old =
			isCut || since === null ? [] : [...(this.#known ?? [])].filter(([id, time]) => time < since && !lost.has(id));
		const all = [...read.map(({ id, event_time }): [string, number] => [id, event_time]), ...old];
		const oldest = (this.#readTo ?? 0) - OVERLAP_LONG;
		const known = all.filter(([, time]) => time >= oldest).slice(0, AGAIN_MAX);
		// Of the times before the last one that is known, some may be missing.
		const isWhole = !isCut && known.length < AGAIN_MAX;
		if (!isWhole) this.#knownSince = Math.max(this.#knownSince, (known.at(-1)?.[1] ?? -1) + 1);
		this.#known = new Map(known);
	}
}
