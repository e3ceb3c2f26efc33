// The export: a CSV file of what the filters let through, whatever the ids are.

import { readFile } from "node:fs/promises";
import { APP, HOUR, inParallel, send, UNFOLLOW, unfollow, unsigned } from "./calls.ts";
import { expect, test } from "./fixtures.ts";

/** Reads RFC 4180, strictly: rows end with CRLF, and a quote is only where it may be. */
function read(csv: string): string[][] {
	const rows: string[][] = [];
	let row: string[] = [];
	let at = 0;
	while (at < csv.length) {
		const quoted = /"((?:[^"]|"")*)"/y;
		const plain = /[^",\r\n]*/y;
		const cell = csv[at] === '"' ? quoted : plain;
		cell.lastIndex = at;
		const found = cell.exec(csv);
		if (found === null) throw new Error(`A quote does not end, from ${at} on.`);
		row.push(found[1]?.replaceAll('""', '"') ?? found[0]);
		at = cell.lastIndex;
		if (csv[at] === ",") {
			at += 1;
		} else if (csv.startsWith("\r\n", at)) {
			at += 2;
			rows.push(row);
			row = [];
		} else {
			throw new Error(`${JSON.stringify(csv.slice(at, at + 10))} at ${at} is not quoted, or ends no row.`);
		}
	}
	if (row.length > 0) throw new Error("The last row does not end.");
	return rows;
}

test("what is filtered is exported, one row a target", async ({ signedIn, shared, app }) => {
	const now = Date.now();
	const hostile = [
		"=1+1",
		"+1",
		"-1",
		"@SUM(A1)",
		"\t=1",
		"\r=1",
		"\n=1",
		"＝1",
		"a,b",
		'say "hi"',
		"line\nend",
		"cr\r\nlf",
		" space ",
		"'quoted",
		"plain",
		"a=b",
		"微信",
	];
	await shared.sendUnfollow(app, '=HYPERLINK("https://example.com")', hostile, now);
	await shared.sendFollow(app, "follower", ["bob"], now - 1000);
	await shared.sendUnfollow(app, "old", ["bob"], now - 50 * HOUR);
	const dashboard = await signedIn(app);
	const { page } = dashboard;
	const dialog = page.getByTestId("export-dialog");
	const exported = async (times: string | RegExp) => {
		await dashboard.button("Export…").click();
		// A list that is narrowed has its times already.
		const choice = dialog.getByRole("radio", { name: times });
		if (await choice.isVisible()) await choice.check();
		const download = page.waitForEvent("download");
		await dialog.getByRole("button", { name: "Export" }).click();
		const file = await download;
		expect(file.suggestedFilename()).toMatch(new RegExp(`^unfollow-events-${app}.*\\.csv$`));
		const rows = read(await readFile(await file.path(), "utf8"));
		await expect(dialog).toBeHidden();
		return rows;
	};
	const all = () => exported("All that are stored");

	const [titles, ...rows] = await all();
	expect(titles).toEqual([
		"event_time",
		"kind",
		"actor",
		"target",
		"platform",
		"client_ip",
		"received_at",
		"sdk_app_id",
		"event_id",
	]);
	expect(rows).toHaveLength(hostile.length + 2);
	for (const [number, target] of hostile.entries()) {
		const [happened, kind, actor, written, platform, ip, received, ofApp, id] = rows[number];
		// A formula is a text to a spreadsheet, by an apostrophe before it; all else is as it is.
		const isFormula = /^[=+\-@\t\r\n＝]/.test(target);
		expect([kind, written]).toEqual(["unfollow", isFormula ? `'${target}` : target]);
		expect(actor).toBe(`'=HYPERLINK("https://example.com")`);
		expect([platform, ip, ofApp]).toEqual(["iOS", "127.0.0.1", app]);
		expect(happened).toMatch(/Z$/);
		expect(received).toMatch(/Z$/);
		expect(id).toHaveLength(46);
	}
	const old = rows[rows.length - 1];
	expect([old[0], old[2]]).toEqual([new Date(now - 50 * HOUR).toISOString(), "old"]);
	expect(Date.parse(old[6]), "received after it happened").toBeGreaterThan(Date.parse(old[0]));
	await expect(dashboard.announcement).toHaveText("3 events exported.");

	expect(await exported(/^The last/)).toHaveLength(1 + hostile.length + 1);
	await dashboard.choose("Kind", "Follows");
	await dashboard.expectActors(["follower"]);
	expect(await all()).toHaveLength(2);
	await dashboard.visit(`app=${app}&user=bob`);
	expect(await all()).toHaveLength(3);
	await dashboard.visit(`app=${app}&user=bob&role=actor`);
	expect(await all()).toHaveLength(1);
	await dashboard.visit(`app=${app}&since=${now - 51 * HOUR}&until=${now - 49 * HOUR}`);
	const narrowed = await all();
	expect(narrowed).toHaveLength(2);
	expect(narrowed[1][2]).toBe("old");
	dashboard.expectWellBehaved();
});

test("an export goes on after a request that has failed, and is stopped and gone on with", async ({
	start,
	newDashboard,
}) => {
	const worker = await start({ SINKS: "d1" });
	const now = Date.now();
	await inParallel(5, async (number) => {
		await send(`${worker.url}/`, unsigned(APP, UNFOLLOW), unfollow(`fan-${number}`, ["bob"], now - number));
	});
	const dashboard = await newDashboard(worker);
	const { page } = dashboard;
	await dashboard.enter();
	await dashboard.expectActors(["fan-0", "fan-1", "fan-2", "fan-3", "fan-4"]);
	// Pages of two events, of which the second fails once, and the third does not come before the export is stopped.
	let pages = 0;
	let failures = 0;
	await page.route(/\/v1\/events\?.*limit=1000/, async (route) => {
		const url = new URL(route.request().url());
		if (url.searchParams.has("since")) return route.continue();
		if (pages === 1 && failures === 0) {
			failures += 1;
			return route.fulfill({ status: 503, headers: { "retry-after": "2" }, json: { detail: "D1 failed." } });
		}
		if (pages === 2 && failures === 1) {
			failures += 1;
			return;
		}
		pages += 1;
		url.searchParams.set("limit", "2");
		return route.continue({ url: url.href });
	});
	const dialog = page.getByTestId("export-dialog");
	await dashboard.button("Export…").click();
	await dialog.getByRole("button", { name: "Export" }).click();
	await expect(dialog.getByRole("alert")).toHaveText("D1 failed. Trying again in 2 s.");
	await expect(dialog.getByTestId("export-count")).toHaveText("4 events …");
	await expect.poll(() => failures).toBe(2);
	await dialog.getByRole("button", { name: "Stop" }).click();
	const download = page.waitForEvent("download");
	await dialog.getByRole("button", { name: "Go on" }).click();
	const rows = read(await readFile(await (await download).path(), "utf8"));
	// Each event once.
	expect(rows.slice(1).map(([, , actor]) => actor)).toEqual(["fan-0", "fan-1", "fan-2", "fan-3", "fan-4"]);
	expect(pages).toBe(3);
});
