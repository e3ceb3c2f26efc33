// What is wrong is shown, with what to do about it, and only where something is. An empty list says why it is empty.

import { readFileSync } from "node:fs";
import { APP, CALLBACK_TOKEN, HOUR, inParallel, post, send, signed, UNFOLLOW, unfollow, unsigned } from "./calls.ts";
import { partsOf, signColour } from "./colours.ts";
import type { Dashboard } from "./dashboard.ts";
import { expect, type Shared, test, waitForCalls } from "./fixtures.ts";

const ROOT = `${import.meta.dirname}/../..`;

/** Whether the light beside the time of the last poll is green. */
async function expectGreenLight({ page }: Dashboard, isGreen: boolean): Promise<void> {
	const light = async () => {
		const [red, green, blue] = partsOf(await signColour(page.getByTestId("light")));
		return green > red && green > blue;
	};
	await expect.poll(light, { message: "the light is green" }).toBe(isGreen);
}

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
	const alert = dashboard.page.getByTestId("alert-calls_rejected");
	await expect(alert).toContainText(
		"37 calls rejected: sign_mismatch. Is CALLBACK_TOKEN the token in the Chat console?",
	);
	await expect(alert).toContainText(/Last (just now|\d+ s ago)\./);
	await expect(dashboard.alerts).toContainText("at least");
	// The empty list says it too.
	await expect(dashboard.page.getByTestId("empty")).toContainText("Calls arrive, and are rejected: sign_mismatch");
	await expectGreenLight(dashboard, false);

	// A call that is accepted.
	await send(`${worker.url}/`, signed(APP, UNFOLLOW, CALLBACK_TOKEN), body("accepted"));
	await dashboard.visit("");
	await dashboard.expectActors(["accepted"]);
	await expect(alert).toContainText("37 calls");
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
	const rejected = (reason: string | null, count: number) => ({
		...{
			key: `calls_rejected/${app}/${reason}`,
			kind: "calls_rejected",
			sdk_app_id: Number(app),
			subject: reason,
			count,
		},
		...{ severity: reason === "not_found" ? "notice" : "warning", since: start, last_at: now, at_least: false },
		...{ event_ids: [], title: `calls rejected: ${reason}`, action: `What to do about ${reason}.` },
	});
	const shows = async (counts: Count[], last: { call?: number; stored?: number }, isOver = false) => {
		const hours = counts.map(([outcome, reason, count]) => ({
			start,
			sdk_app_id: Number(app),
			outcome,
			reason,
			count,
		}));
		const json = { hours, last_call_at: last.call ?? null, last_stored_at: last.stored ?? null };
		const alerts = counts.flatMap(([outcome, reason, count]) =>
			outcome === "rejected" && !isOver ? [rejected(reason, count)] : [],
		);
		await page.unrouteAll();
		await page.route(/\/v1\/calls\?/, (route) => route.fulfill({ json }));
		await page.route(/\/v1\/alerts\?/, (route) => route.fulfill({ json: { alerts, complete: true } }));
		await page.reload();
		await expect(empty).toBeVisible();
	};
	await dashboard.enter(`app=${app}`);
	// Strangers have tried addresses: that is no call.
	await shows([["rejected", "not_found", 900]], {});
	await expect(empty).toContainText("No call has arrived yet.");
	await expect(page.getByTestId("webhook-url")).toBeVisible();
	// All reasons, and not only the most frequent, which may be strangers'.
	const all: Count[] = [
		["rejected", "not_found", 900],
		["rejected", "sign_mismatch", 2],
		["rejected", "no_token", 3],
	];
	await shows(all, { call: now });
	await expect(empty).toContainText("Calls arrive, and are rejected: no_token, sign_mismatch, not_found");
	await expect(empty).toContainText("3 calls no_token: What to do about no_token.");
	await expect(empty).toContainText("2 calls sign_mismatch: What to do about sign_mismatch.");
	await expect(empty).toContainText("900 calls not_found: What to do about not_found.");
	await dashboard.picture("empty-rejected.png");
	await shows([["queued", null, 1]], { call: now, stored: now });
	await expect(empty).toContainText("still to be stored");
	await shows([], { call: now - 50 * HOUR, stored: now - 50 * HOUR });
	await expect(empty).toContainText("Events came, and the log has none of them.");
	await expect(empty).toContainText("The last one came 2 days ago. They were deleted: by RETENTION_DAYS");
	await shows([["unhandled", null, 1]], { call: now });
	await expect(empty).toContainText("Calls arrive, but no follow or unfollow was among them.");
	// Where other webhooks are accepted, a rejection is not why there is no event.
	const mixed: Count[] = [
		["relayed", null, 500],
		["rejected", "sign_mismatch", 1],
	];
	await shows(mixed, { call: now });
	await expect(empty).toContainText("Calls arrive, but no follow or unfollow was among them.");
	await expect(empty).toContainText("1 call sign_mismatch: What to do about sign_mismatch.");
	// The console's check is accepted where calls are not.
	await shows([["probe", null, 1], ...all], { call: now });
	await expect(empty).toContainText("Calls arrive, and are rejected: no_token, sign_mismatch, not_found");
	// Of old rejections there are no alerts.
	await shows([["rejected", "no_token", 3]], { call: now - 20 * HOUR }, true);
	await expect(empty).toContainText("Calls arrive, and are rejected: no_token");
	await expect(empty).toContainText("The last call came 20 h ago.");
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
	await expect(dashboard.page.getByTestId("empty")).toContainText("Events came, and the log has none of them.");
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
	const worker = await start({ RETENTION_DAY: "30" });
	const dashboard = await newDashboard(worker);
	const { page } = dashboard;
	const due = Date.UTC(2025, 6, 15, 12);
	await worker.sql(`INSERT INTO log_state (name, value) VALUES ('retention_due_since', '${due}')`);
	await dashboard.enter();
	await expect(page.getByTestId("alert-unknown_setting")).toContainText("No such setting: RETENTION_DAY");
	await expect(page.getByTestId("alert-retention_behind")).toContainText(
		/The hourly retention is behind\. Events are due .* PLAN=paid .* Since 15 Jul 2025, 12:00:00\./,
	);
	await expectGreenLight(dashboard, false);
	await dashboard.picture("alerts-settings.png");
});

test("what is acknowledged stays quiet until it changes", async ({ start, newDashboard }) => {
	const worker = await start({ RETENTION_DAY: "30", RETENTION_DAYS: "forever" });
	const hour = Math.floor(Date.now() / HOUR);
	const calls = (count: number) => `INSERT INTO call_counts (hour, app, outcome, reason, count, writes, last_at)
		VALUES (${hour}, ${APP}, 'rejected', 'not_found', ${count}, 1, ${Date.now()})
		ON CONFLICT DO UPDATE SET count = excluded.count`;
	await worker.sql(calls(3));
	const dashboard = await newDashboard(worker);
	const { page, alerts } = dashboard;
	await dashboard.enter();
	const open = alerts.locator("> ul > li");
	const quiet = page.getByTestId("acknowledged");
	// The gravest first.
	await expect(open.getByTestId("severity")).toHaveText(["Critical", "Warning", "Notice"]);
	await expect(alerts.getByRole("heading")).toHaveText("Something is wrong");
	for (const kind of ["invalid_setting", "unknown_setting"]) {
		await page.getByTestId(`alert-${kind}`).getByRole("button", { name: "Acknowledge" }).click();
	}
	await expect(open.getByTestId("severity")).toHaveText(["Notice"]);
	await expect(alerts.getByRole("heading")).toHaveText("Notices");
	await expectGreenLight(dashboard, true);
	await page.getByTestId("alert-stray_calls").getByRole("button", { name: "Acknowledge" }).click();
	await expect(open).toHaveCount(0);
	await expect(quiet.locator("summary")).toHaveText("Acknowledged (3)");

	// It is remembered, and can be taken back.
	await page.reload();
	await expect(quiet.locator("summary")).toHaveText("Acknowledged (3)");
	await quiet.locator("summary").click();
	await page.getByTestId("alert-unknown_setting").getByRole("button", { name: "Show again" }).click();
	await expect(open.getByTestId("severity")).toHaveText(["Warning"]);
	await expectGreenLight(dashboard, false);
	await dashboard.picture("alerts-acknowledged.png");

	// Ten times as many are another matter.
	await worker.sql(calls(29));
	await page.reload();
	await expect(page.getByTestId("alert-stray_calls")).toContainText("29 calls");
	await expect(open).toHaveCount(1);
	await worker.sql(calls(30));
	await page.reload();
	await expect(open.getByTestId("severity")).toHaveText(["Warning", "Notice"]);
	// What was over is told when it begins again.
	await worker.sql("DELETE FROM call_counts");
	await page.reload();
	await expect(quiet.locator("summary")).toHaveText("Acknowledged (1)");
	await expect(page.getByTestId("alert-stray_calls")).toHaveCount(0);
	await worker.sql(calls(3));
	await page.reload();
	await expect(open.getByTestId("severity")).toHaveText(["Warning", "Notice"]);
});

test("a burst of unfollows leads to the user", async ({ dashboard, app, page }) => {
	const alert = {
		...{
			key: `unfollow_burst_of_user/${app}/luna`,
			kind: "unfollow_burst_of_user",
			severity: "warning",
			subject: "luna",
		},
		...{
			sdk_app_id: Number(app),
			since: Date.now() - HOUR,
			last_at: Date.now(),
			count: 72,
			at_least: false,
			event_ids: [],
		},
		...{ title: "72 unfollows of user luna in an hour, usually 3", action: "See who." },
	};
	await page.route(/\/v1\/alerts\?/, (route) => route.fulfill({ json: { alerts: [alert], complete: true } }));
	await dashboard.enter(`app=${app}`);
	const shown = page.getByTestId("alert-unfollow_burst_of_user");
	await expect(shown).toContainText("72 unfollows of user luna in an hour, usually 3. See who.");
	await shown.getByRole("link").click();
	await expect(page).toHaveURL(/[?&]user=luna/);
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
	await expect(dashboard.page.getByTestId("alert-invalid_setting")).toHaveCount(2);
	for (const text of [
		"RETENTION_DAYS. Fix it: it must be a whole number from 1 to 3650.",
		"RETRY_BASE_SECONDS. Fix it: it must be",
	]) {
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
	const alert = dashboard.page.getByTestId("alert-events_queued");
	await expect(alert).toContainText("1 event was queued");
	await expect(alert).toContainText("stored later");
});

/** Notes calls of an app, the last of which came at this time. */
const noteCalls = (worker: Shared["worker"], app: string, outcome: string, count: number, at: number) =>
	worker.sql(`INSERT INTO call_counts (hour, app, outcome, reason, count, writes, last_at)
		VALUES (${Math.floor(at / HOUR)}, ${app}, '${outcome}', '', ${count}, 1, ${at})`);

test("events that became dead letters at once are counted", async ({ dashboard, shared, app }) => {
	// The queue of the real runtime cannot be made to fail.
	await noteCalls(shared.worker, app, "dead_lettered", 2, Date.now());
	await dashboard.enter(`app=${app}`);
	const alert = dashboard.page.getByTestId("alert-events_dead_lettered");
	await expect(alert).toContainText("2 events became dead letters at once");
	await expect(alert).toContainText("if you replay them");
	await alert.getByRole("link", { name: "Dead letters" }).click();
	await expect(dashboard.deadLetters).toBeVisible();
});

test("a long silence is told", async ({ dashboard, shared, app }) => {
	const { page } = dashboard;
	await noteCalls(shared.worker, app, "stored", 1, Date.now() - 23 * HOUR);
	await dashboard.enter(`app=${app}`);
	await expect(page.getByTestId("last-call")).toContainText("last call");
	await expect(page.getByTestId("alert-no_calls")).toBeHidden();
	await shared.worker.sql(`UPDATE call_totals SET last_at = last_at - ${27 * HOUR} WHERE app = ${app}`);
	await page.reload();
	await expect(page.getByTestId("alert-no_calls")).toContainText("No call has come for 50 hours");
	await expect(page.getByTestId("alert-no_calls")).toContainText("Last 2 days ago.");
});
