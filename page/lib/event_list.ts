// A list of events, newest first, as far as it is loaded. It grows at both ends: polls add newer events, and older ones are
// added on demand.

import type { EventPage, ListedEvent } from "../api/client.ts";

/** Events that polls fill the list up to, besides what the operator has loaded: beyond them, the oldest fall off its end. */
export const FILLED_MAX = 1_000;

/** Where the next older page begins: at a cursor, or with the last time that the list has, some of whose events it may have. */
type Older = { cursor: string } | { until: number };

const olderOf = ({ cursor }: EventPage): Older | null => (cursor === null ? null : { cursor });

export class EventList {
	/** In the order of `comesBefore`. */
	events: ListedEvent[];
	/** The ids of those among them that the log has damaged, and does not list. */
	damaged: string[];
	/** Null after the last event. */
	older: Older | null;
	/** How many events it has at most. */
	#room = FILLED_MAX;

	/** @param page the newest */
	constructor(page: EventPage) {
		this.events = page.events;
		this.damaged = page.damaged;
		this.older = olderOf(page);
	}

	has(id: string): boolean {
		return this.find(id) !== undefined;
	}

	find(id: string): ListedEvent | undefined {
		const event = this.events[this.#position(id)];
		return event?.id === id ? event : undefined;
	}

	/**
	 * Adds events; those that are older than what is loaded come with their page, and so do those that there is no room for. Returns the
	 * added ones.
	 */
	add(events: ListedEvent[]): ListedEvent[] {
		const last = lastOf(this);
		const isLoaded = (id: string) => this.older === null || comesBefore(id, last);
		const added = events.filter(({ id }) => isLoaded(id) && !this.has(id));
		if (added.length === 0) return added;
		this.events = [...this.events, ...added].sort((one, other) => (comesBefore(one.id, other.id) ? -1 : 1));
		const end = this.events[this.#room - 1];
		if (end === undefined || this.events.length === this.#room) return added;
		this.events.length = this.#room;
		this.damaged = this.damaged.filter((id) => !comesBefore(end.id, id));
		this.older = { until: end.event_time };
		return added.filter(({ id }) => !comesBefore(end.id, id));
	}

	/** Adds the next older page. Returns what is new. */
	addOlder(page: EventPage): ListedEvent[] {
		const last = lastOf(this);
		const added = page.events.filter(({ id }) => comesBefore(last, id));
		this.events.push(...added);
		this.damaged = [...this.damaged, ...page.damaged.filter((id) => comesBefore(last, id))];
		this.older = olderOf(page);
		this.#room = this.events.length + FILLED_MAX;
		return added;
	}

	/** Brings the newest page up to date: in its range, only its events remain. Returns whether anything has changed. */
	replaceNewest(page: EventPage): boolean {
		const last = lastOf(page);
		const older = page.cursor === null ? [] : this.events.filter(({ id }) => comesBefore(last, id));
		const events = [...page.events, ...older];
		const olderDamaged = page.cursor === null ? [] : this.damaged.filter((id) => comesBefore(last, id));
		this.damaged = [...page.damaged, ...olderDamaged];
		const isSame = events.length === this.events.length && events.every(({ id }, at) => id === this.events[at]?.id);
		this.events = events;
		if (older.length + olderDamaged.length === 0) this.older = olderOf(page);
		return !isSame;
	}

	/** Removes events. Returns whether anything has changed. */
	remove(ids: string[]): boolean {
		const gone = new Set(ids);
		const before = this.events.length + this.damaged.length;
		this.events = this.events.filter(({ id }) => !gone.has(id));
		this.damaged = this.damaged.filter((id) => !gone.has(id));
		return this.events.length + this.damaged.length < before;
	}

	/** The position of the first event whose id is not before `id`. */
	#position(id: string): number {
		let [low, high] = [0, this.events.length];
		while (low < high) {
			const middle = (low + high) >> 1;
			if (comesBefore(this.events[middle]?.id ?? "", id)) low = middle + 1;
			else high = middle;
		}
		return low;
	}
}

/** The id of the last event of a page, which may be a damaged one; empty where it has none. */
const lastOf = ({ events, damaged }: Pick<EventPage, "events" | "damaged">) =>
	[events.at(-1)?.id ?? "", ...damaged].reduce((last, id) => (comesBefore(last, id) ? id : last));

/** How many digits of an id are its time, counted down. */
const TIME_DIGITS = 13;

/** Whether the API lists one id before another: the newest first, and of the same ms the one with the greater hash. */
function comesBefore(id: string, other: string): boolean {
	const [time, otherTime] = [id.slice(0, TIME_DIGITS), other.slice(0, TIME_DIGITS)];
	return time < otherTime || (time === otherTime && id > other);
}
