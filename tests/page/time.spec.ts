// The present is the server's, whatever the browser's clock shows, and what depends on it follows it.

import { callApi, DAY, HOUR, MINUTE, SECOND } from "./calls.ts";
import { type Dashboard, expectTexts } from "./dashboard.ts";
import { expect, test } from "./fixtures.ts";

/** The tiles, the chart and its table have one unfollow and two follows, the list has their events, and all is quiet. */
async function expectAgreement(dashboard: Dashboard, hours: [start: number, unfollows: string, follows: string][]) {
	await expect(dashboard.figure("tile-unfollows")).toHaveText("1");
	await expect(dashboard.figure("tile-follows")).toHaveText("2");
	await expect(dashboard.page.getByTestId("tile-last-event")).toContainText(/1\d min ago/);
	await dashboard.expectActors(["alice", "bob"]);
	await expectTexts(dashboard.days.getByRole("heading"), ["Today"]);
	for (const [start, unfollows, follows] of hours) {
		await expect(dashboard.bar(start).getByTestId("unfollows")).toHaveText(unfollows);
		await expect(dashboard.bar(start).getByTestId("follows")).toHaveText(follows);
	}
	await expect(dashboard.top.getByTestId("user").first()).toHaveText("anchor");
	await expect(dashboard.page.getByTestId("alert-no_calls")).toBeHidden();
	await expect(dashboard.page.getByTestId("updated")).toContainText(/just now|\d+ s ago/);
}

for (const [name, off] of [
	["three hours slow", -3 * HOUR],
	["30 hours fast", 30 * HOUR],
	["right", 0],
] as const) {
	test(`a browser's clock that is ${name}: all shows the server's present`, async ({ dashboard, shared, app }) => {
		const { page } = dashboard;
		// The server's clock shows about half past; the last call came when it shows, too, for the warning of silence.
		const now = Math.floor(Date.now() / HOUR) * HOUR - HOUR / 2;
		// At noon, at least, today has both hours.
		test.skip(now % DAY < 2 * HOUR, "The events would be of two days.");
		await shared.sendUnfollow(app, "alice", ["anchor"], now - 10 * MINUTE);
		await shared.sendFollow(app, "bob", ["c", "d"], now - 70 * MINUTE);
		const lastCall = async () => (await callApi(shared.worker.url, `calls?app=${app}`)).last_call_at;
		await expect.poll(lastCall, { message: "the last call" }).toEqual(expect.any(Number));
		await page.clock.install({ time: now + off });
		await dashboard.setServerTime(now);
		await dashboard.enter(`app=${app}`);
		await dashboard.toggleTable();
		const hour = now - (now % HOUR);
		await expect(dashboard.bars).toHaveCount(25);
		const hours: [number, string, string][] = [
			[hour, "1", "0"],
			[hour - HOUR, "0", "2"],
		];
		await expectAgreement(dashboard, hours);
		// It is changed while the page is open.
		for (const change of [-5 * HOUR, 40 * HOUR]) {
			await page.clock.setSystemTime(now + change);
			await dashboard.nextPoll();
			await dashboard.button("Refresh").click();
			await dashboard.expectIdle();
			await expectAgreement(dashboard, hours);
		}
		// What is asked for ends at the server's time.
		// But for the ranking of the range before, with which users are compared.
		const ofPresent = dashboard.requests.filter((url) => !/\/top\?.*limit=100\b/.test(url));
		const untils = ofPresent.flatMap((url) => new URL(url).searchParams.get("until") ?? []);
		expect(untils.length).toBeGreaterThan(3);
		for (const until of untils) expect(Math.abs(Number(until) - now), until).toBeLessThan(3 * MINUTE);
	});
}

test("without a date of the server's, it is the browser's", async ({ dashboard, shared, app }) => {
	const now = Date.UTC(2025, 6, 15, 12, 30);
	await shared.sendUnfollow(app, "alice", ["bob"], now - 10 * MINUTE);
	await dashboard.page.clock.install({ time: now });
	await dashboard.hideServerTime();
	await dashboard.enter(`app=${app}`);
	await expect(dashboard.figure("tile-unfollows")).toHaveText("1");
});

test("a computer that has slept goes on at the server's present", async ({ dashboard, shared, app }) => {
	const now = Date.UTC(2025, 6, 15, 12, 30);
	await dashboard.page.clock.install();
	await dashboard.setServerTime(now);
	await dashboard.enter(`app=${app}`);
	await expect(dashboard.page.getByTestId("empty")).toBeVisible();
	// Neither of the browser's clocks has counted it.
	await dashboard.setServerTime(now + 5 * HOUR);
	await shared.sendUnfollow(app, "alice", ["bob"], now + 5 * HOUR - MINUTE);
	await dashboard.nextPoll();
	await dashboard.expectActors(["alice"]);
	await expect(dashboard.figure("tile-unfollows")).toHaveText("1");
	await expect(dashboard.page.getByTestId("tile-unfollows")).toContainText("since 17:00 yesterday");
});

test.describe("in London, left open over midnight", () => {
	test.use({ timezoneId: "Europe/London" });

	for (const [name, midnight, since, after] of [
		["in winter", Date.UTC(2025, 0, 15), "since 23:00 yesterday", "since 00:00 yesterday"],
		["into the day of 23 hours", Date.UTC(2025, 2, 30), "since 23:00 yesterday", "since 00:00 yesterday"],
		["out of the day of 23 hours", Date.UTC(2025, 2, 30, 23), "since 22:00 yesterday", "since 23:00 on 29 Mar"],
		["into the day of 25 hours", Date.UTC(2025, 9, 25, 23), "since 23:00 yesterday", "since 00:00 yesterday"],
		["out of the day of 25 hours", Date.UTC(2025, 9, 27), "since 00:00 today", "since 01:00 GMT+1 yesterday"],
	] as const) {
		test(name, async ({ dashboard, shared, app }) => {
			const { page } = dashboard;
			const titles = dashboard.days.getByRole("heading");
			const before = midnight - 10 * MINUTE;
			await shared.sendUnfollow(app, "evening", ["a"], before - 5 * MINUTE);
			await shared.sendUnfollow(app, "day-before", ["a"], before - 26 * HOUR);
			await page.clock.install();
			await dashboard.setServerTime(before);
			const hour = midnight - HOUR;
			await dashboard.enter(`app=${app}&since=${hour}&until=${midnight - 1}`);
			const narrowed = page.getByTestId("narrowed");
			await expect(narrowed).toContainText(/, 23:00–now/);
			await expectTexts(titles, ["Today"]);
			await dashboard.button("Show all times").click();
			await expect(titles).toHaveCount(2);
			await expect(titles.first()).toHaveText("Today");
			await expect(page.getByTestId("tile-unfollows")).toContainText(since);
			await page.goBack();
			await expect(narrowed).toContainText(/, 23:00–now/);

			await dashboard.passTime(11 * MINUTE);
			await shared.sendUnfollow(app, "morning", ["a"], midnight + 30 * SECOND);
			await expect(narrowed).toContainText(/, 23:00–00:00/);
			await expectTexts(titles, ["Yesterday"]);
			await expect(page.getByTestId("tile-unfollows")).toContainText(after);
			await dashboard.button("Show all times").click();
			await dashboard.nextPoll();
			await dashboard.expectActors(["morning", "evening", "day-before"]);
			await expect(titles).toHaveCount(3);
			await expect(titles.nth(0)).toHaveText("Today");
			await expect(titles.nth(1)).toHaveText("Yesterday");
			await expect(titles.nth(2)).toHaveText(/^\w+day \d+ \w+$/);
			// The days of the chart go on too.
			await dashboard.choose("Range", "7 d");
			await dashboard.toggleTable();
			await expect(dashboard.bars).toHaveCount(8);
			await expect(dashboard.bar(midnight).getByTestId("unfollows")).toHaveText("1");
		});
	}
});
