// What is served beside the webhook, and who may sign in.

import { readdirSync } from "node:fs";
import { ADMIN_TOKEN, APP, send, UNFOLLOW, unfollow, unsigned } from "./calls.ts";
import type { Dashboard } from "./dashboard.ts";
import { expect, Shared, test } from "./fixtures.ts";

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
