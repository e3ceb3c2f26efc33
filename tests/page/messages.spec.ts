// A test message about alerts, and what each service answered.

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { ADMIN_TOKEN, VIEWER_TOKEN } from "./calls.ts";
import { expect, test } from "./fixtures.ts";

test("a test message says what each service answered", async ({ newDashboard, start }) => {
	const refusal = '{"errcode":310000,"errmsg":"sign not match"}';
	const server = createServer((request, response) => {
		request.resume();
		response.writeHead(200).end(request.url?.startsWith("/wecom") ? '{"errcode":0,"errmsg":"ok"}' : refusal);
	});
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	const urls = `wecom+${at}/wecom?key=hidden-key dingtalk+${at}/send?access_token=hidden-token`;
	const dashboard = await newDashboard(await start({ ALERT_URLS: urls, VIEWER_TOKEN }));
	await dashboard.open();
	await dashboard.signIn();
	const { page } = dashboard;
	await page.getByTestId("test-messages").click();
	const outcome = page.getByTestId("test-messages-outcome");
	await expect(outcome).toContainText("1 wecom: taken");
	await expect(outcome).toContainText("2 dingtalk: refused (200 310000 sign not match)");
	expect(await page.content()).not.toContain("hidden-");
	server.closeAllConnections();
	server.close();
});

test("it is said where there is nobody to tell, and not offered to a viewer", async ({ newDashboard, start }) => {
	const worker = await start({ VIEWER_TOKEN });
	for (const token of [ADMIN_TOKEN, VIEWER_TOKEN]) {
		const dashboard = await newDashboard(worker);
		await dashboard.open();
		await dashboard.signIn(token);
		const button = dashboard.page.getByTestId("test-messages");
		await expect(dashboard.page.getByTestId("version")).toBeVisible();
		await expect(button).toHaveCount(token === ADMIN_TOKEN ? 1 : 0);
		if (token === VIEWER_TOKEN) continue;
		await button.click();
		await expect(dashboard.page.getByTestId("test-messages-outcome")).toContainText("ALERT_URLS");
	}
});
