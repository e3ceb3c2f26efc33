// One user: totals, chart, timeline, erasure, and ids that are shown and searched exactly as they are. Who lost most.

import { APP, callApi, DAY, HOUR, inParallel, MINUTE, reindex, send, UNFOLLOW, unfollow, unsigned } from "./calls.ts";
import { expectTexts } from "./dashboard.ts";
import { expect, test, type Worker } from "./fixtures.ts";

/** UserIDs that look alike, or have what cannot be seen, each with how it is shown where that has a mark. */
const IDS: [id: string, shown?: RegExp][] = [
	["alice", /^alice$/],
	["Alice"],
	[" alice", /^␣\s*alice$/],
	["alice "],
	[" alice ", /^␣\s*alice␣\s*$/],
	["   ", /^(␣\s*){3}$/],
	["a\nb", /^aLF\s*b$/],
	["a\r\nb", /^aCR\s*LF\s*b$/],
	["a b", /^a b$/],
	["a\u{a0}b", /^aU\+00A0\s*b$/],
	["a\u{3000}b"],
	["."],
	[".."],
	["a+b&c=d%20#e?"],
	["x\u{202e}evil", /^xU\+202E\s*\u{202e}evil$/u],
	["\u{feff}"],
	["é"],
	["e\u{301}"],
	["\\n"],
	["null"],
	["undefined"],
];
const names = IDS.map((_, number) => `of-${number}`);
const ids = IDS.map(([id]) => id);

test.describe("a UserID", () => {
	test.beforeEach(async ({ shared, app }) => {
		const now = Date.now();
		await inParallel(ids.length, (number) =>
			shared.sendUnfollow(app, names[number], [ids[number]], now - number * 1000),
		);
	});

	test("is shown and opened exactly as it is", async ({ signedIn, app }) => {
		const dashboard = await signedIn(app);
		const { page, targets } = dashboard;
		await expectTexts(targets, ids);
		for (const [number, id] of ids.entries()) {
			await targets.nth(number).click();
			await dashboard.expectActors([names[number]]);
			await expectTexts(page.getByTestId("user-id"), [id]);
			// A reload shows the same.
			await page.reload();
			await expect(page.getByTestId("followers-lost")).toHaveText("1");
			await dashboard.expectActors([names[number]]);
			await page.goBack();
			await dashboard.expectActors(names);
		}
	});

	test("is searched exactly as it is", async ({ signedIn, app }) => {
		const dashboard = await signedIn(app);
		await dashboard.expectActors(names);
		for (const [number, id] of ids.entries()) {
			// A field of a form has no carriage return.
			if (id.includes("\r")) continue;
			await dashboard.search(id);
			await dashboard.expectActors([names[number]]);
		}
	});

	test("has a mark where something cannot be seen, and is copied without it", async ({ signedIn, app, context }) => {
		const dashboard = await signedIn(app);
		await expectTexts(dashboard.targets, ids);
		for (const [number, [, shown]] of IDS.entries()) {
			if (shown !== undefined) await expect(dashboard.targets.nth(number)).toHaveAccessibleName(shown);
		}
		// What is copied is the id.
		await context.grantPermissions(["clipboard-read", "clipboard-write"]);
		await dashboard.targets.nth(9).evaluate((target) => {
			const texts = document.createTreeWalker(target, NodeFilter.SHOW_TEXT);
			const nodes: Node[] = [];
			while (texts.nextNode()) nodes.push(texts.currentNode);
			const last = nodes[nodes.length - 1];
			getSelection()?.setBaseAndExtent(nodes[0], 0, last, (last as Text).length);
		});
		await dashboard.page.keyboard.press("ControlOrMeta+c");
		expect(await dashboard.page.evaluate(() => navigator.clipboard.readText())).toBe("a\u{a0}b");
	});
});

test("a user has totals, a chart and a timeline", async ({ page, signedIn, shared, app }) => {
	const now = Date.now();
	await shared.sendUnfollow(app, "fan", ["anchor", "other"], now - 2 * HOUR);
	await shared.sendUnfollow(app, "fan-2", ["anchor"], now - 40 * DAY);
	await shared.sendFollow(app, "fan", ["anchor"], now - 3 * HOUR);
	await shared.sendFollow(app, "anchor", ["star", "other"], now - 4 * HOUR);
	await shared.sendUnfollow(app, "anchor", ["star"], now - HOUR);
	await shared.sendUnfollow(app, "stranger", ["other"], now);
	await page.clock.install();
	const dashboard = await signedIn(app);
	await dashboard.search("anchor");
	await dashboard.expectActors(["anchor", "fan", "fan", "anchor", "fan-2"]);
	await dashboard.expectUser();
	// Of all time, and of the range.
	for (const [total, figure] of [
		["followers-lost", "2"],
		["followers-gained", "1"],
		["followers-net", "−1"],
		["following-removed", "1"],
		["following-added", "2"],
	]) {
		await expect(page.getByTestId(total), total).toHaveText(figure);
	}
	await dashboard.expectChart();
	await expect(dashboard.figure("tile-unfollows")).toHaveText("1");
	await expect(dashboard.figure("tile-follows")).toHaveText("1");
	await expect(page.getByTestId("tile-unfollows")).toContainText("Followers lost");
	await expect(page.getByTestId("tile-last-event")).toContainText("1 h ago");
	await dashboard.choose("Role", "Actor");
	await dashboard.expectActors(["anchor", "anchor"]);
	await dashboard.choose("Role", "Target");
	await dashboard.expectActors(["fan", "fan", "fan-2"]);
	// It is live too, with its totals; what does not concern the user is not in it.
	await shared.sendUnfollow(app, "stranger-2", ["other"]);
	await shared.sendUnfollow(app, "fan-3", ["anchor"]);
	await dashboard.nextPoll();
	await dashboard.expectActors(["fan-3", "fan", "fan", "fan-2"]);
	await expect(dashboard.figure("tile-unfollows")).toHaveText("2");
	// Half a minute after they were last asked for, at a poll.
	await page.clock.fastForward(MINUTE);
	await dashboard.nextPoll();
	await expect(page.getByTestId("followers-lost")).toHaveText("3");
	dashboard.expectWellBehaved();
});

test("who lost most is ranked and opened", async ({ signedIn, shared, app }) => {
	const now = Date.now();
	await inParallel(12, async (number) => {
		if (number < 7) await shared.sendUnfollow(app, `fan-${number}`, ["loser"], now - number * MINUTE);
		await shared.sendFollow(app, `fan-${number}`, ["winner"], now - number * MINUTE);
	});
	await shared.sendUnfollow(app, "fan-0", ["winner", "mixed"], now);
	await shared.sendFollow(app, "fan-0", ["mixed"], now);
	await shared.sendUnfollow(app, "old", ["of-last-week"], now - 5 * DAY);
	const dashboard = await signedIn(app);
	const { page, top } = dashboard;
	const users = top.getByTestId("user");
	const counts = top.getByTestId("count");
	// Those of equal rank come in any order.
	await expect(users.first()).toHaveText("loser");
	await expect(counts.first()).toHaveText("7");
	await dashboard.choose("Ranked by", "Gained");
	await expect(users).toHaveText(["winner", "mixed"]);
	await expect(counts).toHaveText(["12", "1"]);
	await dashboard.choose("Ranked by", "Net");
	await expect(users).toHaveText(["loser", "winner"]);
	await expect(counts).toHaveText(["−7", "+11"]);
	await dashboard.choose("Ranked by", "Lost");
	await dashboard.choose("Range", "7 d");
	await expect(top).toContainText("of-last-week");
	await top.getByRole("link").first().click();
	await expect(page.getByTestId("user-id")).toHaveText("loser");
	await expect(dashboard.rows).toHaveCount(7);
});

test("a ranked user has lost, gained and net, and how it was in the range before", async ({
	signedIn,
	shared,
	app,
}) => {
	const hour = Date.now() - (Date.now() % HOUR);
	const follow = async (count: number, at: number, send: "sendFollow" | "sendUnfollow", user: string) =>
		await inParallel(count, (number) => shared[send](app, `fan-${number}`, [user], at + number));
	const [recently, before] = [hour - 2 * HOUR, hour - 30 * HOUR];
	await follow(3, recently, "sendUnfollow", "rising");
	await follow(5, recently, "sendFollow", "rising");
	await follow(1, before, "sendUnfollow", "rising");
	await follow(2, recently, "sendUnfollow", "falling");
	await follow(4, before, "sendUnfollow", "falling");
	await follow(1, recently, "sendUnfollow", "new");
	// Too long ago to be compared with.
	await follow(9, hour - 50 * HOUR, "sendUnfollow", "new");
	const { top } = await signedIn(app);
	await expect(top.getByTestId("counts")).toHaveText([
		"3 lost · 5 gained · +2 net",
		"2 lost · 0 gained · −2 net",
		"1 lost · 0 gained · −1 net",
	]);
	await expect(top.getByTestId("trend")).toHaveText([
		"▲ was 1, up from 1 in the range before",
		"▼ was 4, down from 4 in the range before",
		"▲ was 0, up from 0 in the range before",
	]);
	await top.getByRole("radio", { name: "Gained" }).check();
	await expect(top.getByTestId("counts")).toHaveText(["3 lost · 5 gained · +2 net"]);
	// Nobody gained anybody in the range before: there is nothing to compare with.
	await expect(top.getByTestId("trend")).toHaveCount(0);
});

test("a figure of a user is a link to the events that it counts", async ({ signedIn, shared, app }) => {
	const now = Date.now();
	const [first, last] = [now - 40 * DAY, now - HOUR];
	await shared.sendUnfollow(app, "lost-long-ago", ["anchor"], first);
	await shared.sendUnfollow(app, "lost", ["anchor"], now - 3 * HOUR);
	await shared.sendFollow(app, "gained", ["anchor"], now - 2 * HOUR);
	await shared.sendUnfollow(app, "anchor", ["left"], now - 4 * HOUR);
	await shared.sendFollow(app, "anchor", ["joined"], last);
	const dashboard = await signedIn(app);
	const { page } = dashboard;
	const all = ["anchor", "gained", "lost", "anchor", "lost-long-ago"];
	await dashboard.search("anchor");
	await dashboard.expectActors(all);
	const figures: [testid: string, figure: string, actors: string[]][] = [
		["followers-lost", "2", ["lost", "lost-long-ago"]],
		["followers-gained", "1", ["gained"]],
		["followers-net", "−1", ["gained", "lost", "lost-long-ago"]],
		["following-removed", "1", ["anchor"]],
		["following-added", "1", ["anchor"]],
		["tile-unfollows", "1", ["lost"]],
		["tile-follows", "1", ["gained"]],
		["tile-net", "0", ["gained", "lost"]],
	];
	for (const [testid, figure, actors] of figures) {
		await page.getByTestId(testid).getByRole("link", { name: figure, exact: true }).click();
		await dashboard.expectActors(actors);
		await expect(dashboard.events).toBeFocused();
		await expect(dashboard.events).toBeInViewport();
		// The filters are in the URL.
		await page.reload();
		await dashboard.expectActors(actors);
	}
	for (const [testid, at, actor] of [
		["first-event", first, "lost-long-ago"],
		["last-event", last, "anchor"],
	] as const) {
		const figure = page.getByTestId(testid);
		await expect(figure.getByRole("time")).toHaveAttribute("datetime", new Date(at).toISOString());
		await figure.getByRole("link").click();
		await dashboard.expectActors([actor]);
	}
	await page.goBack();
	await dashboard.expectActors(["lost-long-ago"]);
});

test("records that no event log knows of are searched and erased", async ({ start, newDashboard }) => {
	const worker = await start({ SINKS: "kv" });
	const body = unfollow("fan", ["leaver"], Date.now());
	await send(`${worker.url}/`, unsigned(APP, UNFOLLOW), body);
	await send(`${worker.url}/`, unsigned(APP, UNFOLLOW), unfollow("fan", ["bob"], Date.now()));
	const dashboard = await newDashboard(worker);
	const { page } = dashboard;
	const dialog = page.getByTestId("erase");
	await dashboard.enter("user=leaver");
	await expect(page.getByTestId("empty")).toContainText("Events are not listed, because d1 is not among the sinks.");
	const eraseFromLog = async () => {
		await dashboard.button("Erase…").click();
		await dialog.getByRole("button", { name: "Erase" }).click();
		// The page does not say that all is gone.
		await expect(dialog.getByTestId("search-needed")).toContainText("no event log");
	};
	await eraseFromLog();
	expect(await usersIn(worker)).toEqual(["bob", "leaver"]);
	await dialog.getByRole("button", { name: "Close" }).click();
	await expect(dashboard.announcement).toHaveText("0 records erased; KV was not searched to its end.");
	await expect(dashboard.userView).toBeHidden();
	await page.goBack();
	await eraseFromLog();
	await dialog.getByRole("button", { name: "Search KV" }).click();
	await expect(dashboard.announcement).toHaveText(/^1 record erased; \d+ keys of KV searched\.$/);
	await expect(dialog).toBeHidden();
	expect(await usersIn(worker)).toEqual(["bob"]);
});

/** The targets of all records in KV. */
async function usersIn(worker: Worker): Promise<string[]> {
	const keys = await worker.kv.keys();
	return keys.flatMap(({ metadata }) => metadata?.to_accounts ?? []).sort();
}

test("an erasure that fails is gone on with", async ({ start, newDashboard }) => {
	const worker = await start();
	for (const target of ["leaver", "bob"]) {
		await send(`${worker.url}/`, unsigned(APP, UNFOLLOW), unfollow("fan", [target], Date.now()));
	}
	// The log is known to be complete: no search is needed.
	await reindex(worker.url);
	const dashboard = await newDashboard(worker);
	await dashboard.enter();
	const { page } = dashboard;
	const dialog = page.getByTestId("erase");
	let calls = 0;
	await page.route(/\/v1\/users\/\d+\?/, async (route) => {
		if (route.request().method() !== "DELETE") return route.continue();
		calls += 1;
		// First the Worker is of no use for a while, and then it does not accept the token's right.
		if (calls === 1)
			return route.fulfill({ status: 503, headers: { "retry-after": "8" }, json: { detail: "D1 failed." } });
		if (calls === 2) return route.fulfill({ status: 403, json: { detail: "Not this time." } });
		return route.continue();
	});
	await dashboard.search("leaver");
	await dashboard.expectUser();
	await dashboard.button("Erase…").click();
	await dialog.getByRole("button", { name: "Erase" }).click();
	await expect(dialog.getByRole("alert")).toHaveText(/^D1 failed\. Trying again in \d s\.$/);
	await expect(dialog.getByRole("alert")).toHaveText("Not this time.");
	await dialog.getByRole("button", { name: "Go on" }).click();
	await expect(dashboard.announcement).toHaveText("1 record erased.");
	expect(calls).toBe(3);
	await expect(dialog).toBeHidden();
	await dashboard.expectActors(["fan"]);
	expect((await callApi(worker.url, `users/${APP}?user=leaver`)).last_event_time).toBeNull();
});

test("a user is erased after a confirmation", async ({ signedIn, shared, app }) => {
	const now = Date.now();
	await inParallel(60, (number) => shared.sendUnfollow(app, `fan-${number}`, ["leaver", "bob"], now - number * 1000));
	await shared.sendFollow(app, "leaver", ["star"], now);
	await shared.sendFollow(app, "somebody", ["star"], now);
	const dashboard = await signedIn(app);
	const dialog = dashboard.page.getByTestId("erase");
	await dashboard.search("leaver");
	await dashboard.expectUser();
	await dashboard.button("Erase…").click();
	await expect(dialog).toContainText("leaver");
	await dialog.getByRole("button", { name: "Cancel" }).click();
	await expect(dashboard.page.getByTestId("followers-lost")).toHaveText("60");
	await dashboard.button("Erase…").click();
	await dialog.getByRole("button", { name: "Erase" }).click();
	// The log was never rebuilt: it cannot say that KV has no more.
	await expect(dialog.getByTestId("search-needed")).toContainText("61 records erased. KV may have records");
	await dialog.getByRole("button", { name: "Search KV" }).click();
	await expect(dashboard.userView).toBeHidden();
	await expect(dashboard.top).toBeVisible();
	await dashboard.expectActors(["somebody"]);
	await expect(dashboard.announcement).toHaveText(/^61 records erased; \d+ keys? of KV searched\.$/);
	expect((await callApi(shared.worker.url, `users/${app}?user=leaver`)).last_event_time).toBeNull();
	await expect(dashboard.figure("tile-unfollows")).toHaveText("0");
});
