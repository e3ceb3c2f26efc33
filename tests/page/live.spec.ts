// New events appear by themselves: when the page polls, what a poll costs, and that nothing jumps.

import type { Locator } from "@playwright/test";
import { HOUR, inParallel, MINUTE, SECOND } from "./calls.ts";
import { mainColour } from "./colours.ts";
import type { Dashboard } from "./dashboard.ts";
import { expect, test } from "./fixtures.ts";

/** Puts the clock of the page, which stands still, forward by so many seconds; gives the calls of the API that it makes. */
async function callsWithin(dashboard: Dashboard, seconds: number): Promise<string[]> {
	const { page, requests } = dashboard;
	const before = requests.length;
	for (let second = 0; second < seconds; second += 1) {
		await page.clock.runFor(SECOND);
		// What was asked is answered before time goes on: the next poll comes a while after the answer.
		await dashboard.expectIdle();
	}
	return requests.slice(before).filter((url) => url.includes("/v1/"));
}

/** A time that is shown, in Unix ms. */
async function timeOf(element: Locator): Promise<number> {
	return Date.parse((await element.getByRole("time").first().getAttribute("datetime")) ?? "");
}

test("a new event appears by itself within 5 s", async ({ dashboard, shared, app }) => {
	const { page, rows, bars } = dashboard;
	await page.clock.install();
	await dashboard.enter(`app=${app}`);
	await expect(page.getByTestId("empty")).toBeVisible();
	const plain = await mainColour(dashboard.events);
	let loads = 0;
	page.on("load", () => {
		loads += 1;
	});
	const waited: number[] = [];
	for (const name of ["first", "second", "third"]) {
		await shared.sendUnfollow(app, name, ["bob"]);
		const sent = Date.now();
		await dashboard.row(name).waitFor();
		waited.push(Date.now() - sent);
		// It is marked as new, for some seconds.
		expect(await mainColour(dashboard.row(name))).not.toBe(plain);
		// Tiles and chart move with it.
		await expect(dashboard.figure("tile-unfollows")).toHaveText(String(waited.length));
		if (waited.length === 1) await dashboard.toggleTable();
		// An hour may have begun since the first.
		const counts = await bars.getByTestId("unfollows").allTextContents();
		expect(Number(counts[0]) + Number(counts[1])).toBe(waited.length);
		await expect(dashboard.announcement).toHaveText("1 new event");
	}
	// A busy machine may delay one.
	expect(Math.min(...waited)).toBeLessThan(5 * SECOND);
	expect(loads, "loads of the page").toBe(0);
	// Its call has come too, even where it is not counted yet. The last call is asked for every 30 s.
	await dashboard.expectIdle();
	await page.clock.fastForward(30 * SECOND);
	const tile = page.getByTestId("tile-last-event");
	await expect(tile).toContainText("last call");
	await shared.sendUnfollow(app, "one-more", ["bob"]);
	await dashboard.nextPoll();
	await expect(dashboard.figure("tile-unfollows")).toHaveText("4");
	expect(await timeOf(tile.getByTestId("last-call"))).toBeGreaterThanOrEqual(await timeOf(tile.getByTestId("figure")));
	await expect(tile).toContainText("ago");
	await expect(rows).toHaveCount(4);
	dashboard.expectWellBehaved();
});

test("a page in use polls every 3 s and others every 30 s", async ({ dashboard, shared, app }) => {
	const { page } = dashboard;
	await shared.sendUnfollow(app, "before", ["bob"]);
	await page.clock.install();
	await dashboard.enter(`app=${app}`);
	await dashboard.expectChart();
	await dashboard.expectTop();
	await page.clock.pauseAt(Date.now() + MINUTE);
	await dashboard.expectIdle();
	// One request each, for what is new only. What is wrong is asked for every 30 s.
	const calls = await callsWithin(dashboard, 10);
	const polls = calls.filter((url) => url.includes("/v1/events?"));
	expect(polls.length, String(calls)).toBeGreaterThanOrEqual(2);
	expect(polls.length, String(calls)).toBeLessThanOrEqual(4);
	expect(polls.filter((url) => !url.includes("since="))).toEqual([]);
	const others = calls.filter((url) => !url.includes("/v1/events?"));
	expect(others.filter((url) => !/\/v1\/(calls|alerts)\?/.test(url))).toEqual([]);
	expect(others.length, String(others)).toBeLessThanOrEqual(3);

	await dashboard.setHidden(true);
	expect((await callsWithin(dashboard, 4)).length).toBeLessThanOrEqual(4);
	expect((await callsWithin(dashboard, 10)).length, "calls while hidden").toBeLessThanOrEqual(1);
	await shared.sendUnfollow(app, "meanwhile", ["bob"]);
	await dashboard.setHidden(false);
	await page.clock.runFor(1);
	await dashboard.expectActors(["meanwhile", "before"]);

	// Nobody has used it for a while.
	await page.clock.fastForward(11 * MINUTE);
	await callsWithin(dashboard, 5);
	expect((await callsWithin(dashboard, 10)).length, "calls while idle").toBeLessThanOrEqual(1);
	await shared.sendUnfollow(app, "later", ["bob"]);
	await page.keyboard.press("x");
	await page.clock.runFor(1);
	await dashboard.expectActors(["later", "meanwhile", "before"]);
});

test("an event whose count could not be read is counted by the next poll", async ({ dashboard, shared, app }) => {
	const { page } = dashboard;
	await shared.sendUnfollow(app, "before", ["bob"]);
	await page.clock.install();
	await dashboard.enter(`app=${app}`);
	await expect(dashboard.figure("tile-unfollows")).toHaveText("1");
	let calls = 0;
	await page.route(/\/v1\/stats\?/, (route) => {
		calls += 1;
		return calls === 1 ? route.fulfill({ status: 503, json: { detail: "D1 failed." } }) : route.continue();
	});
	await shared.sendUnfollow(app, "meanwhile", ["bob"]);
	await dashboard.nextPoll();
	await dashboard.expectActors(["meanwhile", "before"]);
	await expect(dashboard.banner).toContainText("D1 failed.");
	await expect(dashboard.figure("tile-unfollows")).toHaveText("1");
	await dashboard.nextPoll();
	await expect(dashboard.figure("tile-unfollows")).toHaveText("2");
	await expect(dashboard.banner).toBeHidden();
	expect(calls).toBe(2);
});

test("dead letters that cannot be listed for an hour hold up nothing else", async ({ dashboard, shared, app }) => {
	const { page } = dashboard;
	await shared.sendUnfollow(app, "before", ["bob"]);
	let calls = 0;
	const json = { detail: "KV's limit of the day is reached." };
	await page.route(/\/v1\/dead-letters\?/, (route) => {
		calls += 1;
		return route.fulfill({ status: 503, headers: { "retry-after": "3600" }, json });
	});
	await page.clock.install();
	await dashboard.enter(`app=${app}`);
	await expect(dashboard.banner).toContainText(json.detail);
	await dashboard.nextPoll();
	await expect(dashboard.banner).toBeHidden();
	await shared.sendUnfollow(app, "later", ["bob"]);
	await dashboard.nextPoll();
	await dashboard.expectActors(["later", "before"]);
	// Those of the app, and those of none.
	expect(calls).toBe(2);
});

test("an event in the future says so and hides no outage", async ({ dashboard, shared, app }) => {
	const { page } = dashboard;
	await shared.sendFollow(app, "too-early", ["bob"], Date.now() + 73 * HOUR);
	await page.clock.install();
	await dashboard.setServerTime(Date.now());
	await dashboard.enter(`app=${app}`);
	await expect(dashboard.rows).toContainText("in 3 days");
	await expect(dashboard.days).toContainText("in the future");
	// Others still come, and the time of the last one is that of its receipt.
	await shared.sendUnfollow(app, "on-time", ["bob"]);
	await dashboard.nextPoll();
	await dashboard.expectActors(["too-early", "on-time"]);
	await dashboard.passTime(HOUR + MINUTE);
	await expect(page.getByTestId("tile-last-event")).toContainText("1 h ago");
});

test("after a delete no other row is new", async ({ signedIn, shared, app }) => {
	const now = Date.now();
	await inParallel(55, (number) => shared.sendUnfollow(app, `user-${number}`, ["bob"], now - (number * HOUR) / 4));
	const dashboard = await signedIn(app);
	const { page, rows } = dashboard;
	await expect(rows).toHaveCount(50);
	// All that is announced, and each row that moves or changes its colour, whenever anything changes.
	const seen = await page.evaluateHandle(() => {
		const found = new Set<string>();
		const look = () => {
			found.add(document.querySelector("[data-testid=announcement]")?.textContent ?? "");
			for (const { effect } of document.getAnimations()) {
				const { target } = effect as KeyframeEffect;
				const row = target?.closest("[data-testid=event-row]");
				if (row) found.add(`moves: ${row.textContent}`);
			}
		};
		new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
		return found;
	});
	// Not the newest one: that it is gone, the next poll would see by itself.
	await dashboard.openRecord(rows.nth(1));
	await expect(dashboard.recordJson).toContainText("user-1");
	await dashboard.button("Delete…").click();
	await dashboard.button("Delete").click();
	await expect(dashboard.actors.nth(1)).toHaveText("user-2");
	await expect(rows).toHaveCount(50);
	await expect(dashboard.figure("tile-unfollows")).toHaveText("54");
	expect(await seen.evaluate((found) => [...found].filter((it) => it !== ""))).toEqual(["The event was deleted."]);
});

test("sixty new events move neither the list nor the scroll position", async ({ signedIn, shared, app, context }) => {
	const now = Date.now();
	await inParallel(220, (number) => shared.sendUnfollow(app, `user-${number}`, ["bob"], now - HOUR - number * 1000));
	const dashboard = await signedIn(app);
	const { rows, actors } = dashboard;
	for (const count of [100, 200]) {
		await dashboard.more.click();
		await expect(rows).toHaveCount(count);
	}
	await rows.nth(120).evaluate((row) => row.scrollIntoView({ block: "center" }));
	const row = dashboard.row("user-120");
	// A row that is scrolled to gets its own height at that time.
	const settledTop = async () => {
		let top: number | undefined;
		const isSettled = async () => {
			const before = top;
			top = (await row.boundingBox())?.y;
			return top === before;
		};
		await expect.poll(isSettled, { message: "the layout is settled" }).toBe(true);
		return top ?? Number.NaN;
	};
	const before = await settledTop();
	await context.setOffline(true);
	await inParallel(60, (number) => shared.sendUnfollow(app, `new-${number}`, ["bob"], now + number));
	await context.setOffline(false);
	await expect(rows).toHaveCount(260);
	await expect(actors.nth(0)).toHaveText("new-59");
	await expect(actors.nth(59)).toHaveText("new-0");
	await expect(actors.nth(60)).toHaveText("user-0");
	expect(Math.abs((await settledTop()) - before)).toBeLessThan(3);
});

test("counts never jump backwards", async ({ page, signedIn, shared, app }) => {
	await shared.sendUnfollow(app, "first", ["bob"]);
	await page.clock.install();
	const dashboard = await signedIn(app);
	await dashboard.expectChart();
	const seen = await page.getByTestId("tile-unfollows").evaluateHandle((tile) => {
		const counts: string[] = [];
		const look = () => counts.push(tile.querySelector("[data-testid=figure]")?.textContent ?? "");
		new MutationObserver(look).observe(tile, { subtree: true, childList: true, characterData: true });
		return counts;
	});
	for (let number = 0; number < 6; number += 1) {
		await shared.sendUnfollow(app, `user-${number}`, ["bob"]);
		await dashboard.button("Refresh").click();
		await shared.sendUnfollow(app, `other-${number}`, ["bob"]);
		await dashboard.nextPoll();
		await expect(dashboard.row(`other-${number}`)).toBeVisible();
	}
	// A poll asks for the hours of new events only, where nobody has asked for all.
	await shared.sendUnfollow(app, "last", ["bob"]);
	await dashboard.nextPoll();
	await expect(dashboard.figure("tile-unfollows")).toHaveText("14");
	const counts = (await seen.jsonValue()).map(Number);
	expect(counts).toEqual(counts.toSorted((one, other) => one - other));
	expect(counts.length).toBeGreaterThan(2);
});

test("a Worker that cannot be reached is polled again", async ({ signedIn, shared, app, context }) => {
	const dashboard = await signedIn(app);
	await context.setOffline(true);
	await dashboard.button("Refresh").click();
	await expect(dashboard.banner).toContainText("The Worker cannot be reached.");
	await shared.sendUnfollow(app, "meanwhile", ["bob"]);
	await context.setOffline(false);
	await dashboard.expectActors(["meanwhile"]);
	// The banner goes when all parts have been read, which may be later.
	await expect(dashboard.banner).toBeHidden();
});
