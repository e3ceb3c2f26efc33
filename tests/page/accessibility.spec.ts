// The page for everybody: axe-core finds nothing in any view and language, in light and dark, on a screen and on a phone.

import { readFileSync } from "node:fs";
import type axe from "axe-core";
import type { Dashboard } from "./dashboard.ts";
import { expect, test } from "./fixtures.ts";
import { cutOffIn, englishIn } from "./texts.ts";

const AXE = readFileSync(`${import.meta.dirname}/../../node_modules/axe-core/axe.min.js`, "utf8");

/** What axe-core finds wrong, each with the elements. */
async function violations({ page }: Dashboard): Promise<[rule: string, elements: string[]][]> {
	return await page.evaluate(async () => {
		const { violations } = await (window as unknown as { axe: typeof axe }).axe.run({ resultTypes: ["violations"] });
		return violations.map(({ id, nodes }) => [
			id,
			nodes.map(({ target, failureSummary }) => `${target.join(" ")}: ${failureSummary}`),
		]);
	});
}

/** The sizes of type that are in use, of all text that is shown. */
async function typeSizes({ page }: Dashboard): Promise<string[]> {
	return await page.evaluate(() => {
		const isText = (node: Node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim() !== "";
		const shown = [...document.body.querySelectorAll("*")].filter(
			(element) => element.checkVisibility() && [...element.childNodes].some(isText),
		);
		const sizes = new Set(shown.map((element) => getComputedStyle(element).fontSize));
		return [...sizes].filter((size) => size !== "0px").sort();
	});
}

/** The ids of the users and dead letters of these tests, where they are part of a text. */
const IDS =
	/anchor_\w+|user_\w+|dave_1987|grace\.h|[\w-]+,seen|\b(ahead|alice|bob|carol|ivan|erin|heidi)\b|\[[\w+␣]+\]|\bodd|id(?=\[)|\d{13}-[0-9a-f]{32}/;

/** Checks the view that is shown, in each language, scheme and width; a dialog that is open stays open. */
async function check(dashboard: Dashboard, name: string): Promise<void> {
	const { page } = dashboard;
	await checkAll(dashboard, name);
	await dashboard.chooseLanguage("简体中文");
	expect(await englishIn(page, IDS), `${name} in Chinese`).toEqual([]);
	await checkAll(dashboard, `${name}-zh`);
	await dashboard.chooseLanguage("English");
}

async function checkAll(dashboard: Dashboard, name: string): Promise<void> {
	const { page } = dashboard;
	for (const [kind, width, height] of [
		["screen", 1280, 900],
		["phone", 390, 844],
	] as const) {
		await page.setViewportSize({ width, height });
		for (const scheme of ["light", "dark"] as const) {
			const view = `${name}, ${scheme}, ${kind}`;
			await page.emulateMedia({ colorScheme: scheme });
			// Rows that arrive have another colour for a while.
			await expect.poll(() => page.evaluate(() => document.getAnimations().length)).toBe(0);
			expect(await violations(dashboard), view).toEqual([]);
			await dashboard.expectToFit();
			expect(await cutOffIn(page), view).toEqual([]);
			expect((await typeSizes(dashboard)).length, view).toBeLessThanOrEqual(4);
			await dashboard.picture(`view-${name}-${kind}-${scheme}.png`, { width, height: 1600 });
		}
	}
}

// Before the page's own scripts: its policy would reject a script element.
test.beforeEach(async ({ context }) => {
	await context.addInitScript(AXE);
});

test.describe("axe finds nothing", () => {
	test("in the sign-in", async ({ dashboard }) => {
		await dashboard.open();
		await expect(dashboard.token).toBeFocused();
		await check(dashboard, "sign-in");
	});

	test("in a rejected sign-in", async ({ dashboard }) => {
		await dashboard.open();
		await dashboard.signIn("not the token");
		await expect(dashboard.rejection).toContainText("rejected");
		await check(dashboard, "sign-in-rejected");
	});

	test("in the overview, nor in the table", async ({ signedIn, busyApp }) => {
		const dashboard = await signedIn(busyApp);
		await dashboard.expectChart();
		await dashboard.expectTop();
		await check(dashboard, "overview");
		await dashboard.toggleTable();
		await expect(dashboard.bars.first()).toBeVisible();
		await check(dashboard, "table");
		// It is closed at first on a phone, and stays open.
		await dashboard.page.getByRole("button", { name: "Show the top users" }).click();
		await dashboard.expectTop();
		await check(dashboard, "ranking");
	});

	test("in a month", async ({ dashboard, busyApp }) => {
		await dashboard.enter(`app=${busyApp}&range=30d&by=net&kind=unfollow`);
		await dashboard.expectChart();
		await check(dashboard, "month");
	});

	test("in a user's view", async ({ dashboard, busyApp }) => {
		await dashboard.enter(`app=${busyApp}&user=anchor_luna`);
		await dashboard.expectUser();
		await check(dashboard, "user");
	});

	test("in the dialogs to erase and to export", async ({ dashboard, busyApp }) => {
		await dashboard.enter(`app=${busyApp}&user=anchor_luna`);
		await dashboard.expectUser();
		await dashboard.button("Erase…").click();
		await check(dashboard, "erase");
		await dashboard.page.route(/\/v1\/users\/\d+\?/, (route) => {
			const json = { deleted: 3, more: false, search_needed: true };
			return route.request().method() === "DELETE" ? route.fulfill({ json }) : route.continue();
		});
		await dashboard.button("Erase").click();
		await expect(dashboard.page.getByTestId("search-needed")).toBeVisible();
		await check(dashboard, "search");
		await dashboard.button("Close").click();
		await dashboard.expectEvents();
		await dashboard.button("Export…").click();
		await check(dashboard, "export");
	});

	test("in a comparison, nor in what it has recorded", async ({ dashboard, busyApp }) => {
		const { page } = dashboard;
		await page.route(/\/v1\/status$/, async (route) => {
			const response = await route.fetch();
			await route.fulfill({ response, json: { ...(await response.json()), compares: [Number(busyApp)] } });
		});
		await page.route(/\/v1\/events[?/]/, async (route) => {
			const response = await route.fetch();
			const { events, ...page } = await response.json();
			const mark = (event: object) => ({ ...event, source: "comparison", not_before: 1_700_000_000_000 });
			const json = events ? { ...page, events: events.map(mark) } : mark(page);
			await route.fulfill({ response, json });
		});
		await page.route(/\/v1\/(users|stats)/, async (route) => {
			if (route.request().method() === "POST") {
				const miss = { actor: "alice", target: "bob", event_time: 1_700_000_000_000 };
				const missed = { missed_unfollows: [miss], missed_follows: [miss], unknown_to_log: 12_345, undecided: 1 };
				const rest = { checked: 12_348, agreeing: 0, recorded: 0, covered_since: null, calls: 1, cursor: null };
				await route.fulfill({ json: { ...missed, ...rest } });
				return;
			}
			const response = await route.fetch();
			const { followers, ...rest } = await response.json();
			const recorded = { gained_recorded: 1, lost_recorded: 2 };
			const ofStats = { unfollows_recorded: 3, follows_recorded: 4 };
			const json = followers ? { ...rest, followers: { ...followers, ...recorded } } : { ...rest, ...ofStats };
			await route.fulfill({ response, json });
		});
		await dashboard.enter(`app=${busyApp}&user=anchor_luna`);
		await expect(page.getByTestId("recorded")).toHaveCount(4);
		await expect(dashboard.rows.getByText("found by a comparison").first()).toBeVisible();
		await check(dashboard, "recorded");
		await page.getByTestId("compare").click();
		await check(dashboard, "compare");
		await dashboard.button("Compare").click();
		await expect(page.getByTestId("compare-outcome")).toHaveText("2 events never arrived.");
		await check(dashboard, "compared");
		await dashboard.button("Close").click();
		await dashboard.openRecord(dashboard.rows.first());
		await expect(page.getByTestId("record-source")).toBeVisible();
		await check(dashboard, "recorded-record");
	});

	test("in the view of nobody", async ({ dashboard, busyApp }) => {
		await dashboard.enter(`app=${busyApp}&user=nobody`);
		await expect(dashboard.page.getByTestId("no-user")).toBeVisible();
		await expect(dashboard.page.getByTestId("no-user")).toContainText("case counts");
		await check(dashboard, "no-user");
	});

	test("in a record, nor where it is to be deleted", async ({ signedIn, busyApp }) => {
		const dashboard = await signedIn(busyApp);
		await dashboard.openRecord(dashboard.rows.first());
		await check(dashboard, "record");
		await dashboard.button("Delete…").click();
		await check(dashboard, "delete");
	});

	test("in an empty app, nor where the Worker cannot be reached", async ({ signedIn, app, context }) => {
		const dashboard = await signedIn(app);
		await expect(dashboard.chart.getByText("No unfollows or follows")).toBeVisible();
		await check(dashboard, "empty");
		await context.setOffline(true);
		await dashboard.button("Refresh").click();
		await expect(dashboard.banner).toContainText("cannot be reached");
		await check(dashboard, "unreachable");
	});

	test("in alerts and dead letters, nor where one is to be discarded", async ({ delivering, newDashboard }) => {
		const app = delivering.nextApp();
		await delivering.deliver(app, "fails-40-times,seen");
		await delivering.deliver(app, "gives-up,seen");
		await delivering.waitForDeadLetters(app, 1);
		await delivering.waitForDeliveries(app, "retrying", 1);
		await delivering.worker.sql(`UPDATE deliveries SET retrying_since = 0 WHERE app = ${app} AND state = 'retrying'`);
		const dashboard = await newDashboard(delivering.worker);
		const { page } = dashboard;
		await page.addInitScript(AXE);
		await dashboard.enter(`app=${app}`);
		await expect(dashboard.alerts).toContainText("being retried");
		await check(dashboard, "alerts");
		await page.getByTestId("alert-deliveries_retrying").getByRole("button").click();
		await page.getByTestId("acknowledged").locator("summary").click();
		await check(dashboard, "acknowledged");
		await dashboard.open(`app=${app}&view=dead-letters`);
		await expect(page.getByTestId("dead-letter")).toContainText("Your backend answered 500");
		await expect(page.getByTestId("letter-users")).toContainText("gives-up,seen");
		await check(dashboard, "dead-letters");
		await page.getByTestId("select-all").check();
		await check(dashboard, "selected");
		await page.route(/\/v1\/dead-letters\/.*replay/, (route) => {
			return route.fulfill({ status: 503, headers: { "retry-after": "100" }, json: { detail: "KV failed." } });
		});
		await dashboard.button("Replay 1").click();
		await expect(page.getByTestId("letter-task")).toContainText("Trying again in 1 min");
		await check(dashboard, "replaying");
		await dashboard.button("Stop").click();
		await expect(dashboard.button("Go on")).toBeVisible();
		await check(dashboard, "stopped");
		await page.getByRole("button", { name: /^Discard… / }).click();
		await check(dashboard, "discard");
	});
});

test("with reduced motion nothing moves", async ({ page, signedIn, shared, app }) => {
	await page.emulateMedia({ reducedMotion: "reduce" });
	await page.clock.install();
	const dashboard = await signedIn(app);
	await shared.sendUnfollow(app, "newcomer", ["bob"]);
	await dashboard.nextPoll();
	await dashboard.expectActors(["newcomer"]);
	// It is a new one, which would move otherwise.
	await expect(dashboard.announcement).toHaveText("1 new event");
	expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
});
