// What is served beside the webhook, and who may sign in.

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	ADMIN_TOKEN,
	APP,
	callApi,
	HOUR,
	MINUTE,
	SECOND,
	send,
	UNFOLLOW,
	unfollow,
	unsigned,
	VIEWER_TOKEN,
} from "./calls.ts";
import type { Dashboard } from "./dashboard.ts";
import { expect, Shared, test } from "./fixtures.ts";
import { Origin } from "./origin.ts";

const NOTHING = { session: {}, local: {}, cookie: "" };

/** Has the Worker get another token than the one that the tab has. */
async function invalidateToken({ page }: Dashboard): Promise<void> {
	await page.route("**/v1/**", async (route) => {
		const headers = { ...route.request().headers(), authorization: "Bearer no longer the token" };
		await route.continue({ headers });
	});
}

test("the page is served beside the webhook and not instead of it", async ({ shared, start }) => {
	const { url } = shared.worker;
	const page = await fetch(`${url}/dashboard`);
	expect(page.status).toBe(200);
	expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
	const policy = page.headers.get("content-security-policy") ?? "";
	expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';/);
	expect(policy).not.toContain("unsafe");
	for (const part of [
		"frame-ancestors 'none'",
		"base-uri 'none'",
		"form-action 'none'",
		"require-trusted-types-for 'script'",
	]) {
		expect(policy).toContain(part);
	}
	for (const [name, value] of [
		["x-frame-options", "DENY"],
		["x-content-type-options", "nosniff"],
		["referrer-policy", "no-referrer"],
		["cache-control", "no-cache"],
		["strict-transport-security", "max-age=31536000"],
	]) {
		expect(page.headers.get(name), name).toBe(value);
	}
	for (const [path, contentType] of [
		["/dashboard/dashboard.js", "text/javascript; charset=utf-8"],
		["/dashboard/dashboard.css", "text/css; charset=utf-8"],
		["/dashboard/icon.svg", "image/svg+xml"],
		["/openapi.json", "application/json"],
	]) {
		const response = await fetch(`${url}${path}`);
		expect(response.status, path).toBe(200);
		expect(response.headers.get("content-type"), path).toBe(contentType);
		expect(response.headers.get("x-content-type-options"), path).toBe("nosniff");
	}
	const description = await (await fetch(`${url}/openapi.json`)).json();
	expect(description.openapi).toMatch(/^3\./);

	// There must be no other file: an index.html would be served at `/`.
	const files = readdirSync(`${import.meta.dirname}/../../build/assets`).sort();
	expect(files).toEqual(["_headers", "dashboard", "dashboard.html", "openapi.json"]);

	// Tencent's own request, at the root and at a path of one's own.
	const root = await start();
	for (const [worker, webhook] of [
		[root, `${root.url}/`],
		[shared.worker, `${url}${Shared.PATH}`],
	] as const) {
		const from = `beside-${webhook}`;
		await send(webhook, unsigned(APP, UNFOLLOW), unfollow(from, ["bob"], Date.now()));
		const stored = await worker.kv.keys();
		expect(stored.map(({ metadata }) => metadata.from_account)).toContain(from);
	}
	// All other paths are the Worker's, whatever they look like.
	for (const path of ["/", "/index.html", "/dashboard.html", "/_headers", "/v1/apps", "/dashboards"]) {
		const response = await fetch(`${url}${path}`, { redirect: "manual" });
		expect(response.status, path).not.toBe(200);
		expect(await response.json(), path).toBeInstanceOf(Object);
	}
});

test("a wrong token is rejected and not stored", async ({ dashboard }) => {
	await dashboard.open();
	await dashboard.signIn("this is not the token");
	await expect(dashboard.rejection).toContainText("The token was rejected.");
	expect(await dashboard.storage()).toEqual(NOTHING);
});

test("signing out deletes the token", async ({ signedIn, app }) => {
	const dashboard = await signedIn(app);
	const { session, ...others } = await dashboard.storage();
	expect(session).toEqual({ token: ADMIN_TOKEN, "used-at": expect.stringMatching(/^\d{13}$/) });
	expect(others).toEqual({ local: {}, cookie: "" });
	// It survives a reload, but not signing out.
	await dashboard.page.reload();
	await dashboard.expectEvents();
	await dashboard.button("Sign out").click();
	await expect(dashboard.token).toBeFocused();
	expect(await dashboard.storage()).toEqual(NOTHING);
	await expect(dashboard.token).toHaveValue("");
	await dashboard.page.reload();
	await expect(dashboard.token).toBeFocused();
	// No URL contained it.
	expect(dashboard.page.url()).not.toContain(ADMIN_TOKEN);
	expect(dashboard.requests.filter((url) => url.includes(ADMIN_TOKEN))).toEqual([]);
});

test("a token that is rejected later leads back to the sign-in", async ({ signedIn, app }) => {
	const dashboard = await signedIn(app);
	await invalidateToken(dashboard);
	await dashboard.page.reload();
	await expect(dashboard.rejection).toContainText("The token was rejected.");
	expect(await dashboard.storage()).toEqual(NOTHING);
});

test("a Worker without an API says what to do", async ({ start, newDashboard }) => {
	const withoutToken = await newDashboard(await start({ ADMIN_TOKEN: undefined }));
	await withoutToken.open();
	await withoutToken.signIn();
	await expect(withoutToken.rejection).toContainText("set its secret ADMIN_TOKEN");

	// One that is set, but too short, is another thing.
	const tooShort = await newDashboard(await start({ ADMIN_TOKEN: "short" }));
	await tooShort.open();
	await tooShort.signIn("short");
	await expect(tooShort.rejection).toContainText("its secret ADMIN_TOKEN is invalid: it must");

	// So is a setting without which the API answers nothing.
	const noApps = await newDashboard(await start({ SDK_APP_IDS: "none", ALLOW_UNSIGNED: undefined }));
	await noApps.open();
	await noApps.signIn();
	await expect(noApps.rejection).toContainText("SDK_APP_IDS must");
});

test("a wrong token is followed by a pause that grows", async ({ dashboard }) => {
	const { page } = dashboard;
	const isCall = (url: string) => url.endsWith("/v1/apps");
	await page.clock.install();
	await dashboard.open();
	// It stands still but where the test has it go on.
	await page.clock.pauseAt(Date.now() + MINUTE);
	const signIn = dashboard.button("Sign in");
	for (const [number, seconds] of [1, 2, 4, 8, 16, 32, 60, 60].entries()) {
		await dashboard.signIn("this is not the token");
		await expect(dashboard.rejection).toContainText("The token was rejected.");
		await expect(page.getByTestId("pause")).toHaveText(`The next try is possible in ${seconds} s.`);
		await expect(signIn).toBeDisabled();
		// Enter does nothing either.
		await dashboard.token.press("Enter");
		await page.clock.runFor((seconds - 1) * SECOND);
		await expect(signIn).toBeDisabled();
		expect(dashboard.requests.filter(isCall)).toHaveLength(number + 1);
		await page.clock.runFor(1.5 * SECOND);
		await expect(signIn).toBeEnabled();
		await expect(page.getByTestId("pause")).toHaveText("");
	}
	// The right one ends it.
	await dashboard.signIn();
	await page.clock.runFor(SECOND);
	await dashboard.expectEvents();
	await dashboard.button("Sign out").click();
	await dashboard.signIn("this is not the token");
	await expect(page.getByTestId("pause")).toContainText("in 1 s");
});

test.describe("a token that was not used for 12 hours is forgotten", () => {
	const sentence = "not used for 12 hours";

	test("in a tab that is open", async ({ page, signedIn, app }) => {
		await page.clock.install();
		const dashboard = await signedIn(app);
		await page.clock.fastForward(11 * HOUR);
		// What polls is not the operator.
		await dashboard.nextPoll();
		await expect(dashboard.events).toBeVisible();
		await page.keyboard.press("Shift");
		await page.clock.fastForward(11 * HOUR);
		await dashboard.nextPoll();
		await expect(dashboard.events).toBeVisible();
		await page.clock.fastForward(HOUR + MINUTE);
		await expect(dashboard.rejection).toContainText(sentence);
		await expect(dashboard.events).toBeHidden();
		expect(await dashboard.storage()).toEqual(NOTHING);
	});

	test("in a tab whose computer has slept", async ({ page, dashboard, app }) => {
		await page.clock.install();
		await dashboard.setServerTime(Date.now());
		await dashboard.enter(`app=${app}`);
		// Only the server's clock has gone on.
		await dashboard.setServerTime(Date.now() + 13 * HOUR);
		await dashboard.nextPoll();
		await dashboard.expectIdle();
		await page.clock.fastForward(2 * MINUTE);
		await expect(dashboard.rejection).toContainText(sentence);
		expect(await dashboard.storage()).toEqual(NOTHING);
	});

	test("in a tab that a browser restores", async ({ page, signedIn, app }) => {
		await page.clock.install();
		const dashboard = await signedIn(app);
		const usedBefore = async (ms: number) => {
			await page.evaluate((at) => sessionStorage.setItem("used-at", String(at)), Date.now() - ms);
			const before = dashboard.requests.length;
			await page.reload();
			return () => dashboard.requests.slice(before).filter((url) => url.includes("/v1/"));
		};
		await usedBefore(11 * HOUR);
		await dashboard.expectEvents();
		const calls = await usedBefore(12 * HOUR);
		await expect(dashboard.rejection).toContainText(sentence);
		expect(await dashboard.storage()).toEqual(NOTHING);
		// It was not sent any more.
		expect(calls()).toEqual([]);
	});

	test("as the sign-in says, which promises nothing of a tab that is closed", async ({ dashboard }) => {
		await dashboard.open();
		const hint = dashboard.page.getByText("This tab stores it");
		await expect(hint).toContainText("until you sign out, or have not used the page for 12 hours");
		await expect(hint).toContainText("browsers restore tabs");
		for (const name of ["ADMIN_TOKEN", "VIEWER_TOKEN"]) await expect(hint).toContainText(name);
	});
});

test("with a viewer's token nothing that changes is offered", async ({ newDashboard, delivering }) => {
	const app = delivering.nextApp();
	await delivering.deliver(app, "gives-up");
	await delivering.waitForDeadLetters(app, 1);
	/** The names of all buttons on the way through the views. */
	const buttons = async (token: string) => {
		const dashboard = await newDashboard(delivering.worker);
		const { page, record } = dashboard;
		const found = new Set<string>();
		const look = async () => {
			for (const text of await page.getByRole("button").allTextContents()) found.add(text);
		};
		await dashboard.open(`app=${app}`);
		await dashboard.signIn(token);
		await dashboard.expectActors(["gives-up"]);
		await expect(page.getByTestId("role")).toHaveCount(token === VIEWER_TOKEN ? 1 : 0);
		await dashboard.openRecord(dashboard.rows.first());
		await look();
		await record.getByRole("link", { name: "gives-up" }).click();
		await dashboard.expectUser();
		await look();
		await dashboard.deadLettersLink.click();
		await expect(page.getByTestId("dead-letter")).toHaveCount(1);
		await look();
		if (token === VIEWER_TOKEN) await dashboard.picture("viewer-dead-letters.png");
		dashboard.expectWellBehaved();
		return found;
	};
	const changes = ["Replay", "Delete…", "Erase…", "Replay all", "Discard…"];
	expect([...(await buttons(ADMIN_TOKEN))]).toEqual(expect.arrayContaining([...changes, "Record", "Export…"]));
	const offered = await buttons(VIEWER_TOKEN);
	expect([...offered].filter((name) => /replay|delete|erase|discard/i.test(name))).toEqual([]);
	// What reads is offered as before.
	expect([...offered]).toEqual(expect.arrayContaining(["Copy JSON", "Copy", "Export…", "Record", "Sign out"]));
});

test("an app that was removed is looked at, erased and discarded", async ({ start, newDashboard }) => {
	const [removed, folder] = ["1400000001", mkdtempSync(join(tmpdir(), "unfollow-state-"))];
	const origin = await Origin.start();
	const settings = {
		SINKS: "kv,d1,origin",
		ORIGIN_URL: origin.url,
		ORIGIN_SECRET: "whsec_dHdlbnR5LWZvdXIgYnl0ZXMgb2Yga2V5",
		DELIVERY_HOURS: "1",
	};
	const state = join(folder, "state");
	try {
		const before = await start({ ...settings, SDK_APP_IDS: `${APP},${removed}` }, { state });
		for (const from of ["gives-up", "alice"]) {
			await send(`${before.url}/`, unsigned(removed, UNFOLLOW), unfollow(from, ["bob"], Date.now()));
		}
		const letters = async () => (await callApi(before.url, `dead-letters?app=${removed}`)).dead_letters.length;
		await expect.poll(letters).toBe(1);
		await before.stop();

		const worker = await start(settings, { state });
		const dashboard = await newDashboard(worker);
		const { page } = dashboard;
		await dashboard.enter();
		expect(await dashboard.app.locator("option").allTextContents()).toEqual([APP, `${removed} (removed)`]);
		await dashboard.app.selectOption(removed);
		await dashboard.expectActors(["alice", "gives-up"]);
		await dashboard.openRecord(dashboard.rows.first());
		await expect(dashboard.button("Delete…")).toBeVisible();
		// The API replays nothing of it.
		await expect(dashboard.button("Replay")).toHaveCount(0);
		await dashboard.button("Close").click();

		await dashboard.deadLettersLink.click();
		const letter = page.getByTestId("dead-letter");
		await expect(letter).toHaveCount(1);
		await expect(page.getByRole("button", { name: /^Replay/ })).toHaveCount(0);
		await letter.getByRole("button", { name: /^Discard/ }).click();
		await page.getByTestId("discard").getByRole("button", { name: "Discard" }).click();
		await expect(letter).toHaveCount(0);

		await dashboard.visit(`app=${removed}&user=alice`);
		await dashboard.button("Erase…").click();
		const dialog = page.getByTestId("erase");
		await dialog.getByRole("button", { name: "Erase" }).click();
		await expect(dialog.getByTestId("search-needed")).toContainText("1 record erased.");
		await dialog.getByRole("button", { name: "Search KV" }).click();
		await expect(dashboard.announcement).toContainText("1 record erased;");
		await dashboard.expectActors(["gives-up"]);
	} finally {
		await origin.stop();
		rmSync(folder, { recursive: true, force: true });
	}
});
