// A list of events, newest first, as far as it is loaded. It grows at both ends: polls add newer events, and older ones are
// added on demand. Ids sort newest first as text.

/** @import { EventPage, ListedEvent } from "./api.js" */

export class EventList {
	/** @param {EventPage} page the newest */
	constructor(page) {
		/** Sorted by id. */
		this.events = page.events;
		/** Where the next older page begins; null after the last event. */
		this.cursor = page.cursor;
	}

	/** @param {string} id */
	has(id) {
		return this.find(id) !== undefined;
	}

	/** @param {string} id */
	find(id) {
		const event = this.events[this.#position(id)];
		return event?.id === id ? event : undefined;
	}

	/**
	 * Adds events; those that are older than what is loaded come with their page. Returns the added ones.
	 * @param {ListedEvent[]} events
	 */
	add(events) {
		const last = this.events.at(-1)?.id;
		const isLoaded = (/** @type {string} */ id) => this.cursor === null || (last !== undefined && id < last);
		const added = events.filter(({ id }) => isLoaded(id) && !this.has(id));
		for (const event of added) this.events.splice(this.#position(event.id), 0, event);
		return added;
	}

	/**
	 * Adds the next older page. Returns what is new.
	 * @param {EventPage} page
	 */
	addOlder(page) {
		const last = this.events.at(-1)?.id ?? "";
		const added = page.events.filter(({ id }) => id > last);
		this.events.push(...added);
		this.cursor = page.cursor;
		return added;
	}

	/**
	 * Brings the newest page up to date: in its range, only its events remain. Returns whether anything has changed.
	 * @param {EventPage} page
	 */
	replaceNewest(page) {
		const last = page.events.at(-1)?.id ?? "";
		const older = page.cursor === null ? [] : this.events.filter(({ id }) => id > last);
		const events = [...page.events, ...older];
		const isSame = events.length === this.events.length && events.every(({ id }, at) => id === this.events[at]?.id);
		this.events = events;
		if (older.length === 0) this.cursor = page.cursor;
		return !isSame;
	}

	/**
	 * Removes events. Returns whether anything has changed.
	 * @param {string[]} ids
	 */
	remove(ids) {
		const gone = new Set(ids);
		const before = this.events.length;
		this.events = this.events.filter(({ id }) => !gone.has(id));
		return this.events.length !== before;
	}

	/**
	 * The position of the first event whose id is not before `id`.
	 * @param {string} id
	 */
	#position(id) {
		let [low, high] = [0, this.events.length];
		while (low < high) {
			const middle = (low + high) >> 1;
			const event = this.events[middle];
			if (event !== undefined && event.id < id) low = middle + 1;
			else high = middle;
		}
		return low;
	}
}
