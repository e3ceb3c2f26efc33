// The range: which time tiles and chart are of, and the bars of the chart.

import { DAY, HOUR, MINUTE } from "./calls.ts";
import { type Dashboard, expectTexts } from "./dashboard.ts";
import { expect, test } from "./fixtures.ts";

/** The middle of the last whole hour, as the server's present: no hour begins during a test, and no day. */
const halfPast = () => Math.floor(Date.now() / HOUR) * HOUR - HOUR / 2;

/** The rows of the chart's table: each bar in words, with its counts. */
async function bars({ bars }: Dashboard): Promise<[time: string, unfollows: string, follows: string][]> {
	const columns = [bars.getByRole("rowheader"), bars.getByTestId("unfollows"), bars.getByTestId("follows")];
	const [times, unfollows, follows] = await Promise.all(columns.map((cells) => cells.allTextContents()));
	return times.map((time, at) => [time, unfollows[at], follows[at]]);
}

/** A click on the plot: how far across it and down it, from 0 to 1. */
async function clickAt({ plot }: Dashboard, across: number, down: number): Promise<void> {
	const box = await plot.boundingBox();
	if (box === null) throw new Error("The chart is not shown.");
	await plot.click({ position: { x: box.width * across, y: box.height * down } });
}

test.describe("in Shanghai", () => {
	test.use({ timezoneId: "Asia/Shanghai" });

	test("tiles and chart follow the range", async ({ dashboard, shared, app }) => {
		const now = halfPast();
		// The full hour 24 hours ago, and the ms before it.
		const fullHour = Math.floor(now / HOUR) * HOUR - DAY;
		await shared.sendUnfollow(app, "first-of-24-h", ["a", "b"], fullHour);
		await shared.sendFollow(app, "before-24-h", ["c"], fullHour - 1);
		// The same of the day that began a week before today, in Shanghai.
		const midnight = Math.floor((now + 8 * HOUR) / DAY) * DAY - 8 * HOUR - 7 * DAY;
		await shared.sendUnfollow(app, "first-of-7-d", ["a"], midnight);
		await shared.sendFollow(app, "before-7-d", ["c"], midnight - 1);
		await shared.sendUnfollow(app, "days-ago", ["d", "e", "f"], now - 3 * DAY);
		await shared.sendUnfollow(app, "weeks-ago", ["g"], now - 20 * DAY);
		await shared.sendUnfollow(app, "months-ago", ["h"], now - 60 * DAY);
		await dashboard.setServerTime(now);
		await dashboard.enter(`app=${app}`);
		await dashboard.toggleTable();
		for (const [range, unfollows, follows, count, unit, since] of [
			["24 h", "2", "0", 25, "Per hour", "yesterday"],
			["7 d", "6", "1", 8, "Per day", "since"],
			["30 d", "7", "2", 31, "Per day", "since"],
			["24 h", "2", "0", 25, "Per hour", "yesterday"],
		] as const) {
			await dashboard.choose("Range", range);
			await expect(dashboard.chart.getByRole("heading")).toHaveText(unit);
			await expect(dashboard.bars).toHaveCount(count);
			await expect(dashboard.figure("tile-unfollows"), range).toHaveText(unfollows);
			await expect(dashboard.figure("tile-follows"), range).toHaveText(follows);
			for (const tile of ["tile-unfollows", "tile-follows", "tile-net"]) {
				await expect(dashboard.page.getByTestId(tile)).toContainText(since);
			}
			// The list is not cut to it.
			await expect(dashboard.rows).toHaveCount(7);
		}
		// The tile says from when exactly.
		const hour = String((fullHour / HOUR + 8) % 24).padStart(2, "0");
		await expect(dashboard.page.getByTestId("tile-unfollows")).toContainText(`since ${hour}:00 yesterday`);
	});
});

test("a click on a bar narrows the list to it", async ({ dashboard, shared, app }) => {
	const now = halfPast();
	const hour = Math.floor(now / HOUR) * HOUR - 12 * HOUR;
	await shared.sendUnfollow(app, "in-it", ["loser"], hour + MINUTE);
	await shared.sendUnfollow(app, "in-it-too", ["loser"], hour + 59 * MINUTE);
	await shared.sendUnfollow(app, "before-it", ["other"], hour - 1);
	await shared.sendUnfollow(app, "after-it", ["other"], hour + HOUR);
	await dashboard.page.clock.install();
	await dashboard.setServerTime(now);
	await dashboard.enter(`app=${app}`);
	await dashboard.expectChart();
	// The 13th of 25 bars is in the middle.
	await clickAt(dashboard, 0.5, 0.6);
	await dashboard.expectActors(["in-it-too", "in-it"]);
	await expect(dashboard.page.getByTestId("narrowed")).toBeVisible();
	// Who lost most then is shown too.
	await expectTexts(dashboard.top.getByTestId("user"), ["loser"]);
	await expectTexts(dashboard.top.getByTestId("count"), ["2"]);
	// A live event is not in that hour.
	await shared.sendUnfollow(app, "live", ["bob"], now);
	await dashboard.nextPoll();
	await expect(dashboard.figure("tile-unfollows")).toHaveText("5");
	await expect(dashboard.rows).toHaveCount(2);
	// A second click widens the list again, and so does the keyboard, in the table.
	await clickAt(dashboard, 0.5, 0.6);
	await expect(dashboard.rows).toHaveCount(5);
	await dashboard.toggleTable();
	await dashboard.bar(hour).getByRole("button").press("Enter");
	await dashboard.expectActors(["in-it-too", "in-it"]);
});

test("a chart without counts is a sentence", async ({ signedIn, app }) => {
	const { chart } = await signedIn(app);
	await expect(chart).toContainText("No unfollows or follows since");
	await expect(chart.getByText("No unfollows or follows since")).toBeVisible();
	await expect(chart.getByRole("img")).toBeHidden();
});

test.describe("in London", () => {
	test.use({ timezoneId: "Europe/London" });

	test("the hour that clocks go back is there twice, and the day has 25", async ({ dashboard, shared, app }) => {
		// 2026-10-25, 01:00 UTC: in London, 02:00 becomes 01:00.
		const change = Date.UTC(2026, 9, 25, 1);
		await shared.sendUnfollow(app, "summer", ["a"], change - HOUR / 2);
		await shared.sendUnfollow(app, "winter", ["b", "c"], change + HOUR / 2);
		// The day's first and last half hour, which a day of 24 hours would not both have.
		await shared.sendFollow(app, "morning", ["d"], change - 1.5 * HOUR);
		await shared.sendFollow(app, "evening", ["e"], change + 22.5 * HOUR);
		await dashboard.setServerTime(change + 12 * HOUR);
		await dashboard.enter(`app=${app}`);
		await dashboard.toggleTable();
		await expect(dashboard.bars).toHaveCount(25);
		const [winter, summer, ...others] = (await bars(dashboard)).filter(([, unfollows]) => unfollows !== "0");
		expect(summer[0]).toMatch(/01:00 GMT\+1–01:00 GMT\+0$/);
		expect(winter[0]).toMatch(/01:00 GMT\+0–02:00$/);
		expect(others).toEqual([]);

		await dashboard.setServerTime(change + 3 * DAY);
		await dashboard.visit(`app=${app}&range=7d`);
		await dashboard.toggleTable();
		await expect(dashboard.bars).toHaveCount(8);
		const days = (await bars(dashboard)).filter(([, unfollows, follows]) => unfollows !== "0" || follows !== "0");
		expect(days.map(([, ...counts]) => counts)).toEqual([["3", "2"]]);
	});
});
