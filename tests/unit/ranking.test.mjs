// page/lib/ranking.ts: how a user of a ranking was in the range before.

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { before, spanBefore } from "../../page/lib/ranking.ts";

const HOUR = 3_600_000;
const NOON = Date.parse("2026-11-25T12:00:00Z");

/** @param {string} user @param {number} unfollows @param {number} follows */
const user = (user, unfollows, follows) => ({ user, unfollows, follows, net: follows - unfollows });

suite("the range before", () => {
	for (const [name, since, until, hours] of /** @type {[string, number, number, number][]} */ ([
		["of whole hours", NOON - 24 * HOUR, NOON - 1, 24],
		["of 24 hours and a few minutes", NOON - 24 * HOUR, NOON + HOUR / 6, 24],
		["of 24 hours and most of one", NOON - 24 * HOUR, NOON + HOUR - 1, 25],
		["of one hour", NOON, NOON + HOUR - 1, 1],
		["of less than an hour", NOON, NOON + 1, 1],
	])) {
		test(`${name} is as long, ends where it begins, and is of whole hours`, () => {
			assert.deepEqual(spanBefore(since, until), { start: since - hours * HOUR, end: since });
		});
	}

	test("does not begin before there was time", () => {
		assert.deepEqual(spanBefore(HOUR, 9 * HOUR), { start: 0, end: HOUR });
	});
});

suite("a user's figure of the range before", () => {
	const span = { start: 0, end: HOUR };
	const whole = { ...span, users: [user("a", 9, 1), user("b", 4, 8)], isWhole: true };
	const cut = { ...whole, isWhole: false };

	test("is the one that the ranking ranks by", () => {
		assert.deepEqual(before(whole, "lost", "b", 5), { figure: 4, bound: "" });
		assert.deepEqual(before(whole, "gained", "b", 5), { figure: 8, bound: "" });
		assert.deepEqual(before(whole, "net", "a", 5), { figure: -8, bound: "" });
	});

	test("is 0 where the ranking has all users and not this one", () => {
		assert.deepEqual(before(whole, "lost", "c", 5), { figure: 0, bound: "" });
	});

	test("is bounded by the last user where the ranking does not have all", () => {
		assert.deepEqual(before(cut, "lost", "c", 5), { figure: 4, bound: "≤" });
		assert.equal(before(cut, "lost", "c", 4), null);
		const byNet = { ...cut, users: [user("a", 9, 1), user("b", 6, 4)] };
		assert.deepEqual(before(byNet, "net", "c", -3), { figure: -2, bound: "≥" });
		assert.equal(before(byNet, "net", "c", -2), null);
	});

	test("is not known where there was nobody", () => {
		assert.equal(before({ ...span, users: [], isWhole: true }, "lost", "a", 5), null);
	});
});
