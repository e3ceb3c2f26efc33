// page/lib/event_list.ts: a list of events that polls add to at one end, and the operator at the other.

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { EventList, FILLED_MAX } from "../../page/lib/event_list.ts";
import { event, pageOf, timesOf } from "./events.mjs";

/** @import { ListedEvent } from "../../page/api/client.ts" */

/** @type {(times: number[], cursor?: string | null) => EventList} */
const listOf = (times, cursor = null) =>
	new EventList(
		pageOf(
			times.map((time) => event(time)),
			cursor,
		),
	);

suite("an event", () => {
	test("is found by its id", () => {
		const list = listOf([10, 20, 30]);
		for (const time of [10, 20, 30]) assert.equal(list.find(event(time).id)?.event_time, time);
		assert.ok(list.has(event(20).id));
	});

	test("that is not there is not found, wherever it would be", () => {
		const list = listOf([10, 20, 30]);
		for (const time of [5, 15, 25, 35]) {
			assert.equal(list.find(event(time).id), undefined);
			assert.equal(list.has(event(time).id), false);
		}
		assert.equal(listOf([]).has(event(10).id), false);
	});
});

suite("events of the same time", () => {
	/** As the API lists them: the greatest hash first. */
	const same = ["ff", "0a", "09"].map((end) => event(20, { id: event(20).id.slice(0, -2) + end }));
	const [first, second, third] = /** @type {[ListedEvent, ListedEvent, ListedEvent]} */ (same);

	test("are found, and are not added twice", () => {
		const list = new EventList(pageOf([event(30), ...same, event(10)]));
		for (const { id } of same) assert.equal(list.find(id)?.id, id);
		assert.deepEqual(list.add(same), []);
	});

	test("are put into their places", () => {
		const list = new EventList(pageOf([first, third]));
		assert.deepEqual(list.add([second]), [second]);
		assert.deepEqual(list.events, same);
	});

	test("are those of the older page where a page ends between them", () => {
		const list = new EventList(pageOf([event(30), first], "older"));
		assert.deepEqual(list.add([second]), []);
		assert.deepEqual(list.addOlder(pageOf([first, second, third])), [second, third]);
		assert.deepEqual(list.events, [event(30), ...same]);
	});
});

suite("adding", () => {
	test("puts events into their places, newest first", () => {
		const list = listOf([10, 30], "older");
		const added = list.add([event(40), event(20)]);
		assert.deepEqual(timesOf(added), [40, 20]);
		assert.deepEqual(timesOf(list.events), [40, 30, 20, 10]);
	});

	test("leaves out what is there already", () => {
		const list = listOf([10, 30]);
		assert.deepEqual(list.add([event(30), event(10)]), []);
		assert.deepEqual(timesOf(list.events), [30, 10]);
	});

	test("leaves out what comes with an older page", () => {
		const list = listOf([20, 30], "older");
		assert.deepEqual(list.add([event(10)]), []);
		assert.deepEqual(timesOf(list.events), [30, 20]);
		assert.deepEqual(timesOf(listOf([20, 30]).add([event(10)])), [10], "there is no older page");
	});

	test("has the oldest fall off the end of a full list, from where it goes on", () => {
		const list = listOf([10, 20], "older");
		const added = list.add(Array.from({ length: FILLED_MAX + 5 }, (_, at) => event(100 + at)));
		assert.deepEqual([list.events.length, added.length], [FILLED_MAX, FILLED_MAX]);
		assert.deepEqual([list.events.at(-1)?.event_time, list.older], [105, { until: 105 }]);
		// The page that begins there has the last one again.
		list.addOlder(pageOf([event(105), event(104), event(103)], "next"));
		assert.deepEqual([timesOf(list.events.slice(-3)), list.older], [[105, 104, 103], { cursor: "next" }]);
		// What the operator has loaded stays.
		list.add([event(5_000)]);
		assert.deepEqual([list.events.length, list.events.at(-1)?.event_time], [FILLED_MAX + 3, 103]);
	});

	test("to an empty list that has an older page adds nothing", () => {
		assert.deepEqual(listOf([], "older").add([event(10)]), []);
		assert.deepEqual(timesOf(listOf([]).add([event(10)])), [10]);
	});
});

suite("an older page", () => {
	test("goes to the end", () => {
		const list = listOf([30, 40], "older");
		const added = list.addOlder(pageOf([event(10), event(20)], "oldest"));
		assert.deepEqual(timesOf(added), [20, 10]);
		assert.deepEqual(timesOf(list.events), [40, 30, 20, 10]);
		assert.deepEqual(list.older, { cursor: "oldest" });
	});

	test("may begin with what a poll has added", () => {
		const list = listOf([30, 40], "older");
		assert.deepEqual(timesOf(list.addOlder(pageOf([event(20), event(30)]))), [20]);
		assert.deepEqual(timesOf(list.events), [40, 30, 20]);
		assert.equal(list.older, null);
	});

	test("is all there is in an empty list", () => {
		const list = listOf([], "older");
		list.addOlder(pageOf([event(10)]));
		assert.deepEqual(timesOf(list.events), [10]);
	});
});

suite("the newest page, read again", () => {
	test("changes nothing where it is the same", () => {
		const list = listOf([10, 20, 30], "older");
		assert.equal(list.replaceNewest(pageOf([event(20), event(30)], "other")), false);
		assert.deepEqual(timesOf(list.events), [30, 20, 10]);
		assert.deepEqual(list.older, { cursor: "older" }, "the list goes on after its own last event");
	});

	test("takes away what is gone from its range, and leaves what is older", () => {
		const list = listOf([10, 20, 25, 30], "older");
		assert.equal(list.replaceNewest(pageOf([event(20), event(30)], "other")), true);
		assert.deepEqual(timesOf(list.events), [30, 20, 10]);
	});

	test("adds what is new", () => {
		const list = listOf([10, 20]);
		assert.equal(list.replaceNewest(pageOf([event(20), event(30)], "other")), true);
		assert.deepEqual(timesOf(list.events), [30, 20, 10]);
		assert.equal(list.older, null);
	});

	test("that is the only page is the whole list", () => {
		const list = listOf([10, 20, 30], "older");
		assert.equal(list.replaceNewest(pageOf([event(30)])), true);
		assert.deepEqual(timesOf(list.events), [30]);
		assert.equal(list.older, null);
	});

	test("that is all newer says where the next one begins", () => {
		const list = listOf([20]);
		list.replaceNewest(pageOf([event(20), event(30)], "next"));
		assert.deepEqual(list.older, { cursor: "next" });
	});

	test("may hold as many other events", () => {
		const list = listOf([10, 20]);
		assert.equal(list.replaceNewest(pageOf([event(10), event(30)])), true);
		assert.deepEqual(timesOf(list.events), [30, 10]);
	});
});

test("removing says whether anything was there", () => {
	const list = listOf([10, 20, 30]);
	assert.equal(list.remove([event(20).id, event(99).id]), true);
	assert.deepEqual(timesOf(list.events), [30, 10]);
	assert.equal(list.remove([event(20).id]), false);
});

suite("damaged events", () => {
	/** @type {(times: number[], damaged: number[], cursor?: string | null) => import("../../page/api/client.ts").EventPage} */
	const damagedPage = (times, damaged, cursor = null) => ({
		...pageOf(
			times.map((time) => event(time)),
			cursor,
		),
		damaged: damaged.map((time) => event(time).id),
	});
	const ids = (/** @type {number[]} */ ...times) => times.map((time) => event(time).id);

	test("come with each page", () => {
		const list = new EventList(damagedPage([30, 50], [40], "older"));
		list.addOlder(damagedPage([10], [20]));
		assert.deepEqual([timesOf(list.events), list.damaged], [[50, 30, 10], ids(40, 20)]);
	});

	test("at the end of what is loaded count to it", () => {
		const list = new EventList(damagedPage([], [20, 10], "older"));
		assert.deepEqual(timesOf(list.add([event(15), event(5)])), [15]);
		list.replaceNewest(damagedPage([15], [20], "other"));
		assert.deepEqual([timesOf(list.events), list.damaged, list.older], [[15], ids(20, 10), { cursor: "older" }]);
	});

	test("are no longer there when they were rebuilt or deleted", () => {
		const list = new EventList(damagedPage([30], [40, 20, 10]));
		assert.equal(list.remove(ids(20)), true);
		assert.deepEqual(list.damaged, ids(40, 10));
		list.replaceNewest(damagedPage([30, 40], [], null));
		assert.deepEqual([timesOf(list.events), list.damaged], [[40, 30], []]);
	});
});
