// page/lib/days.ts: where days are cut, in every zone, and what they are called. Formats are London's; which day it is, the zone's.

import "./viewer.mjs";
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { cutNote, dayName, dayTitle, endOfDay, fullDayName, startOfDay, wholeHour } from "../../page/lib/days.ts";
import { inZone } from "./zone.mjs";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** In London, whose clocks show UTC in winter. */
const NOW = Date.parse("2026-11-25T14:05:09Z");

/** @type {(text: string) => number} */
const at = (text) => Date.parse(text);
const iso = (/** @type {number} */ ms) => new Date(ms).toISOString();

/** When the day begins and ends that a time is in. */
const dayOf = (/** @type {number} */ ms) => [startOfDay(ms), endOfDay(ms)].map(iso);

/** Zones with the UTC time of a midnight there, as the local date says, and of the cut that stands for it. */
const ZONES = [
	["Asia/Kolkata", "2026-11-24T18:30Z", "2026-11-24T18:00Z"],
	["Asia/Kathmandu", "2026-11-24T18:15Z", "2026-11-24T18:00Z"],
	["America/St_Johns", "2026-11-25T03:30Z", "2026-11-25T03:00Z"],
	["America/St_Johns", "2026-07-15T02:30Z", "2026-07-15T02:00Z"],
	["Australia/Lord_Howe", "2026-07-14T13:30Z", "2026-07-14T13:00Z"],
	["Australia/Lord_Howe", "2026-11-24T13:00Z", "2026-11-24T13:00Z"],
	["Europe/London", "2026-11-25T00:00Z", "2026-11-25T00:00Z"],
	["Asia/Shanghai", "2026-11-24T16:00Z", "2026-11-24T16:00Z"],
];

test("a day begins with the hour of UTC that its midnight is in", () => {
	for (const [zone, midnight, cut] of ZONES) {
		inZone(zone, () => {
			assert.equal(new Date(midnight).getHours() + new Date(midnight).getMinutes(), 0, `${zone}: a midnight`);
			assert.deepEqual(dayOf(at(midnight)), [iso(at(cut)), iso(at(cut) + DAY)], zone);
			assert.deepEqual(dayOf(at(cut)), [iso(at(cut)), iso(at(cut) + DAY)], `${zone}: its first ms`);
			assert.deepEqual(dayOf(at(cut) - 1), [iso(at(cut) - DAY), iso(at(cut))], `${zone}: the ms before`);
			assert.equal(iso(startOfDay(at(cut), 7)), iso(at(cut) - 7 * DAY), `${zone}: a week before`);
		});
	}
});

test("days follow each other without a gap, on the days of a clock change too", () => {
	for (const [zone, lengths] of /** @type {const} */ ([
		["Europe/London", [23, 24, 25]],
		["America/St_Johns", [23, 24, 25]],
		// Half an hour of summer time moves no cut.
		["Australia/Lord_Howe", [24]],
		// There is no midnight when its clocks go forward.
		["America/Santiago", [23, 24, 25]],
		["Asia/Kolkata", [24]],
	])) {
		inZone(zone, () => {
			const found = new Set();
			for (let start = startOfDay(at("2026-01-01T12:00Z")); start < at("2027-01-01T12:00Z"); ) {
				const end = endOfDay(start);
				assert.equal(start % HOUR, 0);
				for (const ms of [start, start + 12 * HOUR, end - 1]) {
					assert.deepEqual([startOfDay(ms), endOfDay(ms)], [start, end], `${zone}, ${iso(ms)}`);
				}
				found.add((end - start) / HOUR);
				start = end;
			}
			assert.deepEqual([...found].sort(), lengths, zone);
		});
	}
});

test("an hour is one of UTC", () => {
	inZone("Asia/Kathmandu", () => assert.equal(iso(wholeHour(at("2026-11-25T18:59:59Z"))), "2026-11-25T18:00:00.000Z"));
});

suite("names", () => {
	test("are titled by how far they are back", () => {
		assert.equal(dayTitle(NOW, NOW), "Today");
		assert.equal(dayTitle(at("2026-11-25T00:00:00Z"), NOW), "Today");
		assert.equal(dayTitle(at("2026-11-24T23:59:59Z"), NOW), "Yesterday");
		assert.equal(dayTitle(at("2026-11-23T23:59:59Z"), NOW), "Monday 23 November");
		assert.equal(dayTitle(at("2025-11-25T14:05:09Z"), NOW), "25 Nov 2025");
	});

	test("are in the future where they begin in it", () => {
		assert.equal(dayTitle(at("2026-11-25T23:00:00Z"), NOW), "Today");
		assert.equal(dayTitle(at("2026-11-26T00:00:00Z"), NOW), "Thursday 26 November, in the future");
	});

	test("have their year where it is another", () => {
		assert.deepEqual(
			[at("2026-11-18T12:00:00Z"), at("2025-11-25T12:00:00Z")].map((ms) => fullDayName(ms, NOW)),
			["18 Nov", "25 Nov 2025"],
		);
	});

	test("yesterday may have had 23 hours", () => {
		const now = at("2026-03-29T23:30:00Z");
		assert.equal(dayTitle(at("2026-03-29T00:15:00Z"), now), "Yesterday");
		assert.equal(dayTitle(at("2026-03-28T23:45:00Z"), now), "Saturday 28 March");
	});

	test("yesterday may have been last year", () => {
		assert.equal(dayTitle(at("2025-12-31T10:00:00Z"), at("2026-01-01T10:00:00Z")), "Yesterday");
	});

	test("follow the cut", () => {
		inZone("Asia/Kolkata", () => {
			// 23:20 and 23:40 there.
			assert.equal(dayName(at("2026-11-24T17:50:00Z")), "24 Nov");
			assert.equal(dayName(at("2026-11-24T18:10:00Z")), "25 Nov");
			assert.equal(dayTitle(at("2026-11-24T17:50:00Z"), at("2026-11-24T18:10:00Z")), "Yesterday");
			assert.equal(dayTitle(at("2026-11-24T18:10:00Z"), at("2026-11-24T18:40:00Z")), "Today");
		});
	});
});

suite("where days do not begin at midnight, it is said", () => {
	test("nowhere else", () => {
		for (const zone of ["Europe/London", "America/New_York", "America/Santiago", "Asia/Shanghai", "UTC"]) {
			inZone(zone, () => assert.equal(cutNote(NOW), "", zone));
		}
	});

	test("in all seasons of such a zone", () => {
		for (const zone of ["Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe"]) {
			for (const now of [NOW, NOW + DAY * 182])
				inZone(zone, () => assert.match(cutNote(now), /^Counts are by hours/, zone));
		}
	});
});
