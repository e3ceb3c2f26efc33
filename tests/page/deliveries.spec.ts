// Deliveries to the app's backend: those that are being retried or were given up, in the record and as dead letters.

import { callApi, DAY, HOUR, VIEWER_TOKEN } from "./calls.ts";
import type { Dashboard } from "./dashboard.ts";
import { type Delivering, expect, test } from "./fixtures.ts";

/** Opens the dead letters of an app, of which there are so many. */
async function openLetters(dashboard: Dashboard, app: string, count: number): Promise<void> {
	await dashboard.enter(`app=${app}`);
	await dashboard.deadLettersLink.click();
	await expect(dashboard.page.getByTestId("dead-letter")).toHaveCount(count);
}

/** Sends events that are given up, and waits for their dead letters. Gives their bodies by their senders. */
async function giveUp(delivering: Delivering, app: string, senders: string[]): Promise<Map<string, string>> {
	const bodies = new Map<string, string>();
	for (const sender of senders) bodies.set(sender, await delivering.deliver(app, sender));
	await delivering.waitForDeadLetters(app, senders.length);
	return bodies;
}

test("deliveries that are retried or given up are told and shown with the record", async ({
	delivering,
	newDashboard,
}) => {
	const app = delivering.nextApp();
	await delivering.deliver(app, "fails-40-times");
	await delivering.deliver(app, "gives-up,told");
	const fine = await delivering.deliver(app, "fine");
	for (const state of ["retrying", "dead", "delivered"]) await delivering.waitForDeliveries(app, state, 1);
	// For ten minutes.
	await delivering.worker.sql(`UPDATE deliveries SET retrying_since = 0 WHERE app = ${app} AND state = 'retrying'`);
	const dashboard = await newDashboard(delivering.worker);
	const { page, recordJson } = dashboard;
	await dashboard.enter(`app=${app}`);
	for (const [testid, text] of [
		["alert-deliveries_retrying", "1 delivery being retried: your backend answered 500."],
		["alert-deliveries_dead", "1 delivery given up: your backend answered 500."],
	]) {
		await expect(page.getByTestId(testid)).toContainText(text);
	}
	await expect(dashboard.rows).toHaveCount(3);
	const expectDelivery = async (sender: string, text: string) => {
		await dashboard.openRecord(dashboard.row(sender));
		await expect(page.getByTestId("record-delivery")).toContainText(text);
		// It can be replayed, because there is an origin.
		await expect(dashboard.button("Replay")).toBeVisible();
	};
	await expectDelivery("fine", "Delivered, 1 attempt, your backend answered 200");
	await expect(recordJson).not.toContainText("delivery");
	await dashboard.button("Replay").click();
	await expect(dashboard.record).toContainText("on the queue");
	await delivering.origin.waitFor(fine, 2);
	await dashboard.button("Close").click();
	await expectDelivery("fails-40-times", "Being retried, at least 1 attempt, your backend answered 500");
	await dashboard.button("Close").click();
	await expectDelivery("gives-up,told", "Given up");
	await dashboard.button("Close").click();
	await page.getByTestId("alert-deliveries_dead").getByRole("link").click();
	await expect(page.getByTestId("dead-letter")).toContainText("Your backend answered 500");
});

test("dead letters are a view of their own and are replayed or discarded", async ({ delivering, newDashboard }) => {
	const app = delivering.nextApp();
	const replayedBody = await delivering.deliver(app, "gives-up,replayed");
	const discardedBody = await delivering.deliver(app, "gives-up,discarded");
	await delivering.waitForDeadLetters(app, 2);
	const dashboard = await newDashboard(delivering.worker);
	const { page, deadLetters, deadLettersLink } = dashboard;
	await dashboard.enter(`app=${app}`);
	await expect(deadLettersLink).toContainText("2");
	await deadLettersLink.click();
	const letters = page.getByTestId("dead-letter");
	await expect(letters).toHaveCount(2);
	await expect(letters.getByTestId("targets")).toHaveText(["2 targets", "2 targets"]);
	await expect(dashboard.events).toBeHidden();
	// Which of the two is which, the record says. Its id is in the URL, and in the row.
	const letterOf = async (sender: string) => {
		for (const letter of await letters.all()) {
			await letter.getByRole("button", { name: /^Record/ }).click();
			await expect(dashboard.recordJson).toContainText("from_account");
			const text = await dashboard.recordJson.textContent();
			const id = dashboard.parameter("event") ?? "";
			await dashboard.button("Close").click();
			if (text?.includes(sender)) return letters.filter({ hasText: id });
		}
		throw new Error(`There is no dead letter of ${sender}.`);
	};
	const replayed = await letterOf("gives-up,replayed");
	const discarded = await letterOf("gives-up,discarded");
	const dialog = page.getByTestId("discard");
	await discarded.getByRole("button", { name: /^Discard/ }).click();
	await dialog.getByRole("button", { name: "Cancel" }).click();
	await expect(discarded).toBeVisible();
	await discarded.getByRole("button", { name: /^Discard/ }).click();
	await dialog.getByRole("button", { name: "Discard" }).click();
	await expect(discarded).toHaveCount(0);
	await replayed.getByRole("button", { name: /^Replay/ }).click();
	await expect(replayed).toHaveCount(0);
	// The backend gets only this one again.
	await delivering.origin.waitFor(replayedBody, 2);
	expect(delivering.origin.countOf(discardedBody)).toBe(1);
	await delivering.waitForDeadLetters(app, 0);
	// With none left there is no way to them.
	await expect(deadLetters).toContainText("None.");
	await expect(deadLetters.getByText(/^None\./)).toBeVisible();
	await deadLetters.getByRole("link", { name: "Overview" }).click();
	await expect(deadLettersLink).toBeHidden();
});

test("dead letters name their users and are filtered by reason", async ({ delivering, newDashboard }) => {
	const app = delivering.nextApp();
	await giveUp(delivering, app, ["is-answered-500", "is-answered-502", "is-answered-502,again"]);
	const dashboard = await newDashboard(delivering.worker);
	const { page } = dashboard;
	const letters = page.getByTestId("dead-letter");
	await openLetters(dashboard, app, 3);
	const first = letters.filter({ has: page.getByText("is-answered-500", { exact: true }) });
	await expect(first.getByTestId("target")).toHaveText(["bob", "carol"]);
	const reasons = page.getByTestId("reason-filter");
	await expect(reasons.getByRole("option")).toHaveText([
		"All (3)",
		"Your backend answered 502 (2)",
		"Your backend answered 500 (1)",
	]);
	await reasons.selectOption("Your backend answered 500 (1)");
	await expect(letters).toHaveCount(1);
	await expect(letters).toContainText("is-answered-500");
	expect(dashboard.parameter("reason")).toBe("500");
	// All are not replayed where not all are shown.
	await expect(dashboard.button("Replay all")).toBeHidden();
	await page.reload();
	await expect(letters).toHaveCount(1);
	await reasons.selectOption("All (3)");
	await expect(letters).toHaveCount(3);
	await first.getByRole("link", { name: "bob" }).click();
	await expect(page.getByTestId("user-id")).toHaveText("bob");
	dashboard.expectWellBehaved();
});

test("the users of a dead letter are read when it is on the screen", async ({ delivering, newDashboard }) => {
	const app = delivering.nextApp();
	// One stands for many.
	await giveUp(delivering, app, ["gives-up,one"]);
	const [letter] = (await callApi(delivering.worker.url, `dead-letters?app=${app}`)).dead_letters;
	const idOf = (number: number) => letter.id.replace(/^\d{13}/, (at: string) => String(Number(at) + number));
	const dead_letters = Array.from({ length: 60 }, (_, number) => ({ ...letter, id: idOf(number) }));
	const dashboard = await newDashboard(delivering.worker);
	const { page } = dashboard;
	await page.route(/\/v1\/dead-letters\?app=0/, (route) => route.fulfill({ json: { dead_letters: [], cursor: null } }));
	await page.route(/\/v1\/dead-letters\?app=[1-9]/, (route) => route.fulfill({ json: { dead_letters, cursor: null } }));
	await openLetters(dashboard, app, 60);
	const users = page.getByTestId("letter-users");
	await expect(users.first()).toContainText("gives-up,one");
	// The others are in the list alone.
	await expect(users.nth(1)).toContainText("Users could not be read");
	await dashboard.expectIdle();
	const read = () => new Set(dashboard.requests.filter((url) => url.includes(`/v1/dead-letters/${app}/`))).size;
	const first = read();
	expect(first).toBeGreaterThan(0);
	expect(first).toBeLessThan(20);
	await users.last().scrollIntoViewIfNeeded();
	await expect(users.last()).toContainText("Users could not be read");
	await dashboard.expectIdle();
	expect(read()).toBeGreaterThan(first);
	expect(read()).toBeLessThan(40);
});

test("many dead letters are selected and replayed", async ({ delivering, newDashboard }) => {
	const app = delivering.nextApp();
	const bodies = await giveUp(delivering, app, ["gives-up,1", "gives-up,2", "gives-up,3"]);
	const dashboard = await newDashboard(delivering.worker);
	const { page } = dashboard;
	const letters = page.getByTestId("dead-letter");
	await openLetters(dashboard, app, 3);
	const third = letters.filter({ hasText: "gives-up,3" });
	await page.getByTestId("select-all").check();
	await third.getByRole("checkbox").uncheck();
	// They are being replayed until they are known to be delivered: the list is the one that was before.
	const stored = await callApi(delivering.worker.url, `dead-letters?app=${app}`);
	await page.route(/\/v1\/dead-letters\?app=[1-9]/, (route) => route.fulfill({ json: stored }));
	await dashboard.button("Replay 2").click();
	await expect(page.getByTestId("letter-task")).toContainText("2 dead letters put back on the queue.");
	await expect(letters.getByTestId("replayed-since")).toHaveCount(2);
	await expect(third.getByTestId("replayed-since")).toHaveCount(0);
	// Only the third waits for somebody.
	await expect(dashboard.deadLettersLink).toHaveText("Dead letters 1");
	await delivering.waitForDeadLetters(app, 1);
	for (const [sender, times] of [
		["gives-up,1", 2],
		["gives-up,2", 2],
		["gives-up,3", 1],
	] as const) {
		expect(delivering.origin.countOf(bodies.get(sender) ?? ""), sender).toBe(times);
	}
	await page.unroute(/\/v1\/dead-letters\?app=[1-9]/);
	await dashboard.button("Refresh").click();
	await expect(letters).toHaveCount(1);
	await expect(letters).toContainText("gives-up,3");
});

test("a dead letter that is being replayed is told from those that wait", async ({ delivering, newDashboard }) => {
	const app = delivering.nextApp();
	// Its delivery is retried for longer than this test takes.
	await giveUp(delivering, app, ["is-answered-500,replayed", "gives-up,waits"]);
	const list = async () => (await callApi(delivering.worker.url, `dead-letters?app=${app}`)).dead_letters;
	const before = await list();
	const replayed = { ...before[0], replayed_at: Date.now() - 2 * HOUR };
	const dashboard = await newDashboard(delivering.worker);
	const { page } = dashboard;
	await page.route(/\/v1\/dead-letters\?app=[1-9]/, (route) => {
		return route.fulfill({ json: { dead_letters: [replayed, before[1]], cursor: null } });
	});
	await openLetters(dashboard, app, 2);
	await expect(dashboard.deadLettersLink).toHaveText("Dead letters 1");
	await expect(page.getByTestId("replayed-since")).toHaveText(/^Being replayed since .*\d\d:\d\d:\d\d$/);
	await page.getByTestId("select-all").check();
	// The other is passed over.
	await expect(dashboard.button("Replay 1")).toBeVisible();
	await expect(dashboard.button("Discard 2…")).toBeVisible();
	await expect(dashboard.button(`Replay again ${replayed.id}`)).toBeVisible();
});

test("what is done with many goes on after a failure, and what is left can be gone on with", async ({
	delivering,
	newDashboard,
}) => {
	const app = delivering.nextApp();
	await giveUp(delivering, app, ["gives-up,1", "gives-up,2", "gives-up,3", "gives-up,4"]);
	const dashboard = await newDashboard(delivering.worker);
	const { page } = dashboard;
	const letters = page.getByTestId("dead-letter");
	await openLetters(dashboard, app, 4);
	let calls = 0;
	await page.route(/\/v1\/dead-letters\/\d+\/[^/]+$/, async (route) => {
		// Those that are on the screen are read, too.
		if (route.request().method() !== "DELETE") return route.continue();
		calls += 1;
		// The second call fails once, the third letter is refused, and the fourth fails for good at first.
		const fail = (status: number, detail: string) =>
			route.fulfill({ status, headers: status === 503 ? { "retry-after": "8" } : {}, json: { detail } });
		if (calls === 2) return fail(503, "KV failed.");
		if (calls === 4) return fail(409, "The message cannot be read.");
		if (calls === 5) return fail(403, "Not this time.");
		return route.continue();
	});
	await page.getByTestId("select-all").check();
	await dashboard.button("Discard 4…").click();
	await page.getByTestId("discard").getByRole("button", { name: "Discard" }).click();
	const task = page.getByTestId("letter-task");
	await expect(task.getByRole("alert")).toHaveText(/^KV failed\. Trying again in \d s\.$/);
	await expect(task.getByRole("progressbar")).toBeVisible();
	await expect(task).toContainText("1 dead letter discarded, 3 left …");
	await expect(task.getByRole("alert")).toHaveText("Not this time.");
	await expect(task).toContainText("2 dead letters discarded, 1 left …");
	await expect(task.getByTestId("refused")).toHaveText("1 dead letter refused: The message cannot be read.");
	await expect(letters).toHaveCount(2);
	// What is left is still selected.
	await expect(letters.getByRole("checkbox", { checked: true })).toHaveCount(2);
	await task.getByRole("button", { name: "Go on" }).click();
	await expect(task).toContainText("3 dead letters discarded.");
	await expect(letters).toHaveCount(1);
	await delivering.waitForDeadLetters(app, 1);
});

test("a dead letter that is gone is not said to be replayed", async ({ delivering, newDashboard }) => {
	const app = delivering.nextApp();
	await giveUp(delivering, app, ["gives-up,gone", "gives-up,there"]);
	const dashboard = await newDashboard(delivering.worker);
	const { page } = dashboard;
	await openLetters(dashboard, app, 2);
	let calls = 0;
	await page.route(/\/v1\/dead-letters\/\d+\/[^/]+\/replay$/, (route) => {
		calls += 1;
		return calls === 1 ? route.fulfill({ status: 404, json: { detail: "There is nothing here." } }) : route.continue();
	});
	await page.getByTestId("select-all").check();
	await dashboard.button("Replay 2").click();
	const task = page.getByTestId("letter-task");
	await expect(task).toContainText("1 dead letter put back on the queue.");
	await expect(task.getByTestId("refused")).toHaveText("1 dead letter refused: It is gone, or its app was removed.");
});

test("all dead letters are replayed, page by page, whatever fails", async ({ delivering, newDashboard }) => {
	const app = delivering.nextApp();
	// More than one call replays on the free plan.
	const senders = Array.from({ length: 12 }, (_, number) => `gives-up,${number}`);
	await giveUp(delivering, app, senders);
	const dashboard = await newDashboard(delivering.worker);
	const { page } = dashboard;
	await openLetters(dashboard, app, 12);
	const cursors: (string | null)[] = [];
	await page.route(/\/v1\/dead-letters\/\d+\/replay/, async (route) => {
		cursors.push(new URL(route.request().url()).searchParams.get("cursor"));
		if (cursors.length !== 2) return route.continue();
		return route.fulfill({ status: 503, headers: { "retry-after": "600" }, json: { detail: "KV failed." } });
	});
	await dashboard.button("Replay all").click();
	const task = page.getByTestId("letter-task");
	await expect(task.getByRole("alert")).toHaveText(/^KV failed\. Trying again in \d+ min\.$/);
	await task.getByRole("button", { name: "Stop" }).click();
	await expect(task).toContainText("10 dead letters put back on the queue …");
	await task.getByRole("button", { name: "Go on" }).click();
	await expect(task).toContainText("12 dead letters put back on the queue.");
	expect(cursors).toEqual([null, expect.any(String), cursors[1]]);
	await delivering.waitForDeadLetters(app, 0);
});

test("more dead letters than a page has are loaded", async ({ delivering, newDashboard }) => {
	const app = delivering.nextApp();
	await giveUp(delivering, app, ["gives-up,one"]);
	const [letter] = (await callApi(delivering.worker.url, `dead-letters?app=${app}`)).dead_letters;
	const key = `dead/${app}/${letter.id}`;
	const value = (await delivering.worker.kv.values([key]))[key];
	const [{ metadata }] = await delivering.worker.kv.keys(key);
	// KV lists a hundred in a page.
	for (let number = 1; number <= 100; number += 1) {
		const id = letter.id.replace(/^\d{13}/, (at: string) => String(Number(at) + number));
		await delivering.worker.kv.put(`dead/${app}/${id}`, value, { metadata });
	}
	const dashboard = await newDashboard(delivering.worker);
	const { page } = dashboard;
	await openLetters(dashboard, app, 100);
	await expect(dashboard.deadLettersLink).toHaveText("Dead letters 100+");
	await page.getByTestId("more-dead-letters").click();
	await expect(page.getByTestId("dead-letter")).toHaveCount(101);
	await expect(dashboard.deadLettersLink).toHaveText("Dead letters 101");
	await expect(page.getByTestId("more-dead-letters")).toBeHidden();
	// They stay when the list is read again.
	await dashboard.button("Refresh").click();
	await dashboard.expectIdle();
	await expect(page.getByTestId("dead-letter")).toHaveCount(101);
});

test("deliveries that are overdue, or were answered FAIL, are told with the answer", async ({
	delivering,
	newDashboard,
}) => {
	const app = delivering.nextApp();
	const overdue = await delivering.deliver(app, "fails-1-times,overdue");
	await delivering.deliver(app, "says-fail");
	await delivering.waitForDeliveries(app, "delivered_fail", 1);
	await delivering.waitForDeliveries(app, "delivered", 1);
	const long = Date.now() - DAY;
	await delivering.worker.sql(
		`UPDATE deliveries SET state = 'retrying', next_attempt_at = ${long}, updated_at = ${long}
			WHERE app = ${app} AND state = 'delivered'`,
	);
	const dashboard = await newDashboard(delivering.worker);
	const { page } = dashboard;
	await dashboard.enter(`app=${app}`);
	await expect(page.getByTestId("alert-deliveries_answered_fail")).toContainText("1 delivery answered FAIL.");
	await expect(page.getByTestId("alert-deliveries_retrying")).toBeHidden();
	await expect(page.getByTestId("alert-deliveries_overdue")).toContainText("1 delivery overdue");
	await dashboard.openRecord(dashboard.row("says-fail"));
	await expect(page.getByTestId("record-delivery")).toContainText("Delivered, and answered FAIL");
	await expect(page.getByTestId("record-answer")).toHaveText(
		'{"ActionStatus":"FAIL","ErrorInfo":"no such \\u202euser"}',
	);
	await dashboard.button("Close").click();
	await page.getByTestId("alert-deliveries_overdue").getByRole("link").click();
	await expect(page.getByTestId("record-delivery")).toContainText("Replay the event to have it delivered");
	await dashboard.button("Replay").click();
	await delivering.origin.waitFor(overdue, 3);
});

test("nothing that changes is offered to a viewer", async ({ delivering, newDashboard }) => {
	const app = delivering.nextApp();
	await giveUp(delivering, app, ["gives-up,seen"]);
	const dashboard = await newDashboard(delivering.worker);
	const { page } = dashboard;
	await dashboard.open(`app=${app}`);
	await dashboard.signIn(VIEWER_TOKEN);
	await dashboard.expectEvents();
	await dashboard.openRecord(dashboard.row("gives-up,seen"));
	await expect(dashboard.button("Copy JSON")).toBeVisible();
	const changes = page.getByRole("button", { name: /Replay|Delete|Discard|Erase/ });
	await expect(changes).toHaveCount(0);
	await dashboard.button("Close").click();
	await dashboard.deadLettersLink.click();
	await expect(page.getByTestId("letter-users")).toContainText("bob");
	await expect(changes).toHaveCount(0);
	await expect(page.getByRole("checkbox")).toHaveCount(0);
	await page.getByTestId("letter-users").getByRole("link", { name: "bob" }).click();
	await dashboard.expectUser();
	await expect(dashboard.button("Copy")).toBeVisible();
	await expect(changes).toHaveCount(0);
});
