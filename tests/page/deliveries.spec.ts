// Deliveries to the app's backend: those that are being retried or were given up, in the record and as dead letters.

import { expect, test } from "./fixtures.ts";

test("deliveries that are retried or given up are told and shown with the record", async ({
	delivering,
	newDashboard,
}) => {
	const app = delivering.nextApp();
	await delivering.deliver(app, "fails-40-times");
	await delivering.deliver(app, "gives-up,told");
	const fine = await delivering.deliver(app, "fine");
	for (const state of ["retrying", "dead", "delivered"]) await delivering.waitForDeliveries(app, state, 1);
	const dashboard = await newDashboard(delivering.worker);
	const { page, recordJson } = dashboard;
	await dashboard.enter(`app=${app}`);
	for (const [testid, text] of [
		["alert-retrying", "1 delivery being retried: your backend answered 500."],
		["alert-retrying", "Next attempt"],
		["alert-dead", "1 delivery given up: your backend answered 500."],
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
	await expectDelivery("fails-40-times", "next attempt");
	await dashboard.button("Close").click();
	await expectDelivery("gives-up,told", "Given up");
	await dashboard.button("Close").click();
	await page.getByTestId("alert-dead").getByRole("link").click();
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
