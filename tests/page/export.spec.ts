// The export: a file of what the filters let through, for a spreadsheet or for programs, whatever the ids are.

import { readFile } from "node:fs/promises";
import type { Download } from "@playwright/test";
import { HOUR } from "./calls.ts";
import { expect, fillLog, test } from "./fixtures.ts";

const HEADER = "event_time,kind,actor,target,platform,client_ip,received_at,sdk_app_id,source,event_id";

/** Ids that a spreadsheet or a program would change. */
const HOSTILE = [
	"=1+1",
	"+1",
	"-1",
	"@TLS#NOT_FOUND",
	"'@TLS#NOT_FOUND",
	"\t=1",
	"\r=1",
	"\n=1",
	"＝1",
	"\u200b=1",
	"\u007f=1",
	"a,b",
	'say "hi"',
	"line\nend",
	"cr\r\nlf",
	" space ",
	"'quoted",
	"plain",
	"a=b",
	"00123",
	"NA",
	"\ufeffmark",
	"\u2028",
	",9999999999999-0123456789abcdef0123456789abcdef\r\n,,",
	"微信",
];

const textOf = async (download: Download) => await readFile(await download.path(), "utf8");

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

test("what is filtered is exported for a spreadsheet, one row a target", async ({ signedIn, shared, app }) => {
	const now = Date.now();
	await shared.sendUnfollow(app, '=HYPERLINK("https://example.com")', HOSTILE, now);
	await shared.sendFollow(app, "follower", ["bob"], now - 1000);
	await shared.sendUnfollow(app, "old", ["bob"], now - 50 * HOUR);
	const dashboard = await signedIn(app);
	const { page } = dashboard;
	const dialog = page.getByTestId("export-dialog");
	const exported = async (times: string | RegExp) => {
		await dashboard.button("Export…").click();
		await expect(dialog.getByRole("radio", { name: /^For a spreadsheet/ })).toBeChecked();
		// A list that is narrowed has its times already.
		const choice = dialog.getByRole("radio", { name: times });
		if (await choice.isVisible()) await choice.check();
		const download = page.waitForEvent("download");
		await dialog.getByRole("button", { name: "Export" }).click();
		const file = await download;
		expect(file.suggestedFilename()).toMatch(new RegExp(`^unfollow-events-${app}-[0-9-]{10}\\.csv$`));
		const text = await textOf(file);
		// Without the mark, spreadsheets take it for Windows-1252.
		expect(text.startsWith(`\ufeff${HEADER}\r\n`)).toBe(true);
		const [, ...rows] = read(text.slice(1));
		await expect(dialog).toBeHidden();
		return rows;
	};
	const all = () => exported("All that are stored");

	const rows = await all();
	expect(rows).toHaveLength(HOSTILE.length + 2);
	for (const [number, target] of HOSTILE.entries()) {
		const [happened, kind, actor, written, platform, ip, received, ofApp, source, id] = rows[number];
		// One apostrophe less is what was there, and no cell is a formula.
		expect([kind, written.replace(/^'/, "")]).toEqual(["unfollow", target]);
		expect(written).not.toMatch(/^[\s\u200b\u007f]*[=+\-@＝]/);
		expect(actor).toBe(`'=HYPERLINK("https://example.com")`);
		expect([platform, ip, ofApp, source]).toEqual(["iOS", "127.0.0.1", app, ""]);
		expect(happened).toMatch(/Z$/);
		expect(received).toMatch(/Z$/);
		expect(id).toHaveLength(46);
	}
	const old = rows[rows.length - 1];
	expect([old[0], old[2]]).toEqual([new Date(now - 50 * HOUR).toISOString(), "old"]);
	expect(Date.parse(old[6]), "received after it happened").toBeGreaterThan(Date.parse(old[0]));
	await expect(dashboard.announcement).toHaveText("3 events exported.");

	expect(await exported(/^The last/)).toHaveLength(HOSTILE.length + 1);
	await dashboard.choose("Kind", "Follows");
	await dashboard.expectActors(["follower"]);
	expect(await all()).toHaveLength(1);
	await dashboard.visit(`app=${app}&user=bob`);
	expect(await all()).toHaveLength(2);
	await dashboard.visit(`app=${app}&user=bob&role=actor`);
	expect(await all()).toHaveLength(0);
	await dashboard.visit(`app=${app}&since=${now - 51 * HOUR}&until=${now - 49 * HOUR}`);
	const narrowed = await all();
	expect(narrowed).toHaveLength(1);
	expect(narrowed[0][2]).toBe("old");
	// The dialog says all of it.
	await dashboard.visit(`app=${app}&user=bob&role=target&kind=unfollow`);
	await dashboard.button("Export…").click();
	await expect(dialog).toContainText("Unfollows, of this user, as the target.");
	dashboard.expectWellBehaved();
});

test("an export for programs has each id as it is", async ({ signedIn, shared, app }) => {
	await shared.sendUnfollow(app, "'=actor", HOSTILE);
	await shared.sendFollow(app, "follower", ["bob"], Date.now() - 1000);
	const dashboard = await signedIn(app);
	const { page } = dashboard;
	const dialog = page.getByTestId("export-dialog");
	const exported = async (form: string, extension: string) => {
		await dashboard.button("Export…").click();
		await dialog.getByRole("radio", { name: `For programs: ${form}` }).check();
		const download = page.waitForEvent("download");
		await dialog.getByRole("button", { name: "Export" }).click();
		const file = await download;
		expect(file.suggestedFilename()).toMatch(new RegExp(`\\.${extension}$`));
		// Of events, however many rows they have and whatever is in their ids.
		await expect(dashboard.announcement).toHaveText("2 events exported.");
		return await textOf(file);
	};
	const [header, ...rows] = read(await exported("CSV", "csv"));
	expect(header.join()).toBe(HEADER);
	expect(rows.map(([, , actor, target]) => [actor, target])).toEqual([
		...HOSTILE.map((target) => ["'=actor", target]),
		["follower", "bob"],
	]);
	const lines = (await exported("JSON Lines", "jsonl")).split("\n");
	expect(lines.pop()).toBe("");
	const events = lines.map((line) => JSON.parse(line));
	expect(events.map(({ from_account, to_accounts }) => [from_account, to_accounts])).toEqual([
		["'=actor", HOSTILE],
		["follower", ["bob"]],
	]);
	dashboard.expectWellBehaved();
});

test("an export goes on after a part that has failed, and is stopped and gone on with", async ({
	start,
	newDashboard,
}) => {
	const worker = await start({ SINKS: "d1" });
	// Three parts of the free plan.
	await fillLog(worker, 4_001, Date.now());
	const dashboard = await newDashboard(worker);
	const { page } = dashboard;
	await dashboard.enter("range=30d");
	// The second part fails once, and the third does not come before the export is stopped.
	let parts = 0;
	let failures = 0;
	await page.route(/\/v1\/export\?/, (route) => {
		if (parts === 1 && failures === 0) {
			failures += 1;
			return route.fulfill({ status: 503, headers: { "retry-after": "8" }, json: { detail: "D1 failed." } });
		}
		if (parts === 2 && failures === 1) {
			failures += 1;
			return;
		}
		parts += 1;
		return route.continue();
	});
	const dialog = page.getByTestId("export-dialog");
	await dashboard.button("Export…").click();
	await dialog.getByRole("radio", { name: /JSON Lines/ }).check();
	await dialog.getByRole("radio", { name: /^The last/ }).check();
	await dialog.getByRole("button", { name: "Export" }).click();
	await expect(dialog.getByRole("alert")).toHaveText(/^D1 failed\. Trying again in \d s\.$/);
	await expect(dialog.getByTestId("export-count")).toHaveText("4,000 events …");
	await expect.poll(() => failures).toBe(2);
	// 4,000 of 4,001 events are nearly twenty of thirty days.
	const progress = await dialog.getByRole("progressbar").evaluate((element: HTMLProgressElement) => element.value);
	expect(progress).toBeCloseTo(2 / 3, 1);
	await dialog.getByRole("button", { name: "Stop" }).click();
	const download = page.waitForEvent("download");
	await dialog.getByRole("button", { name: "Go on" }).click();
	const lines = (await textOf(await download)).split("\n");
	expect(lines.pop()).toBe("");
	// Each event once.
	const ids: string[] = lines.map((line) => JSON.parse(line).id);
	expect([ids.length, new Set(ids).size]).toEqual([4_001, 4_001]);
	expect(parts).toBe(3);
});

test("damaged events are named, in the list and after an export", async ({ start, newDashboard }) => {
	const worker = await start();
	const now = Date.now();
	await fillLog(worker, 3, now);
	const dashboard = await newDashboard(worker);
	const { page } = dashboard;
	await dashboard.enter("range=30d");
	await expect(dashboard.rows).toHaveCount(3);
	await expect(page.getByTestId("damaged")).toHaveCount(0);
	await worker.sql("UPDATE events SET record = '{' WHERE event_time < (SELECT max(event_time) FROM events)");
	await page.reload();
	await expect(dashboard.rows).toHaveCount(1);
	const note = dashboard.events.getByTestId("damaged");
	await expect(note).toContainText("Not listed, because the log has them damaged");
	await expect(note.getByRole("link")).toHaveCount(2);

	const dialog = page.getByTestId("export-dialog");
	for (const [form, words, lines] of [
		[/JSON Lines/, "Not in the file", 1],
		[/For programs: CSV/, "In the file by their times and ids alone", 1 + 3],
		[/For a spreadsheet/, "In the file by their times and ids alone", 1 + 3],
	] as const) {
		await dashboard.button("Export…").click();
		await dialog.getByRole("radio", { name: form }).check();
		const download = page.waitForEvent("download");
		await dialog.getByRole("button", { name: "Export" }).click();
		expect((await textOf(await download)).match(/\n/g)).toHaveLength(lines);
		await expect(dashboard.announcement).toHaveText("1 event exported.");
		const named = dialog.getByTestId("damaged");
		await expect(named).toContainText(words);
		await expect(named.getByRole("link")).toHaveCount(2);
		await dialog.getByRole("button", { name: "Close" }).click();
	}

	// A list that has nothing but damaged events is not an empty one.
	await worker.sql("UPDATE events SET record = '{'");
	await page.reload();
	await expect(note.getByRole("link")).toHaveCount(3);
	await expect(page.getByTestId("empty")).toHaveCount(0);
	await note.getByRole("link").first().click();
	await expect(dashboard.record.getByRole("alert")).toContainText("damaged");
});

test("a damaged event that KV has whole is shown from there", async ({ signedIn, shared, app }) => {
	await shared.sendUnfollow(app, "alice", ["bob"]);
	await shared.worker.sql(`UPDATE events SET record = '{}' WHERE app = ${app}`);
	const dashboard = await signedIn(app);
	await dashboard.events.getByTestId("damaged").getByRole("link").click();
	await expect(dashboard.recordJson).toContainText('"alice"');
});

test("the way back closes the export", async ({ dashboard, app, shared }) => {
	const { page } = dashboard;
	await shared.sendUnfollow(app, "fan", ["bob"]);
	await dashboard.open(`app=${app}&view=dead-letters`);
	await dashboard.signIn();
	const toOverview = dashboard.deadLetters.getByRole("link").first();
	await toOverview.click();
	await dashboard.expectActors(["fan"]);
	// The link is gone, and what it led to has the focus.
	await expect(page.getByRole("main")).toBeFocused();
	await dashboard.button("Export…").click();
	const dialog = page.getByTestId("export-dialog");
	await expect(dialog).toBeVisible();
	await page.goBack();
	await expect(dashboard.deadLetters).toBeVisible();
	await expect(dialog).toHaveCount(0);
	// Nothing invisible is in the way.
	await toOverview.click();
	await dashboard.expectActors(["fan"]);
});
