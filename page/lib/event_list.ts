// A list of events, newest first, as far as it is loaded. It grows at both ends: polls add newer events, and older ones are
// added on demand. Ids sort newest first as text.

import type { EventPage, ListedEvent } from "../api/client.ts";

export class EventList {
	/** Sorted by id. */
	events: ListedEvent[];
	/** Where the next older page begins; null after the last event. */
	cursor: string | null;

	/** @param page the newest */
	constructor(page: EventPage) {
		this.events = page.events;
		this.cursor = page.cursor;
	}

	has(id: string): boolean {
		return this.find(id) !== undefined;
	}

	find(id: string): ListedEvent | undefined {
		const event = this.events[this.#position(id)];
		return event?.id === id ? event : undefined;
	}

	/** Adds events; those that are older than what is loaded come with their page. Returns the added ones. */
	add(events: ListedEvent[]): ListedEvent[] {
		const last = this.events.at(-1)?.id;
		const isLoaded = (id: string) => this.cursor === null || (last !== undefined && id < last);
		const added = events.filter(({ id }) => isLoaded(id) && !this.has(id));
		for (const event of added) this.events.splice(this.#position(event.id), 0, event);
		return added;
	}

	/** Adds the next older page. Returns what is new. */
	addOlder(page: EventPage): ListedEvent[] {
		const last = this.events.at(-1)?.id ?? "";
		const added = page.events.filter(({ id }) => id > last);
		this.events.push(...added);
		this.cursor = page.cursor;
		return added;
	}

	/** Brings the newest page up to date: in its range, only its events remain. Returns whether anything has changed. */
	replaceNewest(page: EventPage): boolean {
		const last = page.events.at(-1)?.id ?? "";
		const older = page.cursor === null ? [] : this.events.filter(({ id }) => id > last);
		const events = [...page.events, ...older];
		const isSame = events.length === this.events.length && events.every(({ id }, at) => id === this.events[at]?.id);
		this.events = events;
		if (older.length === 0) this.cursor = page.cursor;
		return !isSame;
	}

	/** Removes events. Returns whether anything has changed. */
	remove(ids: string[]): boolean {
		const gone = new Set(ids);
		const left = this.events.filter(({ id }) => !gone.has(id));
		const isChanged = left.length !== this.events.length;
		this.events = left;
		return isChanged;
	}

	/** The position of the first event whose id is not before `id`. */
	#position(id: string): number {
		let [low, high] = [0, this.events.length];
		while (low < high) {
			const middle = (low + high) >> 1;
			if ((this.events[middle]?.id ?? "") < id) low = middle + 1;
			else high = middle;
		}
		return low;
	}
}
