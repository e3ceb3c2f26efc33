// Days in zones that are not whole hours from UTC, and on the days of a clock change: the log counts by hours of UTC, so a day
// begins with the hour that its midnight is in. Tiles, bars, list, export and a user's view all have this cut, and say so.

import { readFile } from "node:fs/promises";
import { DAY, HOUR, inParallel, MINUTE } from "./calls.ts";
import { type Dashboard, expectTexts } from "./dashboard.ts";
import { expect, test } from "./fixtures.ts";

/** A day as the viewer's calendar has it, with its midnight there, where it is cut, and how many hours long it is then. */
const CASES: [zone: string, date: string, midnight: string, cut: string, hours: number, begins: string][] = [
	["Asia/Kolkata", "2025-07-15", "2025-07-14T18:30Z", "2025-07-14T18:00Z", 24, "23:30"],
	["Asia/Kathmandu", "2025-07-15", "2025-07-14T18:15Z", "2025-07-14T18:00Z", 24, "23:45"],
	["America/St_Johns", "2025-07-15", "2025-07-15T02:30Z", "2025-07-15T02:00Z", 24, "23:30"],
	["America/St_Johns", "2025-03-09", "2025-03-09T03:30Z", "2025-03-09T03:00Z", 23, "23:30"],
	["America/St_Johns", "2025-11-02", "2025-11-02T02:30Z", "2025-11-02T02:00Z", 25, "23:30"],
	["Australia/Lord_Howe", "2025-07-15", "2025-07-14T13:30Z", "2025-07-14T13:00Z", 24, "00:00 or 23:30"],
	["Australia/Lord_Howe", "2025-04-06", "2025-04-05T13:00Z", "2025-04-05T13:00Z", 24, "00:00 or 23:30"],
	["Australia/Lord_Howe", "2025-10-05", "2025-10-04T13:30Z", "2025-10-04T13:00Z", 24, "00:00 or 23:30"],
	["Europe/London", "2025-03-30", "2025-03-30T00:00Z", "2025-03-30T00:00Z", 23, ""],
	["Europe/London", "2025-10-26", "2025-10-25T23:00Z", "2025-10-25T23:00Z", 25, ""],
];

/** The actors of the rows of the file that the range is exported to; what its choice is called has this text. */
async function exportedActors({ page }: Dashboard, since: string): Promise<string[]> {
	const dialog = page.getByTestId("export-dialog");
	await page.getByTestId("export").click();
	await dialog.getByRole("radio", { name: `The last 7 days, ${since}` }).check();
	const download = page.waitForEvent("download");
	await dialog.getByRole("button", { name: "Export" }).click();
	const [, ...rows] = (await readFile(await (await download).path(), "utf8")).trimEnd().split("\r\n");
	await expect(dialog).toBeHidden();
	return rows.map((row) => row.split(",")[2] ?? "");
}

/** A date of the calendar, so many days after another, in the words of the page. */
function words(date: string, days: number, options: Intl.DateTimeFormatOptions): string {
	return new Intl.DateTimeFormat("en-GB", { ...options, timeZone: "UTC" }).format(Date.parse(date) + days * DAY);
}

for (const [timezoneId, date, ...times] of CASES) {
	test.describe(`${timezoneId}, ${date}`, () => {
		test.use({ timezoneId });

		test("tiles, bars, list, export and a user's view have the same days", async ({ dashboard, shared, app }) => {
			const [midnight, cut] = times.slice(0, 2).map((text) => Date.parse(String(text)));
			const [hours, begins] = [Number(times[2]), String(times[3])];
			const { page } = dashboard;
			const end = cut + hours * HOUR;
			// Neither week has another change.
			const since = cut - 7 * DAY;
			const events: [actor: string, at: number][] = [
				["late", end - 40 * MINUTE],
				["at-midnight", midnight + 1],
				["first", cut],
				["last-of-yesterday", cut - 1],
				["first-of-range", since],
				["before-range", since - 1],
			];
			await inParallel(events.length, (at) => shared.sendUnfollow(app, events[at][0], ["anchor"], events[at][1]));
			await page.clock.install();
			await dashboard.setServerTime(end - 10 * MINUTE);
			await dashboard.enter(`app=${app}&range=7d`);
			const short = { day: "numeric", month: "short" } as const;
			const sinceWords = `since ${words(date, -7, short)}`;
			const titles = [
				"Today",
				"Yesterday",
				words(date, -7, { weekday: "long", day: "numeric", month: "long" }),
				words(date, -8, { weekday: "long", day: "numeric", month: "long" }),
			];
			const today = ["late", "at-midnight", "first"];
			await dashboard.toggleTable();

			const expectCut = async () => {
				await expect(dashboard.figure("tile-unfollows")).toHaveText("5");
				await expect(page.getByTestId("tile-unfollows")).toContainText(sinceWords);
				await expect(dashboard.bars).toHaveCount(8);
				for (const [start, count] of [
					[cut, 3],
					[cut - DAY, 1],
					[since, 1],
				]) {
					await expect(dashboard.bar(start).getByTestId("unfollows")).toHaveText(String(count));
				}
				const weekday = { weekday: "short", ...short } as const;
				await expect(dashboard.bar(since).getByRole("rowheader", { includeHidden: true })).toHaveText(
					words(date, -7, weekday),
				);
				await expect(dashboard.bar(cut).getByRole("rowheader", { includeHidden: true })).toHaveText(
					words(date, 0, weekday),
				);
				await expectTexts(dashboard.days.getByRole("heading"), titles);
				await dashboard.expectActors(events.map(([actor]) => actor));
				await expectTexts(dashboard.days.first().getByTestId("actor"), today);
				expect(await exportedActors(dashboard, sinceWords)).toEqual(events.slice(0, 5).map(([actor]) => actor));
				await expect(page.getByTestId("cut")).toHaveText(
					begins === "" ? "" : `Counts are by hours of UTC, so days begin at ${begins} here.`,
				);
			};
			await expectCut();
			// A bar narrows the list to the same day.
			await dashboard.bar(cut).getByRole("button").click();
			await dashboard.expectActors(today);
			await expectTexts(dashboard.days.getByRole("heading"), ["Today"]);
			await expect(page.getByTestId("narrowed")).toContainText(words(date, 0, { weekday: "short", ...short }));
			await expect(dashboard.top.getByTestId("count")).toHaveText("3");
			await dashboard.button("Show all times").click();
			// The user's view.
			await dashboard.search("anchor");
			await dashboard.expectUser();
			await expectCut();
			await expect(page.getByTestId("first-event")).toHaveText(words(date, -8, short));
			// Past the cut, the next day has begun everywhere.
			await dashboard.passTime(11 * MINUTE);
			const dayBefore = words(date, -1, { weekday: "long", day: "numeric", month: "long" });
			await expectTexts(dashboard.days.getByRole("heading"), ["Yesterday", dayBefore, ...titles.slice(2)]);
			await expect(page.getByTestId("tile-unfollows")).toContainText(`since ${words(date, -6, short)}`);
			await expect(dashboard.figure("tile-unfollows")).toHaveText("4");
			await expect(dashboard.bar(end).getByTestId("unfollows")).toHaveText("0");
		});
	});
}

test.describe("in Kolkata", () => {
	test.use({ timezoneId: "Asia/Kolkata" });

	test("hours are those of UTC, and say so", async ({ dashboard, shared, app }) => {
		const now = Date.parse("2025-07-14T20:10Z");
		await shared.sendUnfollow(app, "of-the-hour", ["a"], Date.parse("2025-07-14T18:00Z"));
		await shared.sendUnfollow(app, "before-it", ["a"], Date.parse("2025-07-14T17:59:59.999Z"));
		await shared.sendUnfollow(app, "before-range", ["a"], Date.parse("2025-07-13T19:59:59.999Z"));
		await dashboard.setServerTime(now);
		await dashboard.enter(`app=${app}`);
		await expect(dashboard.figure("tile-unfollows")).toHaveText("2");
		await expect(dashboard.page.getByTestId("tile-unfollows")).toContainText("since 01:30 yesterday");
		await dashboard.toggleTable();
		const bar = dashboard.bar(Date.parse("2025-07-14T18:00Z"));
		await expect(bar.getByRole("rowheader")).toHaveText("Mon 14 Jul, 23:30–00:30");
		await expect(bar.getByTestId("unfollows")).toHaveText("1");
		// The bar that the day begins with has its name in the chart.
		const labels = dashboard.chart.getByRole("img", { name: /^Bars of/ }).locator("text");
		await expect(labels.filter({ hasText: "15 Jul" })).toHaveCount(1);
		await bar.getByRole("button").click();
		await dashboard.expectActors(["of-the-hour"]);
		await expectTexts(dashboard.days.getByRole("heading"), ["Today"]);
	});
});
