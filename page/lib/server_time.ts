// The server's clock, as far as the `Date` of its responses tells it. The browser's may be hours off, or be set while the page
// is open.

import { SECOND } from "./format.ts";

/**
 * How far the server's clock is ahead of one of ours, in ms, after a response. Its `Date` has whole seconds, rounded down, and
 * was written at some time between the request and the response: where what was known before fits that, it stays, so that time
 * does not jump to and fro.
 *
 * @param date the response's, in Unix ms
 * @param askedAt when the request was sent by our clock
 * @param heardAt when the response came by our clock
 * @param before what was known before
 */
export function aheadOf(date: number, askedAt: number, heardAt: number, before: number): number {
	const [least, most] = [date - heardAt, date + SECOND - askedAt];
	return Math.min(Math.max(before, least), most);
}
