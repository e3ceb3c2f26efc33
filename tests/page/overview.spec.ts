// The overview: totals, chart, who lost most, and the latest events; on a screen and on a phone.

import { HOUR } from "./calls.ts";
import { coloursOf, mainColour, signColour } from "./colours.ts";
import type { Dashboard } from "./dashboard.ts";
import { expect, FOLLOWS, hourOfDay, test, UNFOLLOWS } from "./fixtures.ts";

const sum = (counts: number[]) => counts.reduce((total, count) => total + count, 0);

/** How many pixels of the chart have the legend's colours of unfollows and follows. */
async function barPixels({ page, chart }: Dashboard): Promise<{ unfollows: number; follows: number }> {
	const unfollow = await signColour(page.getByTestId("legend-unfollows"));
	const follow = await signColour(page.getByTestId("legend-follows"));
	const colours = await coloursOf(chart.getByRole("img", { name: /^Bars of/ }));
	return { unfollows: colours.get(unfollow) ?? 0, follows: colours.get(follow) ?? 0 };
}

test("an operator who signs in sees totals, chart and events", async ({ signedIn, shared, app }) => {
	const now = Date.now();
	const sent = await shared.sendADay(app, now);
	await shared.sendUnfollow(app, "mallory", ["alice", "bob", "carol", "dave", "erin"], now);
	const [unfollows, follows] = [sum(UNFOLLOWS) + 5, sum(FOLLOWS)];

	const dashboard = await signedIn(app);
	const first = dashboard.rows.first();
	for (const text of ["Unfollow", "mallory", "alice", "bob", "carol", "+2 more", "iOS"]) {
		await expect(first).toContainText(text);
	}
	await expect(dashboard.rows).toHaveCount(50);
	await dashboard.expectChart();
	await expect(dashboard.figure("tile-unfollows")).toHaveText(String(unfollows));
	await expect(dashboard.figure("tile-follows")).toHaveText(String(follows));
	await expect(dashboard.figure("tile-net")).toHaveText(`+${follows - unfollows}`);
	await expect(dashboard.page.getByTestId("tile-last-event")).toContainText("ago");
	// Dead letters are hidden where there are none.
	await expect(dashboard.deadLettersLink).toBeHidden();
	await expect(dashboard.deadLetters).toBeHidden();

	// The same in the table, hour by hour: 24 whole hours, and the one that is not over.
	await dashboard.toggleTable();
	await expect(dashboard.bars).toHaveCount(25);
	for (const [hour, counts] of [
		...UNFOLLOWS.map((count, index) => [hourOfDay(now, index), [count, FOLLOWS[index]]] as const),
		[now - (now % HOUR), [5, 0]] as const,
	]) {
		const bar = dashboard.bar(hour);
		await expect(bar.getByTestId("unfollows")).toHaveText(String(counts[0]));
		await expect(bar.getByTestId("follows")).toHaveText(String(counts[1]));
	}
	await dashboard.toggleTable();
	await dashboard.more.click();
	await expect(dashboard.rows).toHaveCount(sent + 1);
	await expect(dashboard.more).toBeHidden();
	dashboard.expectWellBehaved();
	await dashboard.page.evaluate(() => scrollTo(0, 0));

	// The chart has bars of both colours.
	const pixels = await barPixels(dashboard);
	expect(pixels.unfollows).toBeGreaterThan(1000);
	expect(pixels.follows).toBeGreaterThan(pixels.unfollows);
	const lightGround = await mainColour(dashboard.page.getByTestId("tile-net"));
	await dashboard.picture("dashboard-light.png");

	// The chart follows the scheme too.
	await dashboard.page.emulateMedia({ colorScheme: "dark" });
	expect(await mainColour(dashboard.page.getByTestId("tile-net"))).not.toBe(lightGround);
	await expect.poll(async () => (await barPixels(dashboard)).unfollows).toBeGreaterThan(1000);
	await dashboard.picture("dashboard-dark.png");
});

test.describe(() => {
	test.use({ viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true });

	test("a phone shows the whole page", async ({ signedIn, shared, app }) => {
		await shared.sendADay(app, Date.now());
		const dashboard = await signedIn(app);
		const { page, rows } = dashboard;
		await dashboard.expectChart();
		// The ranking is closed at first: the list is not pushed down by it.
		await expect(page.getByTestId("top-row")).toHaveCount(0);
		expect((await dashboard.top.boundingBox())?.height).toBeLessThan(80);
		await page.getByRole("button", { name: "Show the top users" }).click();
		await dashboard.expectTop();
		await dashboard.expectToFit();
		await page.getByRole("button", { name: "Hide the top users" }).click();
		await expect(page.getByTestId("top-row")).toHaveCount(0);
		expect((await dashboard.plot.boundingBox())?.width).toBeLessThan(390);
		await dashboard.expectToFit();
		// Who did what to whom is on one line, below kind and time.
		const top = async (testid: string) =>
			(await rows.first().getByTestId(testid).first().boundingBox())?.y ?? Number.NaN;
		const [kind, time, actor, target, platform] = [
			await top("kind"),
			await top("time"),
			await top("actor"),
			await top("target"),
			await top("platform"),
		];
		expect(actor).toBeGreaterThan(time + 10);
		expect(Math.abs(actor - target)).toBeLessThan(6);
		expect(Math.abs(kind - platform)).toBeLessThan(6);
		await dashboard.picture("dashboard-phone.png", { width: 390, height: 1500 });
		// The longest ids, and the narrowest phone.
		const long = "a_user_id_of_thirty-two_letters_";
		await shared.sendUnfollow(app, long, [long, long, long, long]);
		await expect(rows.first()).toContainText(long);
		await page.setViewportSize({ width: 320, height: 640 });
		await dashboard.expectToFit();
		await dashboard.openRecord(rows.first());
		await expect(dashboard.recordJson).toContainText(long);
		await dashboard.expectToFit();
		const dialog = await dashboard.record.boundingBox();
		expect((dialog?.x ?? 0) + (dialog?.width ?? Number.NaN)).toBeLessThanOrEqual(320);
		await dashboard.record.getByRole("link", { name: long }).first().click();
		await dashboard.expectUser();
		await dashboard.expectToFit();
		await dashboard.button("Sign out").click();
		await expect(dashboard.token).toBeFocused();
		await dashboard.expectToFit();
	});
});
