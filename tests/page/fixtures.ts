// What a test gets: a Worker that the tests of a process share, where each test has an app of its own; the page on it; and
// Workers with other settings.

import { test as base, expect, type Page } from "@playwright/test";
import { startWorker } from "../host/host.mjs";
import { asOf2023 } from "./browser_of_2023.ts";
import {
	ADMIN_TOKEN,
	APP,
	CALLBACK_TOKEN,
	callApi,
	DAY,
	FOLLOW,
	follow,
	HOUR,
	inParallel,
	MINUTE,
	send,
	signed,
	UNFOLLOW,
	unfollow,
	unsigned,
	VIEWER_TOKEN,
} from "./calls.ts";
import { Dashboard } from "./dashboard.ts";
import { Origin } from "./origin.ts";

export { expect };

export type Worker = Awaited<ReturnType<typeof startWorker>>;
type Options = Parameters<typeof startWorker>[0];

/** How many users were unfollowed and followed in each hour of a day, from 22 hours ago to one hour ago. */
export const UNFOLLOWS = [4, 8, 3, 5, 2, 1, 0, 1, 0, 2, 1, 3, 4, 9, 5, 6, 4, 7, 12, 8, 6, 5];
export const FOLLOWS = [9, 6, 5, 3, 2, 1, 1, 0, 0, 1, 3, 4, 8, 7, 9, 10, 6, 8, 9, 13, 10, 7];

/** When an hour of the day before `now` begins; both in Unix ms. */
export const hourOfDay = (now: number, index: number) => now - (now % HOUR) - (UNFOLLOWS.length - index) * HOUR;

/** Those who are followed most, and those who follow them. */
const ANCHORS = ["luna", "mei", "kai", "nova", "rio", "yuki", "sol", "ines", "tao", "zoe"].map((it) => `anchor_${it}`);
const FANS = ["alice", "bob", "carol", "dave_1987", "ivan", "erin", "grace.h", "heidi", "user_004217"];

/** A Worker with an app for each test. */
export class Shared {
	/** Where the webhook is. */
	static readonly PATH = "/a-long-random-path";
	static readonly #APPS = Array.from({ length: 100 }, (_, number) => String(Number(APP) + number));
	#used = 0;

	private constructor(readonly worker: Worker) {}

	static async start(): Promise<Shared> {
		const settings = {
			SDK_APP_IDS: Shared.#APPS.join(","),
			ALLOW_UNSIGNED: "true",
			WEBHOOK_PATH: Shared.PATH,
			ADMIN_TOKEN,
		};
		return new Shared(await startWorker({ settings }));
	}

	/** An app that no other test has. Not the first one, which the page shows where its URL names none. */
	nextApp(): string {
		this.#used += 1;
		return Shared.#APPS[this.#used];
	}

	/** Calls as Tencent does. */
	async send(app: string, command: string, body: string): Promise<void> {
		await send(`${this.worker.url}${Shared.PATH}`, unsigned(app, command), body);
	}

	async sendUnfollow(app: string, from: string, to: string[], eventTime = Date.now()): Promise<void> {
		await this.send(app, UNFOLLOW, unfollow(from, to, eventTime));
	}

	async sendFollow(app: string, from: string, to: string[], eventTime = Date.now()): Promise<void> {
		await this.send(app, FOLLOW, follow(from, to, eventTime));
	}

	/** Sends that day's events, each with up to three targets; gives how many events there were. One anchor loses many. */
	async sendADay(app: string, now: number): Promise<number> {
		const events: { isUnfollow: boolean; from: string; to: string[]; at: number }[] = [];
		for (const index of UNFOLLOWS.keys()) {
			for (const isUnfollow of [true, false]) {
				const count = (isUnfollow ? UNFOLLOWS : FOLLOWS)[index];
				for (let first = 0; first < count; first += 3) {
					const sent = events.length;
					// Every unfollow of three has the first anchor among its targets.
					const target = (_: unknown, at: number) =>
						isUnfollow && at === 1 ? ANCHORS[0] : ANCHORS[1 + ((sent + (first + at) * 4) % 9)];
					const to = Array.from({ length: Math.min(3, count - first) }, target);
					const at = hourOfDay(now, index) + ((sent * 17) % 60) * MINUTE + sent * 331;
					events.push({ isUnfollow, from: FANS[sent % 9], to, at });
				}
			}
		}
		await inParallel(events.length, async (number) => {
			const { isUnfollow, from, to, at } = events[number];
			await (isUnfollow ? this.sendUnfollow(app, from, to, at) : this.sendFollow(app, from, to, at));
		});
		return events.length;
	}
}

/**
 * A Worker that delivers to an origin and has an event log. It gives up a delivery when its next attempt would come after an
 * hour.
 */
export class Delivering {
	static readonly #APPS = Array.from({ length: 20 }, (_, number) => String(Number(APP) + number));
	#used = 0;

	private constructor(
		readonly worker: Worker,
		readonly origin: Origin,
	) {}

	static async start(): Promise<Delivering> {
		const origin = await Origin.start();
		const settings = {
			SDK_APP_IDS: Delivering.#APPS.join(","),
			CALLBACK_TOKEN,
			SINKS: "kv,d1,origin",
			ORIGIN_URL: origin.url,
			ORIGIN_SECRET: "whsec_dHdlbnR5LWZvdXIgYnl0ZXMgb2Yga2V5",
			RETRY_BASE_SECONDS: "1",
			DELIVERY_HOURS: "1",
			ADMIN_TOKEN,
			VIEWER_TOKEN,
		};
		return new Delivering(await startWorker({ settings }), origin);
	}

	async stop(): Promise<void> {
		await this.worker.stop();
		await this.origin.stop();
	}

	/** An app that no other test has. */
	nextApp(): string {
		this.#used += 1;
		return Delivering.#APPS[this.#used];
	}

	/** Sends an event that the origin treats as its sender says, and waits for it there; gives its body. */
	async deliver(app: string, from: string): Promise<string> {
		const body = unfollow(from, ["bob", "carol"], Date.now());
		await send(`${this.worker.url}/`, signed(app, UNFOLLOW, CALLBACK_TOKEN), body);
		await this.origin.waitFor(body, 1);
		return body;
	}

	/** Waits until an app has so many deliveries in a state. */
	async waitForDeliveries(app: string, state: string, count: number): Promise<void> {
		const found = async () =>
			(await callApi(this.worker.url, `deliveries?app=${app}&state=${state}`)).deliveries.length;
		await expect.poll(found, { message: `deliveries ${state}` }).toBe(count);
	}

	/** Waits until an app has so many dead letters. */
	async waitForDeadLetters(app: string, count: number): Promise<void> {
		const found = async () => (await callApi(this.worker.url, `dead-letters?app=${app}`)).dead_letters.length;
		await expect.poll(found, { message: "dead letters" }).toBe(count);
	}
}

/** Waits until a Worker has counted so many calls of this outcome. */
export async function waitForCalls(worker: Worker, outcome: string, count: number): Promise<void> {
	const counted = async () => {
		const { hours }: { hours: { outcome: string; count: number }[] } = await callApi(worker.url, "calls");
		return hours.filter((hour) => hour.outcome === outcome).reduce((sum, hour) => sum + hour.count, 0);
	};
	await expect.poll(counted, { message: `calls ${outcome}` }).toBe(count);
}

/** Fills the event log with so many events of 20 days before `now`: copies of one that the Worker has stored, with ids made up. */
export async function fillLog(worker: Worker, count: number, now: number): Promise<void> {
	await send(`${worker.url}/`, unsigned(APP, UNFOLLOW), unfollow("model", ["target"], now));
	await worker.sql(`
		WITH RECURSIVE
			numbers (number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM numbers WHERE number < ${count - 1}),
			copies AS (
				SELECT ${now} - number * ${Math.floor((20 * DAY) / count)} - 1 AS at, format('%032x', number) AS hash,
					'user-' || (number % 501) AS actor, 'target-' || (number % 40) AS target
				FROM numbers
			)
		INSERT INTO events (app, kind, event_time, hash, record, query, body)
		SELECT app, kind, at, copies.hash,
			json_set(record, '$.id', format('%013d-%s', 9999999999999 - at, copies.hash), '$.from_account', actor,
				'$.to_accounts', json_array(target), '$.event_time', at),
			query, json_set(body, '$.From_Account', actor, '$.To_Account', json_array(target), '$.EventTime', at)
		FROM events, copies
	`);
	await worker.sql("DELETE FROM events WHERE record ->> '$.from_account' = 'model'");
}

interface TestFixtures {
	/** The test's own apps on the shared Worker. */
	app: string;
	otherApp: string;
	/** The page on the shared Worker, not opened yet. */
	dashboard: Dashboard;
	/** Signs in on the page of one app of the shared Worker. */
	signedIn: (app: string) => Promise<Dashboard>;
	/** The page on any Worker, in a browser that knows nothing yet. */
	newDashboard: (worker: Worker) => Promise<Dashboard>;
	/** Starts a Worker of the test's own. It accepts unsigned calls and has an API, unless `settings` says otherwise. */
	start: (settings?: Record<string, string | undefined>, options?: Omit<Options, "settings">) => Promise<Worker>;
}

interface ProcessFixtures {
	shared: Shared;
	delivering: Delivering;
	/** An app of the shared Worker with a day of events, and with odd ones, to be looked at only. */
	busyApp: string;
}

export const test = base.extend<TestFixtures, ProcessFixtures>({
	shared: [
		// biome-ignore lint/correctness/noEmptyPattern: Playwright reads from it which fixtures this one needs.
		async ({}, use) => {
			const shared = await Shared.start();
			await use(shared);
			await shared.worker.stop();
		},
		{ scope: "worker" },
	],
	delivering: [
		// biome-ignore lint/correctness/noEmptyPattern: as above.
		async ({}, use) => {
			const delivering = await Delivering.start();
			await use(delivering);
			await delivering.stop();
		},
		{ scope: "worker" },
	],
	busyApp: [
		async ({ shared }, use) => {
			const app = shared.nextApp();
			const now = Date.now();
			await shared.sendADay(app, now);
			await shared.sendUnfollow(app, " odd\u{202e}id\n", ["anchor_luna", "   "], now);
			await shared.sendUnfollow(app, "ahead", ["anchor_luna"], now + 100_000_000);
			await use(app);
		},
		{ scope: "worker" },
	],
	app: async ({ shared }, use) => use(shared.nextApp()),
	otherApp: async ({ shared }, use) => use(shared.nextApp()),
	page: async ({ page }, use) => {
		await asOf2023(page);
		await use(page);
		// What it still asks for has no answer any more: a route that waits for one would fail the next test.
		await page.unrouteAll({ behavior: "ignoreErrors" });
	},
	dashboard: async ({ page, shared }, use) => use(new Dashboard(page, shared.worker.url)),
	signedIn: async ({ dashboard }, use) =>
		use(async (app) => {
			await dashboard.enter(`app=${app}`);
			return dashboard;
		}),
	newDashboard: async ({ browser }, use) => {
		const pages: Page[] = [];
		await use(async (worker) => {
			const page = await browser.newPage();
			await asOf2023(page);
			pages.push(page);
			return new Dashboard(page, worker.url);
		});
		await Promise.all(pages.map((page) => page.unrouteAll({ behavior: "ignoreErrors" })));
		await Promise.all(pages.map((page) => page.context().close()));
	},
	// biome-ignore lint/correctness/noEmptyPattern: as above.
	start: async ({}, use) => {
		const workers: Worker[] = [];
		await use(async (settings = {}, options = {}) => {
			const all = { SDK_APP_IDS: APP, ALLOW_UNSIGNED: "true", ADMIN_TOKEN, ...settings };
			const given = Object.entries(all).filter(([, value]) => value !== undefined);
			const worker = await startWorker({ settings: Object.fromEntries(given), ...options });
			workers.push(worker);
			return worker;
		});
		await Promise.all(workers.map((worker) => worker.stop()));
	},
});
