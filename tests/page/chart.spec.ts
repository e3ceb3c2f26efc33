// The bars of the chart for those who use keys, a screen reader or a pointer.

import { HOUR, MINUTE } from "./calls.ts";
import { expect, test } from "./fixtures.ts";

test("a bar has a name, and is reached and chosen with keys", async ({ dashboard, shared, app }) => {
	// In the middle of an hour: none begins during the test.
	const now = Math.floor(Date.now() / HOUR) * HOUR - HOUR / 2;
	const hour = Math.floor(now / HOUR) * HOUR - 3 * HOUR;
	await shared.sendUnfollow(app, "in-it", ["a", "b"], hour + MINUTE);
	await shared.sendFollow(app, "after-it", ["c"], hour + HOUR);
	const { page, plot } = dashboard;
	await page.clock.install({ time: now });
	await dashboard.setServerTime(now);
	await dashboard.enter(`app=${app}`);
	await dashboard.expectChart();
	const bars = plot.getByRole("button");
	await expect(bars).toHaveCount(25);
	// One stop for Tab: the last hour at first. The arrow keys move on from there.
	expect(await bars.evaluateAll((all) => all.map((bar) => (bar as HTMLElement).tabIndex))).toEqual([
		...Array.from({ length: 24 }, () => -1),
		0,
	]);
	await bars.last().focus();
	for (let press = 0; press < 3; press += 1) await page.keyboard.press("ArrowLeft");
	await expect(bars.nth(21)).toBeFocused();
	await expect(bars.nth(21)).toHaveAccessibleName(/: 2 unfollows, 0 follows$/);
	// It is said beside the title too, as it is for a pointer.
	await expect(dashboard.chart.getByText(/: 2 unfollows, 0 follows$/)).toBeVisible();
	await page.keyboard.press("Enter");
	await dashboard.expectActors(["in-it"]);
	await expect(bars.nth(21)).toBeFocused();
	await expect(bars.nth(21)).toHaveAttribute("aria-pressed", "true");
	await page.keyboard.press("Home");
	await expect(bars.first()).toBeFocused();
	await page.keyboard.press("ArrowLeft");
	await expect(bars.first()).toBeFocused();
	await page.keyboard.press("End");
	await expect(bars.last()).toBeFocused();
});

for (const width of [390, 900, 1280]) {
	test(`what is told of a bar moves nothing at a width of ${width}`, async ({ page, signedIn, busyApp }) => {
		await page.setViewportSize({ width, height: 900 });
		const dashboard = await signedIn(busyApp);
		await dashboard.expectChart();
		for (const language of ["English", "简体中文"] as const) {
			await dashboard.chooseLanguage(language);
			await page.mouse.move(0, 0);
			// What stands above the chart is asked for in the other language, and may be of another height.
			await dashboard.expectIdle();
			const place = await dashboard.plot.boundingBox();
			// At its upper edge: had the chart moved down, the pointer would no longer be on it.
			await dashboard.plot.hover({ position: { x: 40, y: 2 } });
			const readout = dashboard.chart.getByTestId("readout");
			await expect(readout).toHaveText(/[:：]/);
			expect(await dashboard.plot.boundingBox()).toEqual(place);
			await expect(readout).toBeInViewport({ ratio: 1 });
		}
	});
}
