// The time that totals and chart are of, and its bars: whole hours or days of the viewer's time zone.

import { clock, DAY, day, dayParts, HOUR, weekday } from "./format.js";

/** @import { components } from "../target/types/openapi.d.ts" */
/** @typedef {keyof typeof RANGES} RangeName */
/** @typedef {{ since: number, unit: "hour" | "day", title: string }} Range that begins at a time in Unix ms */
/** @typedef {{ start: number, end: number }} Span between two times in Unix ms */
/** @typedef {Span & { unfollows: number, follows: number }} Bar */

/** The ranges by their names in the URL. */
export const RANGES = {
	"24h": { title: "24 hours", days: 0 },
	"7d": { title: "7 days", days: 7 },
	"30d": { title: "30 days", days: 30 },
};

/** Ms of the longest range that the API counts users and calls in. */
export const API_MAX = 31 * DAY;

/** The API counts by hours of UTC. Where a zone is not whole hours from it, an hour or day begins up to an hour earlier. */
const wholeHour = (/** @type {number} */ ms) => ms - (ms % HOUR);

/**
 * When a day begins, `days` before the day of `ms`.
 * @param {number} ms
 * @param {number} days
 */
function midnight(ms, days) {
	// The hour that a midnight is in belongs to the day that begins.
	const { y, m, d } = dayParts(wholeHour(ms) + HOUR - 1);
	return wholeHour(new Date(y, m, d - days).getTime());
}

/**
 * The range of this name that ends now: 24 whole hours and the one that is not over, or so many whole days and today.
 * @param {RangeName} name
 * @param {number} now in Unix ms
 * @returns {Range}
 */
export function rangeOf(name, now) {
	const { title, days } = RANGES[name];
	return days === 0
		? { since: wholeHour(now) - DAY, unit: "hour", title }
		: { since: midnight(now, days), unit: "day", title };
}

/**
 * When the next bar of a range begins, which is when its first one leaves it.
 * @param {Range} range
 * @param {number} now in Unix ms
 */
export function nextBar({ unit }, now) {
	return unit === "hour" ? wholeHour(now) + HOUR : midnight(now, -1);
}

/**
 * The bars of a range up to now, oldest first.
 * @param {Range} range
 * @param {number} now in Unix ms
 * @param {Map<number, components["schemas"]["Bucket"]>} hours the counts by the start of their hour
 * @returns {Bar[]}
 */
export function barsOf(range, now, hours) {
	const bars = [];
	for (let start = range.since; start <= now; ) {
		// Noon of the next day is in it whether or not the clocks change.
		const end = range.unit === "hour" ? start + HOUR : midnight(start + 36 * HOUR, 0);
		const bar = { start, end, unfollows: 0, follows: 0 };
		for (let hour = start; hour < end; hour += HOUR) {
			bar.unfollows += hours.get(hour)?.unfollows ?? 0;
			bar.follows += hours.get(hour)?.follows ?? 0;
		}
		bars.push(bar);
		start = end;
	}
	return bars;
}

/**
 * "since 14:00 yesterday", "since 18 Nov".
 * @param {Range} range
 */
export function sinceText({ since, unit }) {
	return unit === "hour" ? `since ${clock(since)} yesterday` : `since ${day(since + 12 * HOUR)}`;
}

/**
 * "Wed, 25 Nov, 14:00–15:00" of an hour, "Wed, 25 Nov" of a day, "18 Nov, 14:00 – 20 Nov, 09:30" of any other time.
 * @param {Span} span
 */
export function spanText({ start, end }) {
	const length = end - start;
	if (length <= HOUR) return `${weekday(start)}, ${clock(start)}–${end > Date.now() ? "now" : clock(end)}`;
	// A day may have 23 hours, or 25.
	const isDay = length >= 23 * HOUR && length <= 25 * HOUR && midnight(start + 12 * HOUR, 0) === start;
	return isDay ? weekday(start + 12 * HOUR) : `${day(start)}, ${clock(start)} – ${day(end)}, ${clock(end)}`;
}
