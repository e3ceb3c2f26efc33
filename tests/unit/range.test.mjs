// page/lib/range.ts: the hours and days that totals and chart are of.

import "./viewer.mjs";
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { barsOf, nextBar, RANGES, rangeOf, sinceText, spanText, timesOf } from "../../page/lib/range.ts";
import { inZone } from "./zone.mjs";

/** @import { Range, RangeName } from "../../page/lib/range.ts" */

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** In London, whose clocks show UTC in winter. */
const NOW = Date.parse("2026-11-25T14:05:09Z");

const iso = (/** @type {number} */ ms) => new Date(ms).toISOString();

/**
 * One unfollow in each hour from the beginning of a range up to now, and two follows in the last.
 * @param {Range} range
 * @param {number} now
 */
function hoursOf(range, now) {
	const hours = new Map();
	for (let start = range.since; start <= now; start += HOUR) hours.set(start, { start, unfollows: 1, follows: 0 });
	const last = now - (now % HOUR);
	return hours.set(last, { start: last, unfollows: 1, follows: 2 });
}

/**
 * The lengths of a range's bars in hours, once it is sure that they follow each other up to now and count each hour once.
 * @param {RangeName} name
 * @param {number} now
 */
function lengths(name, now) {
	const range = rangeOf(name, now);
	const bars = barsOf(range, now, hoursOf(range, now));
	assert.equal(bars[0]?.start, range.since);
	assert.equal(bars.at(-1)?.end, nextBar(range, now));
	for (const [at, { start, end, unfollows, follows }] of bars.entries()) {
		const isLast = at === bars.length - 1;
		assert.equal(start, at === 0 ? range.since : bars[at - 1].end);
		assert.equal(unfollows, isLast ? Math.floor((now - start) / HOUR) + 1 : (end - start) / HOUR);
		assert.equal(follows, isLast ? 2 : 0);
		assert.equal(start <= now && now < end, isLast);
	}
	return bars.map(({ start, end }) => (end - start) / HOUR);
}

/** @type {(length: number, value: number) => number[]} */
const repeat = (length, value) => Array.from({ length }, () => value);

suite("24 hours", () => {
	test("are 24 whole ones and the one that is not over", () => {
		const range = rangeOf("24h", NOW);
		assert.deepEqual(range, { since: Date.parse("2026-11-24T14:00:00Z"), unit: "hour" });
		assert.deepEqual(lengths("24h", NOW), repeat(25, 1));
		assert.equal(iso(nextBar(range, NOW)), "2026-11-25T15:00:00.000Z");
	});

	test("an hour begins on the dot", () => {
		const dot = Date.parse("2026-11-25T15:00:00Z");
		assert.equal(iso(nextBar(rangeOf("24h", dot - 1), dot - 1)), "2026-11-25T15:00:00.000Z");
		assert.equal(iso(nextBar(rangeOf("24h", dot), dot)), "2026-11-25T16:00:00.000Z");
	});

	test("are as many on the day that the clocks are put back", () => {
		assert.deepEqual(lengths("24h", Date.parse("2026-10-25T12:00:00Z")), repeat(25, 1));
	});
});

suite("days", () => {
	test("are so many whole ones and today", () => {
		const range = rangeOf("7d", NOW);
		assert.deepEqual(range, { since: Date.parse("2026-11-18T00:00:00Z"), unit: "day" });
		assert.deepEqual(lengths("7d", NOW), repeat(8, 24));
		assert.deepEqual(lengths("30d", Date.parse("2026-09-25T14:05:09Z")), repeat(31, 24));
		assert.equal(iso(nextBar(range, NOW)), "2026-11-26T00:00:00.000Z");
	});

	test("begin at the viewer's midnight", () => {
		assert.equal(iso(rangeOf("7d", Date.parse("2026-07-08T12:00:00Z")).since), "2026-06-30T23:00:00.000Z");
		inZone("America/New_York", () => {
			assert.equal(iso(rangeOf("7d", Date.parse("2026-07-08T12:00:00Z")).since), "2026-07-01T04:00:00.000Z");
		});
	});

	test("the one on which the clocks are put back has 25 hours, the one on which they are put forward 23", () => {
		assert.deepEqual(lengths("7d", Date.parse("2026-10-27T12:00:00Z")), [24, 24, 24, 24, 24, 25, 24, 24]);
		assert.deepEqual(lengths("7d", Date.parse("2026-10-25T23:30:00Z")), [...repeat(7, 24), 25]);
		assert.deepEqual(lengths("7d", Date.parse("2026-03-31T12:00:00Z")), [24, 24, 24, 24, 24, 23, 24, 24]);
		assert.deepEqual(lengths("7d", Date.parse("2026-03-29T12:00:00Z")), [...repeat(7, 24), 23]);
	});

	test("may have no midnight: Chile's clocks go from 24:00 to 01:00", () => {
		inZone("America/Santiago", () => {
			assert.deepEqual(lengths("7d", Date.parse("2026-09-08T12:00:00Z")), [24, 24, 24, 24, 24, 23, 24, 24]);
			assert.equal(iso(rangeOf("7d", Date.parse("2026-09-13T12:00:00Z")).since), "2026-09-06T04:00:00.000Z");
		});
	});

	test("are whole hours of UTC, even where the clocks go by half of one", () => {
		inZone("Australia/Lord_Howe", () => {
			assert.deepEqual(lengths("7d", Date.parse("2026-04-07T02:00:00Z")), repeat(8, 24));
			assert.deepEqual(lengths("7d", Date.parse("2026-10-06T02:00:00Z")), repeat(8, 24));
		});
	});
});

suite("where a zone is not whole hours from UTC", () => {
	test("a day begins with the hour of UTC that its midnight is in", () => {
		inZone("Asia/Kathmandu", () => {
			// Local midnight is 18:15 of UTC.
			const range = rangeOf("7d", Date.parse("2026-11-25T12:00:00Z"));
			assert.equal(iso(range.since), "2026-11-17T18:00:00.000Z");
			assert.deepEqual(lengths("7d", Date.parse("2026-11-25T12:00:00Z")), repeat(8, 24));
		});
	});

	test("the minutes before midnight are in the next day, which has begun", () => {
		inZone("Asia/Kolkata", () => {
			// Local midnight is 18:30 of UTC, and this is 23:40.
			const now = Date.parse("2026-11-25T18:10:00Z");
			assert.deepEqual(lengths("7d", now), repeat(8, 24));
			assert.equal(iso(rangeOf("7d", now).since), "2026-11-18T18:00:00.000Z");
			assert.equal(iso(nextBar(rangeOf("7d", now), now)), "2026-11-26T18:00:00.000Z");
			assert.equal(iso(rangeOf("7d", now - 11 * 60_000).since), "2026-11-17T18:00:00.000Z");
		});
	});
});

test("hours without counts are zero, and counts of other hours are nobody's", () => {
	const range = rangeOf("24h", NOW);
	const hours = new Map([[range.since - HOUR, { start: range.since - HOUR, unfollows: 5, follows: 5 }]]);
	const bars = barsOf(range, NOW, hours);
	assert.equal(bars.length, 25);
	assert.ok(bars.every(({ unfollows, follows }) => unfollows === 0 && follows === 0));
});

test("what is to have the same events as the tiles ends with the hour", () => {
	const range = rangeOf("7d", NOW);
	assert.deepEqual(timesOf(range, NOW), { since: range.since, until: Date.parse("2026-11-25T14:59:59.999Z") });
});

suite("in words", () => {
	test("a range says since when it is", () => {
		assert.equal(sinceText(rangeOf("24h", NOW), NOW), "since 14:00 yesterday");
		assert.equal(sinceText(rangeOf("7d", NOW), NOW), "since 18 Nov");
		assert.equal(sinceText(rangeOf("30d", NOW), NOW), "since 26 Oct");
	});

	test("24 hours ago is not always yesterday", () => {
		// The day has 25 hours, of which this is the last.
		const autumn = Date.parse("2026-10-25T23:30:00Z");
		assert.equal(sinceText(rangeOf("24h", autumn), autumn), "since 00:00 today");
		// The day before had 23.
		const spring = Date.parse("2026-03-29T23:30:00Z");
		assert.equal(sinceText(rangeOf("24h", spring), spring), "since 23:00 on 28 Mar");
		// The page was left open, and has not asked again.
		assert.equal(sinceText(rangeOf("24h", NOW), NOW + DAY), "since 14:00 on 24 Nov");
	});

	test("a day that begins before its midnight has its own name", () => {
		inZone("Asia/Kolkata", () => {
			const start = Date.parse("2026-11-24T18:00:00Z");
			assert.equal(sinceText({ since: start, unit: "day" }, NOW), "since 25 Nov");
			assert.equal(spanText({ start, end: start + DAY }, NOW), "Wed 25 Nov");
		});
	});

	test("a span is an hour, a day, or any other time", () => {
		const hour = Date.parse("2026-11-25T13:00:00Z");
		assert.equal(spanText({ start: hour, end: hour + HOUR }, NOW), "Wed 25 Nov, 13:00–14:00");
		assert.equal(spanText({ start: hour + HOUR, end: hour + 2 * HOUR }, NOW), "Wed 25 Nov, 14:00–now");
		assert.equal(spanText({ start: hour + HOUR, end: hour + 2 * HOUR }, NOW + HOUR), "Wed 25 Nov, 14:00–15:00");
		// Of a shared link, to an hour that has not begun.
		assert.equal(spanText({ start: hour + 2 * HOUR, end: hour + 3 * HOUR }, NOW), "Wed 25 Nov, 15:00–16:00");
		const day = Date.parse("2026-11-24T00:00:00Z");
		assert.equal(spanText({ start: day, end: day + DAY }, NOW), "Tue 24 Nov");
		assert.equal(spanText({ start: day + 9 * HOUR, end: day + 33 * HOUR }, NOW), "24 Nov, 09:00 – 25 Nov, 09:00");
		assert.equal(spanText({ start: day, end: day + 2 * DAY }, NOW), "24 Nov, 00:00 – 26 Nov, 00:00");
		assert.equal(spanText({ start: day, end: day + 12 * HOUR }, NOW), "24 Nov, 00:00 – 24 Nov, 12:00");
	});

	test("a span of another year says so", () => {
		const eve = Date.parse("2025-12-31T00:00:00Z");
		assert.equal(spanText({ start: eve, end: eve + DAY }, NOW), "31 Dec 2025");
		assert.equal(spanText({ start: eve, end: eve + HOUR }, NOW), "31 Dec 2025, 00:00–01:00");
		assert.equal(spanText({ start: eve + HOUR, end: eve + 26 * HOUR }, NOW), "31 Dec 2025, 01:00 – 1 Jan, 02:00");
	});

	test("a day of 23 or 25 hours is a day", () => {
		const spring = Date.parse("2026-03-29T00:00:00Z");
		assert.equal(spanText({ start: spring, end: spring + 23 * HOUR }, NOW), "Sun 29 Mar");
		const autumn = Date.parse("2026-10-24T23:00:00Z");
		assert.equal(spanText({ start: autumn, end: autumn + 25 * HOUR }, NOW), "Sun 25 Oct");
		// All but its last hour.
		assert.equal(spanText({ start: autumn, end: autumn + DAY }, NOW), "25 Oct, 00:00 – 25 Oct, 23:00");
	});

	test("the hour that comes twice has its zone", () => {
		const first = Date.parse("2026-10-25T00:00:00Z");
		assert.equal(spanText({ start: first, end: first + HOUR }, NOW), "Sun 25 Oct, 01:00 GMT+1–01:00 GMT+0");
	});
});

test("each range is a name of the URL", () => {
	assert.deepEqual(Object.keys(RANGES), ["24h", "7d", "30d"]);
});
