// page/lib/server_time.ts: what a response tells of the server's clock.

import assert from "node:assert/strict";
import { test } from "node:test";
import { aheadOf } from "../../page/lib/server_time.ts";

/** What the server's clock shows when ours shows 0. */
const AHEAD = Date.parse("2026-11-25T14:00:00.400Z");

/** The `Date` that the server writes at a time by our clock. */
const dateAt = (/** @type {number} */ ms) => Math.floor((AHEAD + ms) / 1000) * 1000;

test("a clock that is far off is set to within a second and the time of the request", () => {
	for (const off of [-3, 30, 24 * 400]) {
		const ahead = aheadOf(dateAt(5_100), 5_000, 5_200, AHEAD + off * 3_600_000);
		assert.ok(Math.abs(ahead - AHEAD) <= 1_200, String(ahead - AHEAD));
	}
});

test("it comes nearer with each response, and does not jump about", () => {
	let ahead = aheadOf(dateAt(50), 0, 100, 0);
	const found = [];
	for (let asked = 1_000; asked < 60_000; asked += 730) {
		const next = aheadOf(dateAt(asked + 50), asked, asked + 100, ahead);
		assert.ok(Math.abs(next - AHEAD) <= Math.abs(ahead - AHEAD));
		ahead = next;
		found.push(ahead);
	}
	assert.ok(Math.abs(ahead - AHEAD) <= 200, String(ahead - AHEAD));
	assert.ok(new Set(found.slice(-20)).size <= 2);
});

test("a clock that is right stays as it is", () => {
	for (const asked of [0, 400, 599, 700]) assert.equal(aheadOf(dateAt(asked + 50), asked, asked + 100, AHEAD), AHEAD);
});

test("a clock that has stood still is put forward", () => {
	const ahead = aheadOf(dateAt(3_600_050), 0, 100, AHEAD);
	assert.ok(Math.abs(ahead - AHEAD - 3_600_000) <= 1_100);
});
