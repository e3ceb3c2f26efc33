// page/lib/live.ts: what a poll finds that the one before had not.

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { happenedBy, Live } from "../../page/lib/live.ts";
import { event, pageOf, timesOf } from "./events.mjs";

/** @import { EventPage, ListedEvent } from "../../page/api/client.ts" */
/** @typedef {{ since?: unknown, cursor?: string | null, limit?: number | null }} Query */

const MINUTE = 60_000;
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

/** A live view that has polled once, and its API. */
async function opened(/** @type {ListedEvent[]} */ ...stored) {
	const api = new FakeApi();
	api.stored = stored;
	const live = new Live();
	const first = await live.poll((query) => api.events(query));
	return { api, live, first, poll: () => live.poll((query) => api.events(query)) };
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
	test("reads from a minute before the newest event", async () => {
		const { api, poll } = await opened(event(T), event(T - 2 * MINUTE));
		const news = await poll();
		assert.deepEqual(api.asked.at(-1), { since: T - MINUTE, cursor: null, limit: 1_000 });
		assert.deepEqual(timesOf(news.read), [T]);
		assert.equal(news.isFirst, false);
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
		const news = await poll();
		assert.deepEqual(timesOf(news.added), [T - 30_000]);
		assert.deepEqual(timesOf(news.fresh), [T - 30_000]);
		assert.equal(live.newest, T);
	});

	test("does not call fresh what was received before the page was opened", async () => {
		const { api, poll } = await opened(event(T));
		api.stored.push(event(T - 30_000, { received_at: T - 1_000 }));
		const news = await poll();
		assert.deepEqual([timesOf(news.added), timesOf(news.fresh)], [[T - 30_000], []]);
	});

	test("does not wait for an event whose time is in the future", async () => {
		const { api, live, poll } = await opened(event(T + 60 * MINUTE, { received_at: T }));
		assert.equal(live.newest, T);
		api.stored.push(event(T + 1_000));
		assert.deepEqual(timesOf((await poll()).added), [T + 1_000]);
		assert.equal(api.asked.at(-1)?.since, T - MINUTE);
	});

	test("tells what is gone, where it would have read it", async () => {
		const { api, poll } = await opened(event(T), event(T - 30_000), event(T - 2 * MINUTE));
		api.stored = [event(T)];
		assert.deepEqual((await poll()).gone, [event(T - 30_000).id]);
		assert.deepEqual((await poll()).gone, []);
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

	test("gives up after five pages, and does not say that the rest is gone", async () => {
		const { api, poll } = await opened(event(T));
		api.size = 2;
		api.stored.push(...Array.from({ length: 20 }, (_, at) => event(T + 1 + at)));
		const news = await poll();
		assert.equal(api.asked.length, 1 + 5);
		assert.equal(news.read.length, 10);
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

test("times shortly after 1970 are read from the beginning", async () => {
	const { api, poll } = await opened(event(5));
	await poll();
	assert.equal(api.asked.at(-1)?.since, 0);
});
