// page/lib/live.ts: what a poll finds that the one before had not.

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { happenedBy, Live } from "../../page/lib/live.ts";
import { event, pageOf, timesOf } from "./events.mjs";

/** @import { EventPage, ListedEvent } from "../../page/api/client.ts" */
/** @typedef {{ since?: unknown, cursor?: string | null, limit?: number | null }} Query */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const T = Date.parse("2026-11-25T14:00:00Z");

/** An API whose events are set by the test. It answers as the Worker does, in pages of `size`. */
class FakeApi {
	/** @type {ListedEvent[]} */
	stored = [];
	/** @type {Query[]} */
	asked = [];
	size = 1_000;
	fails = false;

	/**
	 * @param {Query} query
	 * @returns {Promise<EventPage>}
	 */
	async events(query) {
		this.asked.push(query);
		if (this.fails) throw new Error("The Worker cannot be reached.");
		const { events } = pageOf(this.stored.filter(({ event_time: time }) => time >= Number(query.since ?? 0)));
		const begin = Number(query.cursor ?? 0);
		const end = begin + Math.min(this.size, query.limit ?? 100);
		return { events: events.slice(begin, end), damaged: [], cursor: end < events.length ? String(end) : null };
	}
}

/** A live view that has polled once, and its API. A further poll comes so many ms later than that one. */
async function opened(/** @type {ListedEvent[]} */ ...stored) {
	const api = new FakeApi();
	api.stored = stored;
	const live = new Live();
	const poll = (later = 3 * SECOND) => live.poll((query) => api.events(query), T + later);
	return { api, live, first: await poll(0), poll };
}

test("an event that says it is in the future has happened when it was received", () => {
	assert.equal(happenedBy(event(T)), T);
	assert.equal(happenedBy(event(T + 5 * MINUTE, { received_at: T })), T);
	assert.equal(happenedBy(event(T, { received_at: T + 5 * MINUTE })), T);
});

suite("the first poll", () => {
	test("reads the newest events, none of which is new", async () => {
		const { api, first, live } = await opened(event(T), event(T - MINUTE));
		assert.deepEqual(api.asked, [{ since: null, cursor: null, limit: 50 }]);
		assert.deepEqual(timesOf(first.read), [T, T - MINUTE]);
		assert.deepEqual({ ...first, read: [] }, { isFirst: true, read: [], fresh: [], added: [], gone: [], isGap: false });
		assert.equal(live.newest, T);
	});

	test("reads no further, however many there are", async () => {
		const { api, first } = await opened(...Array.from({ length: 60 }, (_, at) => event(T + at)));
		assert.equal(api.asked.length, 1);
		assert.equal(first.read.length, 50);
		assert.equal(first.isGap, false);
	});

	test("may find nothing", async () => {
		const { api, first, live, poll } = await opened();
		assert.deepEqual(first.read, []);
		assert.equal(live.newest, null);
		api.stored = [event(T)];
		const news = await poll();
		assert.equal(api.asked.at(-1)?.since, null);
		assert.deepEqual([timesOf(news.added), timesOf(news.fresh)], [[T], [T]]);
		assert.equal(live.newest, T);
	});
});

suite("each further poll", () => {
	test("reads from 10 s before the newest event, and every 30 s from a minute before it", async () => {
		const { api, poll } = await opened(event(T), event(T - 2 * MINUTE));
		for (const [later, overlap] of [
			[3, 10],
			[27, 10],
			[30, 60],
			[33, 10],
			[60, 60],
		]) {
			const news = await poll(later * SECOND);
			assert.deepEqual(api.asked.at(-1), { since: T - overlap * SECOND, cursor: null, limit: 1_000 }, String(later));
			assert.deepEqual(timesOf(news.read), [T]);
			assert.equal(news.isFirst, false);
		}
	});

	test("tells what is new, once", async () => {
		const { api, live, poll } = await opened(event(T));
		api.stored.push(event(T + MINUTE));
		assert.deepEqual(timesOf((await poll()).added), [T + MINUTE]);
		assert.equal(live.newest, T + MINUTE);
		assert.deepEqual((await poll()).added, []);
	});

	test("tells an event that comes late, which is fresh although its time is not", async () => {
		const { api, live, poll } = await opened(event(T));
		api.stored.push(event(T - 30_000, { received_at: T + 1_000 }));
		assert.deepEqual((await poll()).added, []);
		const news = await poll(30 * SECOND);
		assert.deepEqual(timesOf(news.added), [T - 30_000]);
		assert.deepEqual(timesOf(news.fresh), [T - 30_000]);
		assert.equal(live.newest, T);
	});

	test("goes back to the newest event that is left, whose call came all the same", async () => {
		const { api, live, poll } = await opened(event(T - 5 * MINUTE), event(T));
		api.stored.pop();
		assert.equal((await poll()).gone.length, 1);
		assert.deepEqual([live.newest, live.newestCall], [T - 5 * MINUTE, T]);
		assert.equal((await poll()).gone.length, 0);
		assert.equal(live.newest, T - 5 * MINUTE);
		api.stored.pop();
		api.stored.push(event(T + SECOND));
		await poll();
		assert.equal(live.newest, T + SECOND);
		api.stored.pop();
		await poll();
		assert.equal(live.newest, null);
	});

	test("knows no call of an event that a comparison has recorded", async () => {
		const { api, live, poll } = await opened(event(T));
		api.stored.push(event(T + MINUTE, { source: "comparison" }));
		await poll();
		assert.deepEqual([live.newest, live.newestCall], [T + MINUTE, T]);
	});

	test("does not call fresh what was received before the page was opened", async () => {
		const { api, poll } = await opened(event(T));
		api.stored.push(event(T - 3_000, { received_at: T - 1_000 }));
		const news = await poll();
		assert.deepEqual([timesOf(news.added), timesOf(news.fresh)], [[T - 3_000], []]);
	});

	test("does not wait for an event whose time is in the future", async () => {
		const { api, live, poll } = await opened(event(T + 60 * MINUTE, { received_at: T }));
		assert.equal(live.newest, T);
		api.stored.push(event(T + 1_000));
		assert.deepEqual(timesOf((await poll()).added), [T + 1_000]);
		assert.equal(api.asked.at(-1)?.since, T - 10 * SECOND);
	});

	test("tells what is gone, where it would have read it", async () => {
		const { api, poll } = await opened(event(T), event(T - 30_000), event(T - 2 * MINUTE));
		api.stored = [event(T)];
		assert.deepEqual((await poll()).gone, []);
		assert.deepEqual((await poll(30 * SECOND)).gone, [event(T - 30_000).id]);
		assert.deepEqual((await poll(60 * SECOND)).gone, []);
	});

	test("reads on where there is more than a page", async () => {
		const { api, poll } = await opened(event(T));
		api.size = 2;
		api.stored.push(event(T + 1), event(T + 2), event(T + 3));
		const news = await poll();
		assert.deepEqual(
			api.asked.slice(1).map(({ cursor }) => cursor),
			[null, "2"],
		);
		assert.deepEqual(timesOf(news.added), [T + 3, T + 2, T + 1]);
		assert.equal(news.isGap, false);
	});

	test("gives up after twenty pages, and does not say that the rest is gone", async () => {
		const { api, poll } = await opened(event(T));
		api.size = 2;
		api.stored.push(...Array.from({ length: 50 }, (_, at) => event(T + 1 + at)));
		const news = await poll();
		assert.equal(api.asked.length, 1 + 20);
		assert.equal(news.read.length, 40);
		assert.equal(news.isGap, true);
		assert.deepEqual(news.gone, []);
	});

	test("that fails is made up for by the next", async () => {
		const { api, poll } = await opened(event(T));
		api.stored.push(event(T + MINUTE));
		api.fails = true;
		await assert.rejects(poll());
		api.fails = false;
		assert.deepEqual(timesOf((await poll()).added), [T + MINUTE]);
	});
});

/** An event of a flood, which comes up to 2 s after its time. */
const flooding = (/** @type {number} */ number, /** @type {number} */ time) =>
	event(time, { id: `${String(9_999_999_999_999 - time)}-${String(number).padStart(32, "0")}` });

for (const every of [3, 30]) {
	test(`500 events a second, of which some come late, are each told once by polls every ${every} s`, async () => {
		const { api, poll } = await opened(event(T - 10 * MINUTE));
		/** @type {Map<string, number>} */
		const told = new Map();
		let sent = 0;
		for (let second = 0; second < 120; second += every) {
			const begin = T + second * SECOND;
			for (let number = 0; number < 500 * every; number += 1, sent += 1) {
				const late = number % 7 === 0 ? 2 * SECOND : 0;
				api.stored.push(flooding(sent, begin + number * 2 - late));
			}
			const before = api.asked.length;
			const news = await poll((second + every) * SECOND);
			assert.equal(news.isGap, false);
			for (const { id } of news.added) told.set(id, (told.get(id) ?? 0) + 1);
			// What is new, and what is read again.
			assert.ok(
				api.asked.length - before <= Math.ceil((500 * every + 2_000) / 1_000) + 1,
				String(api.asked.length - before),
			);
		}
		assert.equal(told.size, sent);
		assert.deepEqual(
			[...told.values()].filter((times) => times !== 1),
			[],
		);
	});
}

test("the first events of a busy app are none that were there before", async () => {
	const { poll } = await opened(...Array.from({ length: 3_000 }, (_, number) => flooding(number, T - number)));
	for (const later of [3, 30, 60]) {
		const { added, gone } = await poll(later * SECOND);
		assert.deepEqual([added, gone], [[], []], String(later));
	}
});

test("times shortly after 1970 are read from the beginning", async () => {
	const { api, poll } = await opened(event(5));
	await poll();
	assert.equal(api.asked.at(-1)?.since, 0);
});
