// The URL holds what is shown: reload, back, bookmarks and shared links work. The token is no part of it.

import { ADMIN_TOKEN, APP, HOUR } from "./calls.ts";
import type { Dashboard } from "./dashboard.ts";
import { expect, test } from "./fixtures.ts";

test("reload, back and a shared link show the same", async ({ dashboard, newDashboard, shared, app, otherApp }) => {
	const now = Date.now();
	await shared.sendUnfollow(app, "alice", ["bob"], now - 2000);
	await shared.sendFollow(app, "carol", ["bob"], now - 1000);
	await shared.sendUnfollow(otherApp, "zoe", ["yves"], now);
	await dashboard.enter();
	await dashboard.app.selectOption(app);
	await dashboard.expectActors(["carol", "alice"]);
	await dashboard.choose("Range", "7 d");
	await dashboard.choose("Kind", "Unfollows");
	await dashboard.expectActors(["alice"]);
	await dashboard.targets.click();
	await expect(dashboard.userView.getByTestId("user-id")).toHaveText("bob");
	await dashboard.choose("Role", "Target");
	await dashboard.openRecord(dashboard.rows.first());
	await expect(dashboard.recordJson).toContainText("alice");
	const { search } = new URL(dashboard.page.url());
	for (const part of [`app=${app}`, "range=7d", "kind=unfollow", "user=bob", "role=target", "event="]) {
		expect(search).toContain(part);
	}
	expect(search).not.toContain(ADMIN_TOKEN);

	const expectTheSame = async (it: Dashboard) => {
		await expect(it.recordJson).toContainText("alice");
		await expect(it.userView.getByTestId("user-id")).toHaveText("bob");
		await expect(it.radio("Range", "7 d")).toBeChecked();
		await expect(it.radio("Role", "Target")).toBeChecked();
		await expect(it.radio("Kind", "Unfollows")).toBeChecked();
		await expect(it.app).toHaveValue(app);
	};
	// What was not chosen is as it is at first.
	const expectDefaults = async (it: Dashboard) => {
		await expect(it.radio("Ranked by", "Lost")).toBeChecked();
		await it.button("Export…").click();
		await expect(it.radio("Times", "All that are stored")).toBeChecked();
		await it.button("Cancel").click();
	};
	await dashboard.page.reload();
	await expectTheSame(dashboard);
	// Back, step by step.
	await dashboard.page.goBack();
	await expect(dashboard.record).toBeHidden();
	await dashboard.page.goBack();
	await expect(dashboard.radio("Role", "Either")).toBeChecked();
	await dashboard.page.goBack();
	await expect(dashboard.userView).toBeHidden();
	await expect(dashboard.top).toBeVisible();
	await dashboard.expectActors(["alice"]);
	await expectDefaults(dashboard);
	await dashboard.page.goBack();
	await dashboard.expectActors(["carol", "alice"]);

	// A link in the browser of somebody else, who signs in first.
	const other = await newDashboard(shared.worker);
	await other.open(search.slice(1));
	await other.signIn();
	await expectTheSame(other);
	// A token that has become invalid leads to the sign-in, and from there back.
	const isCall = /\/v1\//;
	await other.page.route(isCall, async (route) => {
		const headers = { ...route.request().headers(), authorization: "Bearer no longer the token" };
		await route.continue({ headers });
	});
	await other.page.reload();
	await expect(other.rejection).toContainText("The token was rejected.");
	await other.page.unroute(isCall);
	await other.signIn();
	await expectTheSame(other);
	await other.button("Close").click();
	await other.page.getByRole("link", { name: "All users" }).click();
	await expectDefaults(other);
});

test("what a URL cannot mean is left out", async ({ dashboard, shared, app }) => {
	await shared.sendUnfollow(app, "alice", ["bob"]);
	await dashboard.enter(`app=${app}&range=1y&kind=like&role=actor&since=9&until=3&by=age&view=x`);
	await dashboard.expectActors(["alice"]);
	await expect(dashboard.radio("Range", "24 h")).toBeChecked();
	// An app that is not there is another one's.
	await dashboard.visit("app=1");
	await expect.poll(() => dashboard.parameter("app")).toBe(APP);
});

test("a list that is narrowed has its times in the URL", async ({ dashboard, shared, app }) => {
	const now = Date.now();
	await shared.sendUnfollow(app, "now", ["bob"], now);
	await shared.sendUnfollow(app, "earlier", ["bob"], now - 3 * HOUR);
	const hour = Math.floor((now - 3 * HOUR) / HOUR) * HOUR;
	await dashboard.enter(`app=${app}&since=${hour}&until=${hour + HOUR - 1}`);
	await dashboard.expectActors(["earlier"]);
	await expect(dashboard.page.getByTestId("narrowed")).toContainText("–");
	await expect(dashboard.page.getByTestId("narrowed")).toBeVisible();
	await dashboard.button("Show all times").click();
	await dashboard.expectActors(["now", "earlier"]);
	expect(new URL(dashboard.page.url()).search).toBe(`?app=${app}`);
});
