// Events as the API lists them.

/** @import { EventPage, ListedEvent } from "../../page/api/client.ts" */

const TIME_MAX = 9_999_999_999_999;

/**
 * An event of this time, with whatever else is given. Ids sort newest first, as the Worker makes them.
 * @param {number} time in Unix ms
 * @param {Partial<ListedEvent>} [members]
 * @returns {ListedEvent}
 */
export const event = (time, members = {}) => ({
	id: `${String(TIME_MAX - time).padStart(13, "0")}-0123456789abcdef0123456789abcdef`,
	sdk_app_id: 1_400_000_000,
	kind: "unfollow",
	from_account: "alice",
	to_accounts: ["bob"],
	event_time: time,
	received_at: time,
	opt_platform: "iOS",
	client_ip: "127.0.0.1",
	request_id: null,
	...members,
});

/**
 * A page of events, newest first, and of the same ms the greatest id first.
 * @param {ListedEvent[]} events
 * @param {string | null} [cursor] of the next page; null where this is the last
 * @returns {EventPage}
 */
export const pageOf = (events, cursor = null) => ({
	events: events.toSorted((a, b) => b.event_time - a.event_time || (a.id > b.id ? -1 : 1)),
	damaged: [],
	cursor,
});

/**
 * The times of events.
 * @param {ListedEvent[]} events
 */
export const timesOf = (events) => events.map(({ event_time: time }) => time);
