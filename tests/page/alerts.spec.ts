// What is wrong is shown, with what to do about it, and only where something is. An empty list says why it is empty.

import { readFileSync } from "node:fs";
import {
	APP,
	CALLBACK_TOKEN,
	callApi,
	HOUR,
	inParallel,
	post,
	send,
	signed,
	UNFOLLOW,
	unfollow,
	unsigned,
} from "./calls.ts";
import { partsOf, signColour } from "./colours.ts";
import type { Dashboard } from "./dashboard.ts";
import { expect, test, waitForCalls } from "./fixtures.ts";

const ROOT = `${import.meta.dirname}/../..`;

/** Whether the light beside the time of the last poll is green. */
async function expectGreenLight({ page }: Dashboard, isGreen: boolean): Promise<void> {
	const light = async () => {
		const [red, green, blue] = partsOf(await signColour(page.getByTestId("light")));
		return green > red && green > blue;
	};
	await expect.poll(light, { message: "the light is green" }).toBe(isGreen);
}

test("every reason for a rejection has advice", async ({ dashboard, app }) => {
	// Another test compares this table with the Worker's own.
	const table = readFileSync(`${ROOT}/docs/webhook-responses.md`, "utf8");
	const reasons = [...table.matchAll(/^\| \d+ \| \d+ \| `(\w+)` \|/gm)].map(([, reason]) => reason);
	expect(reasons).toContain("not_stored");
	const hour = Math.floor(Date.now() / HOUR) * HOUR;
	const hours = reasons.map((reason) => ({ hour, sdk_app_id: Number(app), outcome: "rejected", reason, count: 1 }));
	await dashboard.page.route(/\/v1\/calls\?/, (route) => route.fulfill({ json: { hours, last_call_at: Date.now() } }));
	await dashboard.enter(`app=${app}`);
	const alerts = dashboard.page.getByTestId("alert-rejected");
	await expect(alerts).toHaveCount(reasons.length);
	for (const reason of reasons) {
		await expect(alerts.filter({ hasText: new RegExp(`^1 call rejected: ${reason}\\. \\S`) })).toHaveCount(1);
	}
});

test("rejected calls are counted by reason with what to do", async ({ start, newDashboard }) => {
	const worker = await start({ CALLBACK_TOKEN, ALLOW_UNSIGNED: undefined });
	const body = (name: string) => unfollow(name, ["bob"], Date.now());
	await inParallel(37, async (number) => {
		const query = signed(APP, UNFOLLOW, "not the token in the console");
		expect(await post(`${worker.url}/`, query, body(`rejected-${number}`))).toBe(401);
	});
	await waitForCalls(worker, "rejected", 37);
	const dashboard = await newDashboard(worker);
	await dashboard.enter();
	await expect(dashboard.page.getByTestId("alert-rejected")).toHaveText([
		"37 calls rejected: sign_mismatch. Is CALLBACK_TOKEN the token in the Chat console?",
	]);
	await expect(dashboard.alerts).toContainText("at least");
	// The empty list says it too.
	await expect(dashboard.page.getByTestId("empty")).toContainText("Calls arrive, and are rejected: sign_mismatch");
	await expectGreenLight(dashboard, false);

	// A call that is accepted.
	await send(`${worker.url}/`, signed(APP, UNFOLLOW, CALLBACK_TOKEN), body("accepted"));
	await dashboard.visit("");
	await dashboard.expectActors(["accepted"]);
	await expect(dashboard.page.getByTestId("alert-rejected")).toContainText("37 calls");
});

test("before the first call the URL to register is shown", async ({ start, newDashboard }) => {
	const worker = await start({ WEBHOOK_PATH: "/secret-path" });
	const dashboard = await newDashboard(worker);
	const { page } = dashboard;
	await dashboard.enter();
	await expect(page.getByTestId("empty")).toContainText("No call has arrived yet.");
	await expect(page.getByTestId("webhook-url")).toContainText(`${worker.url}/secret-path`);
	// Nothing is wrong.
	await expect(dashboard.alerts).toBeHidden();
	await expectGreenLight(dashboard, true);
	await expect(page.getByTestId("version")).toContainText("Settings are valid.");
	const { version } = JSON.parse(readFileSync(`${ROOT}/package.json`, "utf8"));
	await expect(page.getByTestId("version")).toContainText(version);

	// A call that brings no event.
	const command = "State.StateChange";
	const body = JSON.stringify({ CallbackCommand: command, EventTime: 1 });
	await send(`${worker.url}/secret-path`, unsigned(APP, command), body);
	await waitForCalls(worker, "unhandled", 1);
	await dashboard.visit("");
	await expect(page.getByTestId("empty")).toContainText("Calls arrive, but no follow or unfollow was among them.");
});

test("an empty list tells what has happened to the calls", async ({ dashboard, app }) => {
	const { page } = dashboard;
	const empty = page.getByTestId("empty");
	const now = Date.now();
	const start = Math.floor(now / HOUR) * HOUR;
	type Count = [outcome: string, reason: string | null, count: number];
	const shows = async (counts: Count[], last: { call?: number; stored?: number }) => {
		const hours = counts.map(([outcome, reason, count]) => ({
			start,
			sdk_app_id: Number(app),
			outcome,
			reason,
			count,
		}));
		const json = { hours, last_call_at: last.call ?? null, last_stored_at: last.stored ?? null };
		await page.unrouteAll();
		await page.route(/\/v1\/calls\?/, (route) => route.fulfill({ json }));
		await page.reload();
		await expect(empty).toBeVisible();
	};
	await dashboard.enter(`app=${app}`);
	// Strangers have tried addresses: that is no call.
	await shows([["rejected", "not_found", 900]], {});
	await expect(empty).toContainText("No call has arrived yet.");
	await expect(page.getByTestId("webhook-url")).toBeVisible();
	// All reasons, and not only the most frequent, which may be strangers'.
	const rejected: Count[] = [
		["rejected", "not_found", 900],
		["rejected", "sign_mismatch", 2],
		["rejected", "no_token", 3],
	];
	await shows(rejected, { call: now });
	await expect(empty).toContainText("Calls arrive, and are rejected: no_token, sign_mismatch, not_found");
	await expect(empty).toContainText("3 calls no_token: Set CALLBACK_TOKEN");
	await expect(empty).toContainText("2 calls sign_mismatch: Is CALLBACK_TOKEN");
	await expect(empty).toContainText("900 calls not_found: Is the registered URL");
	await dashboard.picture("empty-rejected.png");
	await shows([["queued", null, 1]], { call: now, stored: now });
	await expect(empty).toContainText("still to be stored");
	await shows([], { call: now - 50 * HOUR, stored: now - 50 * HOUR });
	await expect(empty).toContainText("Events came, and none is left.");
	await expect(empty).toContainText("The last one came 2 days ago. They were deleted: by RETENTION_DAYS");
	await shows([["unhandled", null, 1]], { call: now });
	await expect(empty).toContainText("Calls arrive, but no follow or unfollow was among them.");
	// What became of an older call is not known here.
	await shows([], { call: now - 50 * HOUR });
	await expect(empty).toContainText(/No call has arrived since .* yesterday\./);
	await expect(empty).toContainText("The last call came 2 days ago.");
});

test("a list whose events were deleted says so", async ({ start, newDashboard }) => {
	const worker = await start();
	await send(`${worker.url}/`, unsigned(APP, UNFOLLOW), unfollow("erased", ["bob"], Date.now()));
	await waitForCalls(worker, "stored", 1);
	const dashboard = await newDashboard(worker);
	await dashboard.enter();
	await dashboard.expectActors(["erased"]);
	await dashboard.openRecord(dashboard.rows.first());
	await dashboard.button("Delete…").click();
	await dashboard.button("Delete").click();
	await expect(dashboard.page.getByTestId("empty")).toContainText("Events came, and none is left.");
});

test("requests of strangers are no calls", async ({ start, newDashboard }) => {
	const worker = await start({ WEBHOOK_PATH: "/secret-path" });
	expect(await post(`${worker.url}/wp-login.php`, "", "{}")).toBe(404);
	await waitForCalls(worker, "rejected", 1);
	const dashboard = await newDashboard(worker);
	await dashboard.enter();
	await expect(dashboard.page.getByTestId("empty")).toContainText("No call has arrived yet.");
});

test("what the settings do not do is told", async ({ start, newDashboard }) => {
	const dashboard = await newDashboard(await start({ RETENTION_DAY: "30" }));
	const { page } = dashboard;
	await page.route("**/v1/status", async (route) => {
		const response = await route.fetch();
		const retention_due_since = Date.UTC(2025, 6, 15, 12);
		await route.fulfill({ response, json: { ...(await response.json()), retention_due_since } });
	});
	await dashboard.enter();
	await expect(page.getByTestId("alert-unknown-setting")).toContainText("No such setting: RETENTION_DAY");
	await expect(page.getByTestId("alert-retention")).toHaveText(
		/^The hourly retention is behind: events since 15 Jul 2025, 12:00:00 are due .* PLAN=paid/,
	);
	await expectGreenLight(dashboard, false);
	await dashboard.picture("alerts-settings.png");
});

test("a list without an event log says what to bind", async ({ start, newDashboard }) => {
	const withoutDatabase = await start({}, { change: (config) => delete config.d1_databases });
	const notASink = await start({ SINKS: "kv" });
	for (const worker of [withoutDatabase, notASink]) {
		const dashboard = await newDashboard(worker);
		const { page } = dashboard;
		await dashboard.enter();
		for (const text of ["d1 is not among the sinks", "bind DB", "add d1 to SINKS"]) {
			await expect(page.getByTestId("empty")).toContainText(text);
		}
		await expect(dashboard.banner).toBeHidden();
		// What is of the log is not there.
		await expect(dashboard.chart).toBeHidden();
		await expect(dashboard.top).toBeHidden();
		await expect(page.getByRole("region", { name: "Totals" })).toBeHidden();
		await expect(dashboard.button("Export…")).toBeHidden();
	}
});

test("invalid settings are named with their reasons", async ({ start, newDashboard }) => {
	const dashboard = await newDashboard(await start({ RETENTION_DAYS: "forever", RETRY_BASE_SECONDS: "0" }));
	await dashboard.enter();
	await expect(dashboard.page.getByTestId("alert-setting")).toHaveCount(2);
	for (const text of ["RETENTION_DAYS must be a whole number from 1 to 3650.", "RETRY_BASE_SECONDS must be"]) {
		await expect(dashboard.alerts).toContainText(text);
	}
	await expect(dashboard.page.getByTestId("version")).toContainText("2 invalid settings.");
});

test("events that are stored later are counted", async ({ start, newDashboard }) => {
	// KV that does not take an event in time.
	const worker = await start({}, { standIns: ["EVENTS"] });
	await send(`${worker.url}/`, unsigned(APP, UNFOLLOW), unfollow("fails-3-times", ["bob"], Date.now()));
	await waitForCalls(worker, "queued", 1);
	const dashboard = await newDashboard(worker);
	await dashboard.enter();
	const alert = dashboard.page.getByTestId("alert-queued");
	await expect(alert).toContainText("1 event was queued");
	await expect(alert).toContainText("stored later");
});

test("events that became dead letters at once are counted", async ({ dashboard, app }) => {
	const start = Math.floor(Date.now() / HOUR) * HOUR;
	const calls = { start, sdk_app_id: Number(app), outcome: "dead_lettered", reason: null, count: 2 };
	// The queue of the real runtime cannot be made to fail.
	await dashboard.page.route(/\/v1\/calls\?/, (route) => {
		return route.fulfill({ json: { hours: [calls], last_call_at: Date.now() } });
	});
	await dashboard.enter(`app=${app}`);
	const alert = dashboard.page.getByTestId("alert-dead-lettered");
	await expect(alert).toContainText("2 events became dead letters at once");
	await expect(alert).toContainText("if you replay them");
	await alert.getByRole("link", { name: "Dead letters" }).click();
	await expect(dashboard.deadLetters).toBeVisible();
});

test("a long silence is told", async ({ dashboard, shared, app }) => {
	const { page } = dashboard;
	await shared.sendUnfollow(app, "last", ["bob"]);
	const lastCall = async () => (await callApi(shared.worker.url, `calls?app=${app}`)).last_call_at;
	await expect.poll(lastCall, { message: "the last call" }).toEqual(expect.any(Number));
	await dashboard.setServerTime(Date.now());
	await dashboard.enter(`app=${app}`);
	await expect(page.getByTestId("last-call")).toContainText("last call");
	await expect(page.getByTestId("alert-silence")).toBeHidden();
	await dashboard.setServerTime(Date.now() + 50 * HOUR);
	await dashboard.button("Refresh").click();
	await expect(page.getByTestId("alert-silence")).toContainText("The last call came 2 days ago");
});
