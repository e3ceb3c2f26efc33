// What a page that is left open costs within an hour: its requests, and the rows that D1 reads for them.

import type { Route } from "@playwright/test";
import { HOUR, inParallel, MINUTE, SECOND } from "./calls.ts";
import type { Dashboard } from "./dashboard.ts";
import { expect, type Shared, test } from "./fixtures.ts";

/** Ms between two events: a log of a million a month has one in 2.6 s. */
const EVENT_EVERY = 3 * SECOND;

type Answer = { events?: unknown[]; hours?: unknown[]; buckets?: unknown[] };

/** The rows that D1 reads for a call and its answer: as `tests/runtime/event_log_costs.rs` measures them, and at most. */
function rowsOf({ pathname, searchParams }: URL, answer: Answer): number {
	const perUser = searchParams.has("user") ? 2 : 1;
	switch (pathname) {
		case "/v1/events":
			return 3 + perUser * (answer.events?.length ?? 0);
		case "/v1/stats":
			return 1 + perUser * (answer.buckets?.length ?? 0);
		case "/v1/calls":
			return 24 + (answer.hours?.length ?? 0);
		case "/v1/top":
			return 1_000;
		case "/v1/alerts":
			return 300;
		case "/v1/status":
			return 60;
		case "/v1/apps":
			return 30;
		// KV alone.
		case "/v1/dead-letters":
			return 0;
	}
	if (/^\/v1\/users\/\d+$/.test(pathname)) return 100;
	throw new Error(`${pathname} is not in the table`);
}

/** The page's hour, in which it goes by a time that ends at the present, so that no event is in the future. */
class Hour {
	readonly rows = new Map<string, number>();
	readonly requests = new Map<string, number>();
	time = Date.now() - HOUR - 10 * MINUTE;

	private constructor(readonly dashboard: Dashboard) {}

	static async begin(dashboard: Dashboard, query: string): Promise<Hour> {
		const hour = new Hour(dashboard);
		await dashboard.page.clock.install({ time: hour.time });
		await dashboard.page.route(/\/v1\//, (route) => hour.#answer(route));
		await dashboard.enter(query);
		hour.time += MINUTE;
		await dashboard.page.clock.pauseAt(hour.time);
		await dashboard.expectIdle();
		return hour;
	}

	async #answer(route: Route): Promise<void> {
		const response = await route.fetch();
		const url = new URL(route.request().url());
		const add = (counts: Map<string, number>, count: number) =>
			counts.set(url.pathname, (counts.get(url.pathname) ?? 0) + count);
		add(this.requests, 1);
		add(this.rows, rowsOf(url, await response.json()));
		const date = new Date(this.time).toUTCString();
		await route.fulfill({ response, headers: { ...response.headers(), date } });
	}

	/** Lets so much time pass in steps, while `send` sends an event every few seconds. */
	async pass(ms: number, step: number, send: (time: number) => Promise<void>): Promise<void> {
		for (const end = this.time + ms; this.time < end; this.time += step) {
			await inParallel(step / EVENT_EVERY, (number) => send(this.time + number * EVENT_EVERY));
			await this.dashboard.page.clock.runFor(step);
			await this.dashboard.expectIdle();
		}
	}

	get sum(): { requests: number; rows: number } {
		const sum = (counts: Map<string, number>) => [...counts.values()].reduce((sum, count) => sum + count, 0);
		return { requests: sum(this.requests), rows: sum(this.rows) };
	}
}

/** A tenth of the events are of one user. */
const sendTo = (shared: Shared, app: string) => (time: number) => {
	const number = Math.floor(time / EVENT_EVERY);
	return shared.sendUnfollow(app, `fan-${number}`, [number % 10 === 0 ? "heavy" : `user-${number % 50}`], time);
};

for (const [name, query, most] of [
	["the overview of 30 days", "range=30d", 100_000],
	["a user's view of 30 days", "range=30d&user=heavy", 50_000],
] as const) {
	test(`${name} reads at most ${most} rows within an hour, and none while it is hidden`, { tag: "@slow" }, async ({
		dashboard,
		shared,
		app,
	}) => {
		test.slow();
		await shared.sendUnfollow(app, "before", ["heavy"], Date.now() - 2 * HOUR);
		const hour = await Hour.begin(dashboard, `app=${app}&${query}`);
		// For ten minutes it counts as in use.
		await hour.pass(10 * MINUTE, 3 * SECOND, sendTo(shared, app));
		const inUse = hour.sum;
		await hour.pass(50 * MINUTE, 30 * SECOND, sendTo(shared, app));
		const { requests, rows } = hour.sum;
		expect(hour.requests.get("/v1/events")).toBeGreaterThan(200 + 80);
		expect(rows).toBeLessThanOrEqual(most);
		// Also where it is in use for all of it.
		expect(6 * inUse.rows, JSON.stringify([...hour.rows])).toBeLessThanOrEqual(most);

		await dashboard.setHidden(true);
		await dashboard.page.clock.runFor(HOUR);
		await dashboard.expectIdle();
		expect(hour.sum).toEqual({ requests, rows });
		// What came meanwhile is there as soon as somebody looks.
		await shared.sendUnfollow(app, "meanwhile", ["heavy"], hour.time);
		hour.time += HOUR;
		await dashboard.setHidden(false);
		await dashboard.page.clock.runFor(SECOND);
		await expect(dashboard.row("meanwhile")).toBeVisible();
		await dashboard.expectIdle();
	});
}
