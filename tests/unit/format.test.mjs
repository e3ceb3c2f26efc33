// page/lib/format.ts: numbers and times as the viewer reads them.

import "./viewer.mjs";
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as format from "../../page/lib/format.ts";

const { SECOND, MINUTE, HOUR, DAY } = format;

/** In the afternoon of a Wednesday, in winter: London's clocks show UTC. */
const NOW = Date.parse("2026-11-25T14:05:09Z");

test("the time zone is the viewer's", () => {
	assert.equal(format.timeZone(), "Europe/London");
});

suite("numbers", () => {
	test("are grouped", () => {
		assert.equal(format.number(1_234_567), "1,234,567");
	});

	test("agree with their noun", () => {
		assert.equal(format.count(1, "event"), "1 event");
		assert.equal(format.count(0, "event"), "0 events");
		assert.equal(format.count(1_000, "event"), "1,000 events");
	});

	test("have a sign that is a minus, not a hyphen", () => {
		assert.equal(format.signed(3), "+3");
		assert.equal(format.signed(-1_234), "−1,234");
		assert.equal(format.signed(0), "0");
	});
});

suite("times of the day", () => {
	test("midnight is 00:00", () => {
		assert.equal(format.clock(Date.parse("2026-11-25T00:00:00Z")), "00:00");
		assert.equal(format.seconds(Date.parse("2026-11-25T00:00:07Z")), "00:00:07");
	});

	test("summer time is an hour ahead", () => {
		assert.equal(format.clock(Date.parse("2026-07-01T12:00:00Z")), "13:00");
	});

	test("have their zone only where the clocks show them twice", () => {
		assert.equal(format.clock(Date.parse("2026-10-24T23:59:00Z")), "00:59");
		assert.equal(format.clock(Date.parse("2026-10-25T00:30:00Z")), "01:30 GMT+1");
		assert.equal(format.clock(Date.parse("2026-10-25T01:30:00Z")), "01:30 GMT+0");
		assert.equal(format.clock(Date.parse("2026-10-25T02:00:00Z")), "02:00");
		assert.equal(format.clock(Date.parse("2026-03-29T01:30:00Z")), "02:30");
		assert.equal(format.seconds(Date.parse("2026-10-25T01:30:07Z")), "01:30:07 GMT+0");
		assert.equal(format.seconds(Date.parse("2026-10-25T02:30:07Z")), "02:30:07");
	});
});

suite("days", () => {
	test("are the viewer's: a summer's day begins before UTC's", () => {
		assert.equal(format.day(Date.parse("2026-06-30T23:00:00Z")), "1 Jul");
		assert.equal(format.isoDay(Date.parse("2026-06-30T23:00:00Z")), "2026-07-01");
		assert.deepEqual(format.dayParts(Date.parse("2026-06-30T23:00:00Z")), { y: 2026, m: 6, d: 1 });
	});

	test("have a weekday where there is room", () => {
		assert.equal(format.weekday(NOW), "Wed 25 Nov");
	});

	test("behind a time are told from today and yesterday", () => {
		assert.equal(format.onDay(Date.parse("2026-11-25T00:00:00Z"), NOW), "today");
		assert.equal(format.onDay(Date.parse("2026-11-24T23:59:59Z"), NOW), "yesterday");
		assert.equal(format.onDay(Date.parse("2026-11-23T23:59:59Z"), NOW), "on 23 Nov");
	});
});

suite("moments", () => {
	test("have it all where they are full", () => {
		assert.equal(format.full(NOW), "25 Nov 2026, 14:05:09");
	});

	test("leave out what is the same as now", () => {
		assert.equal(format.moment(NOW - HOUR, NOW), "13:05:09");
		assert.equal(format.moment(NOW - DAY, NOW), "24 Nov, 14:05:09");
		assert.equal(format.moment(Date.parse("2025-11-25T14:05:09Z"), NOW), "25 Nov 2025, 14:05:09");
	});
});

suite("distances", () => {
	test("ago: in one unit, which is whole", () => {
		assert.equal(format.ago(NOW - 4_999, NOW), "just now");
		assert.equal(format.ago(NOW - 5 * SECOND, NOW), "5 s ago");
		assert.equal(format.ago(NOW - 59 * SECOND, NOW), "59 s ago");
		assert.equal(format.ago(NOW - MINUTE, NOW), "1 min ago");
		assert.equal(format.ago(NOW - HOUR + 1, NOW), "59 min ago");
		assert.equal(format.ago(NOW - HOUR, NOW), "1 h ago");
		assert.equal(format.ago(NOW - 2 * DAY + 1, NOW), "47 h ago");
		assert.equal(format.ago(NOW - 2 * DAY, NOW), "2 days ago");
		assert.equal(format.ago(NOW - 400 * DAY, NOW), "400 days ago");
	});

	test("clocks may differ by a minute before a time is in the future", () => {
		assert.equal(format.isAhead(NOW + MINUTE, NOW), false);
		assert.equal(format.ago(NOW + MINUTE, NOW), "just now");
		assert.equal(format.isAhead(NOW + MINUTE + 1, NOW), true);
		assert.equal(format.ago(NOW + MINUTE + 1, NOW), "in 1 min");
		assert.equal(format.ago(NOW + 3 * DAY, NOW), "in 3 days");
	});

	test("due: what has passed is due now", () => {
		assert.equal(format.due(NOW + 90 * SECOND, NOW), "in 1 min");
		assert.equal(format.due(NOW, NOW), "now");
		assert.equal(format.due(NOW - DAY, NOW), "now");
	});
});

test("a date can be written up to the end of ECMAScript's time", () => {
	assert.equal(format.isDate(8.64e15), true);
	assert.equal(format.isDate(8.64e15 + 1), false);
	assert.equal(format.isDate(-8.64e15 - 1), false);
	assert.equal(format.isDate(Number.NaN), false);
});
