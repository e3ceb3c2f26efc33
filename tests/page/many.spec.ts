// The page with 20,000 events.

import { readFile } from "node:fs/promises";
import type { Page } from "@playwright/test";
import { APP, send, UNFOLLOW, unfollow, unsigned } from "./calls.ts";
import { expect, fillLog, test } from "./fixtures.ts";

const EVENTS = 20_000;

// Not with locators: among so many elements, each takes half a second to find something.
const countRows = (page: Page) => page.evaluate(() => document.querySelectorAll("[data-testid=event-row]").length);

/** Clicks on what loads more until there is no more; gives how many clicks that took. */
async function loadAll(page: Page): Promise<number> {
	return await page.evaluate(async () => {
		const rows = () => document.querySelectorAll("[data-testid=event-row]").length;
		const more = document.querySelector<HTMLButtonElement>("[data-testid=more]");
		let clicks = 0;
		while (more?.checkVisibility() && clicks < 100) {
			const before = rows();
			more.click();
			clicks += 1;
			while (rows() === before) await new Promise((resolve) => setTimeout(resolve, 20));
		}
		return clicks;
	});
}

test("twenty thousand events are loaded, used and exported", { tag: "@slow" }, async ({ start, newDashboard }) => {
	test.slow();
	const worker = await start({ SINKS: "d1" });
	await fillLog(worker, EVENTS, Date.now());
	const dashboard = await newDashboard(worker);
	const { page, rows } = dashboard;
	// A row that arrives would have another colour for a while, and be drawn with all others at each step.
	await page.emulateMedia({ reducedMotion: "reduce" });
	await dashboard.enter("range=30d");
	await dashboard.expectChart();
	await expect(dashboard.figure("tile-unfollows")).toHaveText("20,000");
	// Each click loads as many again as there are, up to a page of the API.
	expect(await loadAll(page)).toBeLessThan(30);
	expect(await countRows(page)).toBe(EVENTS);

	// A new event still comes to the top, and a row far below opens.
	await send(`${worker.url}/`, unsigned(APP, UNFOLLOW), unfollow("newcomer", ["bob"], Date.now()));
	await expect(dashboard.actors.first()).toHaveText("newcomer");
	expect(await countRows(page)).toBe(EVENTS + 1);
	// By the keyboard: what is far away is laid out only as it comes on the screen, and moves under a pointer.
	const last = rows.last().getByRole("button", { name: /show the record$/ });
	await expect(async () => {
		await last.press("Enter");
		await expect(dashboard.record).toBeVisible({ timeout: 5_000 });
	}).toPass({ timeout: 60_000 });
	await expect(dashboard.recordJson).toContainText('"target-39"');
	await dashboard.record.getByRole("button", { name: "Close" }).click();

	// Progress is shown while the export is under way.
	const dialog = page.getByTestId("export-dialog");
	await page.evaluate(() => scrollTo(0, 0));
	await page.getByTestId("export").click();
	await dialog.getByRole("radio", { name: /JSON Lines/ }).check();
	const progress = await dialog.evaluateHandle((element) => {
		const seen: string[] = [];
		const look = () => seen.push(element.querySelector("[data-testid=export-count]")?.textContent ?? "");
		new MutationObserver(look).observe(element, { subtree: true, childList: true, characterData: true });
		return seen;
	});
	const download = page.waitForEvent("download");
	await dialog.getByRole("button", { name: "Export" }).click();
	// Each event once, newest first, and nothing of where a part ends.
	const lines = (await readFile(await (await download).path(), "utf8")).split("\n");
	expect(lines.pop()).toBe("");
	const ids: string[] = lines.map((line) => JSON.parse(line).id);
	expect(ids).toHaveLength(EVENTS + 1);
	expect(ids.every((id, at) => at === 0 || id > ids[at - 1])).toBe(true);
	const seen = await progress.jsonValue();
	expect(seen.length).toBeGreaterThan(10);
	expect(seen).toContainEqual(expect.stringContaining("10,000 events"));
});
