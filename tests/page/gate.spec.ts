// The page behind Cloudflare Access.

import { ADMIN_TOKEN, UNFOLLOW, unfollow, unsigned } from "./calls.ts";
import { Dashboard } from "./dashboard.ts";
import { expect, test } from "./fixtures.ts";
import { Gate } from "./gate.ts";

const SIGN_IN = "What protects this page, such as Cloudflare Access, wants you to sign in again: reload the page.";

const gated = test.extend<{ gate: Gate }>({
	gate: async ({ shared }, use) => {
		const gate = await Gate.start(shared.worker.url);
		await use(gate);
		await gate.stop();
	},
});

gated("the page and its calls carry the cookie of the sign-in before it", async ({ gate, page, shared, app }) => {
	await shared.sendUnfollow(app, "alice", ["bob"]);
	const dashboard = new Dashboard(page, gate.url);
	await dashboard.enter(`app=${app}`);
	await expect(dashboard.actors).toHaveText(["alice"]);
	expect(gate.logins).toBe(1);
	// The webhook is open.
	const webhook = `${gate.url}/a-long-random-path?${unsigned(app, UNFOLLOW)}`;
	const answer = await fetch(webhook, { method: "POST", body: unfollow("carol", ["bob"], Date.now()) });
	expect(await answer.json()).toEqual({ ActionStatus: "OK", ErrorCode: 0, ErrorInfo: "" });
	await expect(dashboard.actors).toHaveText(["carol", "alice"]);
});

for (const answer of ["redirect", 401, 403] as const) {
	gated(`a sign-in that has ended is told in one sentence: ${answer}`, async ({ gate, page, shared, app }) => {
		await shared.sendUnfollow(app, "alice", ["bob"]);
		const dashboard = new Dashboard(page, gate.url);
		await dashboard.enter(`app=${app}`);
		await expect(dashboard.actors).toHaveText(["alice"]);

		gate.answer = answer;
		gate.expire();
		await expect(dashboard.banner).toContainText(SIGN_IN);
		// What was read stays, and so does the token.
		await expect(dashboard.actors).toHaveText(["alice"]);
		expect((await dashboard.storage()).session).toMatchObject({ token: ADMIN_TOKEN });

		gate.answer = "redirect";
		await page.reload();
		await expect(dashboard.actors).toHaveText(["alice"]);
		expect(gate.logins).toBe(2);
	});
}

gated("who signs in to the page meanwhile is told, too", async ({ gate, page }) => {
	const dashboard = new Dashboard(page, gate.url);
	await dashboard.open();
	gate.expire();
	await dashboard.signIn(ADMIN_TOKEN);
	await expect(dashboard.rejection).toContainText(SIGN_IN);
});
