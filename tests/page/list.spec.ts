// The list of events: what a row shows, the filters, the record, and the keyboard.

import { DAY, inParallel, UNFOLLOW, unfollow } from "./calls.ts";
import { expectTexts } from "./dashboard.ts";
import { expect, test } from "./fixtures.ts";

test("events are filtered by app, kind and user", async ({ signedIn, shared, app, otherApp }) => {
	const now = Date.now();
	await shared.sendUnfollow(app, "alice", ["bob"], now - 3000);
	await shared.sendFollow(app, "bob", ["alice", "carol"], now - 2000);
	await shared.sendUnfollow(app, "carol", ["dave"], now - 1000);
	await shared.sendUnfollow(otherApp, "zoe", ["yves"], now);

	const dashboard = await signedIn(app);
	await dashboard.expectActors(["carol", "bob", "alice"]);
	await dashboard.choose("Kind", "Follows");
	await dashboard.expectActors(["bob"]);
	await dashboard.choose("Kind", "Unfollows");
	await dashboard.expectActors(["carol", "alice"]);
	await dashboard.choose("Kind", "All");
	await dashboard.expectActors(["carol", "bob", "alice"]);
	await dashboard.user.fill("alice");
	await dashboard.user.press("Enter");
	await dashboard.expectActors(["bob", "alice"]);
	await dashboard.app.selectOption(otherApp);
	await dashboard.expectActors(["zoe"]);
	// There is no way to dead letters where there are none, whatever else is shown.
	await dashboard.openRecord(dashboard.rows.first());
	await expect(dashboard.deadLettersLink).toBeHidden();
	dashboard.expectWellBehaved();
});

test("a search that finds nothing says that case counts", async ({ page, signedIn, shared, app }) => {
	await shared.sendUnfollow(app, "alice", ["bob"]);
	await page.clock.install();
	const dashboard = await signedIn(app);
	await dashboard.user.fill("ALICE");
	// Its row shows that the page has polled again, and has not searched while the user was typing.
	await shared.sendUnfollow(app, "newcomer", ["bob"]);
	await dashboard.nextPoll();
	await dashboard.expectActors(["newcomer", "alice"]);
	await dashboard.user.press("Enter");
	await expect(page.getByTestId("nothing-found")).toContainText("case counts");
	await expect(page.getByTestId("nothing-found")).toBeVisible();
	await expect(page.getByTestId("no-user")).toContainText("case counts");
	await expect(page.getByTestId("no-user")).toBeVisible();
	await dashboard.button("Show all events").click();
	await dashboard.expectActors(["newcomer", "alice"]);
	// The next operator to sign in begins without a filter.
	await dashboard.search("alice");
	await dashboard.expectActors(["alice"]);
	await dashboard.button("Sign out").click();
	await dashboard.signIn();
	await dashboard.expectEvents();
	expect(dashboard.parameter("user")).toBeNull();
	await dashboard.app.selectOption(app);
	await dashboard.expectActors(["newcomer", "alice"]);
});

test("events are grouped by day under a title that sticks", async ({ signedIn, shared, app }) => {
	// Noon, so that no event is on the neighbouring day.
	const noon = Math.floor(Date.now() / DAY) * DAY - DAY / 2;
	await inParallel(40, (number) => shared.sendUnfollow(app, `yesterday-${number}`, ["bob"], noon + number));
	await shared.sendUnfollow(app, "older", ["bob", "carol", "dave", "erin", "frank"], noon - DAY);
	const dashboard = await signedIn(app);
	const { days, rows, page } = dashboard;
	const titles = days.getByRole("heading");
	await expect(titles.first()).toHaveText("Yesterday");
	await expect(days.nth(0).getByTestId("event-row")).toHaveCount(40);
	await expect(days.nth(1).getByTestId("event-row")).toHaveCount(1);
	// A title says which day the rows below it are of, however far the list is scrolled.
	await rows.nth(20).evaluate((row) => row.scrollIntoView({ block: "center" }));
	await expect
		.poll(async () => {
			const [title, header] = await Promise.all([titles.first().boundingBox(), page.getByRole("banner").boundingBox()]);
			return Math.abs((title?.y ?? Number.NaN) - (header?.height ?? Number.NaN));
		})
		.toBeLessThanOrEqual(1);
	// All targets of a row that has many are in its record.
	const last = rows.last();
	await expect(last.getByTestId("target")).toHaveCount(3);
	await expect(last.getByText("+2 more", { exact: true })).toBeVisible();
	await dashboard.openRecord(last);
	await expect(page.getByTestId("record-targets")).toContainText("frank");
});

test("a UserID is never markup and turns nothing around", async ({ signedIn, shared, app }) => {
	const hostile = ["<img src=x onerror=hacked=1>", "<script>hacked=1</script>", '"><b>&lt;x\u{202e}evil'];
	await shared.sendUnfollow(app, hostile[0], hostile.slice(1));
	const dashboard = await signedIn(app);
	const { page, targets, recordJson } = dashboard;
	await dashboard.expectActors([hostile[0]]);
	await expectTexts(targets, hostile.slice(1));
	// The mark that is shown for what cannot be seen.
	await expect(targets.nth(1)).toHaveAccessibleName(/xU\+202E\s*\u{202e}evil$/u);
	// The letters behind it still go from left to right.
	const [first, last] = await targets.nth(1).evaluate((target) => {
		const texts = document.createTreeWalker(target, NodeFilter.SHOW_TEXT);
		while (texts.nextNode()) {
			const text = texts.currentNode as Text;
			const begin = text.data.indexOf("evil");
			if (begin < 0) continue;
			return [begin, begin + 3].map((at) => {
				const letter = document.createRange();
				letter.setStart(text, at);
				letter.setEnd(text, at + 1);
				return letter.getBoundingClientRect().left;
			});
		}
		return [];
	});
	expect(first).toBeLessThan(last);
	await dashboard.openRecord(dashboard.rows.first());
	await expect(recordJson).toContainText(hostile[0]);
	const json = await recordJson.textContent();
	expect(json).toContain("x\\u202eevil");
	expect(json).not.toContain("\u{202e}");
	await expect(page.getByTestId("record-targets")).toContainText(hostile[1]);
	await page.keyboard.press("Escape");
	await dashboard.search(hostile[0]);
	await expect.poll(() => dashboard.parameter("user")).toBe(hostile[0]);
	await dashboard.expectActors([hostile[0]]);
	// No element has come from an id: neither those that it names, nor one around the text behind a tag.
	const made = await page.evaluate(() => {
		const all = [...document.querySelectorAll("*")];
		const isMade = (element: Element) =>
			element.getAttribute("src") === "x" ||
			element.hasAttribute("onerror") ||
			element.textContent === "hacked=1" ||
			element.textContent === "<x\u{202e}evil";
		return all.filter(isMade).map((element) => element.outerHTML);
	});
	expect(made).toEqual([]);
	expect(await page.evaluate("typeof hacked")).toBe("undefined");
	dashboard.expectWellBehaved();
});

test("all can be done by keyboard", async ({ signedIn, shared, app }) => {
	const now = Date.now();
	await shared.sendUnfollow(app, "first", ["bob"], now - 1000);
	await shared.sendUnfollow(app, "second", ["bob"], now);
	const dashboard = await signedIn(app);
	const { page, record, user } = dashboard;
	await dashboard.expectChart();
	await dashboard.expectTop();
	const group = (name: string) => page.getByRole("group", { name, exact: true }).getByRole("radio");
	const unseen = new Map([
		["range", group("Range")],
		["search", user],
		["ranking", group("Ranked by")],
		["user", page.getByTestId("top-row").getByRole("link", { name: "bob" })],
		["kind", group("Kind")],
		["export", dashboard.button("Export…")],
	]);
	const focusedRow = dashboard.rows.filter({ has: page.locator(":focus") });
	let presses = 0;
	while ((await focusedRow.count()) === 0) {
		await page.keyboard.press("Tab");
		presses += 1;
		for (const [name, control] of unseen) {
			if (await control.evaluateAll((elements) => elements.some((it) => it === document.activeElement))) {
				unseen.delete(name);
			}
		}
		expect(presses, "presses of Tab").toBeLessThan(40);
	}
	expect([...unseen.keys()], "not reached with Tab").toEqual([]);
	// It can be seen where the focus is.
	const outlines = await focusedRow.evaluate((row) =>
		[row, ...row.querySelectorAll("*")].map((element) => getComputedStyle(element).outlineStyle),
	);
	expect(outlines).toContain("solid");
	await page.keyboard.press("ArrowDown");
	const focusedActor = focusedRow.getByTestId("actor");
	await expect(focusedActor).toHaveText("first");
	await page.keyboard.press("Enter");
	await expect(dashboard.recordJson).toContainText('"from_account": "first"');
	expect(await record.evaluate((dialog) => dialog.matches(":modal"))).toBe(true);
	expect(await record.evaluate((dialog) => dialog.contains(document.activeElement))).toBe(true);
	await page.keyboard.press("Escape");
	await expect(record).toBeHidden();
	await expect(focusedActor).toHaveText("first");

	// The search has a key of its own, wherever the focus is but in a field.
	await page.keyboard.press("/");
	await expect(user).toBeFocused();
	await page.keyboard.press("/");
	await expect(user).toHaveValue("/");
	for (const control of [
		dashboard.radio("Kind", "Follows"),
		dashboard.radio("Range", "7 d"),
		dashboard.button("Refresh"),
	]) {
		await control.click();
		await expect(user).not.toBeFocused();
		await page.keyboard.press("/");
		await expect(user).toBeFocused();
	}
	dashboard.expectWellBehaved();
});

test("a record is shown in full and can be deleted", async ({ signedIn, shared, app }) => {
	const users = Array.from({ length: 20 }, (_, number) => `a-user-with-a-long-name-${String(number).padStart(8, "0")}`);
	const body = unfollow("erased", users, Date.now()).replace("}", ',"Large":12345678901234567890123}');
	await shared.send(app, UNFOLLOW, body);
	const dashboard = await signedIn(app);
	const { page, rows, record, recordJson } = dashboard;
	const unfollows = dashboard.figure("tile-unfollows");
	await expect(unfollows).toHaveText("20");
	await dashboard.openRecord(rows.first());
	await expect(recordJson).toContainText(users[19]);
	// More digits than JavaScript's numbers have.
	await expect(recordJson).toContainText('"Large": 12345678901234567890123');
	await expect(page.getByTestId("record-targets")).toContainText(users[19]);
	// There is no origin that it could be replayed to.
	await expect(dashboard.button("Replay")).toBeHidden();
	await dashboard.button("Delete…").click();
	await dashboard.button("Keep it").click();
	await dashboard.button("Delete…").click();
	await expect(rows).toHaveCount(1);
	await expect(unfollows).toHaveText("20");
	await dashboard.button("Delete").click();
	await expect(rows).toHaveCount(0);
	await expect(unfollows).toHaveText("0");
	await expect(record).toBeHidden();
	const stored = await shared.worker.kv.keys(`event/${app}/`);
	expect(stored.filter(({ metadata }) => metadata.from_account === "erased")).toEqual([]);
});
