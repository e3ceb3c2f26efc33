// The browsers in which the page works, and what is said in others. All other tests are of a browser of 2023, too.

import { readFileSync } from "node:fs";
import { expect, test } from "./fixtures.ts";

const TOO_OLD = /This page needs JavaScript and a browser of 2023 or later\./;

const built = (name: string) =>
	readFileSync(`${import.meta.dirname}/../../build/assets/dashboard/dashboard.${name}`, "utf8");

test("the tests' browser lacks what browsers of 2023 lack", async ({ dashboard }) => {
	await dashboard.open();
	const lacks = await dashboard.page.evaluate(() => [
		"any" in AbortSignal,
		"groupBy" in Map,
		"toReversed" in Array.prototype,
		"union" in Set.prototype,
	]);
	expect(lacks).toEqual([false, false, false, false]);
});

test("the style is one that browsers of 2023 read", () => {
	const style = built("css");
	expect(style.length).toBeGreaterThan(10_000);
	// Colours by the scheme, and nested rules.
	expect(style).not.toMatch(/light-dark\(|&/);
	expect(style).not.toMatch(/@starting-style|@scope|color-mix\(|text-wrap:|field-sizing/);
});

test("the colours are those of the scheme", async ({ dashboard }) => {
	await dashboard.open();
	const ground = () => dashboard.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
	await dashboard.page.emulateMedia({ colorScheme: "light" });
	expect(await ground()).toBe("rgb(244, 245, 247)");
	await dashboard.page.emulateMedia({ colorScheme: "dark" });
	expect(await ground()).toBe("rgb(14, 18, 23)");
});

test("an older browser is told", async ({ dashboard }) => {
	const { page } = dashboard;
	const told = page.getByText(TOO_OLD);
	// A script that it cannot read.
	await page.route("**/dashboard.js", async (route) => {
		const response = await route.fetch();
		await route.fulfill({ response, body: `${await response.text()}\n#!` });
	});
	await page.goto(`${dashboard.url}/dashboard`);
	// Not at once: it would flash before each beginning.
	await expect(told).toBeHidden();
	await expect(told).toBeVisible();
	await expect(told).toContainText("本页需要启用 JavaScript");
	await page.unroute("**/dashboard.js");

	// A function that it lacks, at the beginning.
	await page.addInitScript(() => Reflect.deleteProperty(globalThis, "matchMedia"));
	await page.addInitScript(() => Reflect.deleteProperty(Object, "assign"));
	await page.reload();
	await expect(told).toBeVisible();
});

test("a browser without JavaScript is told", async ({ browser, shared }) => {
	const context = await browser.newContext({ javaScriptEnabled: false });
	const page = await context.newPage();
	await page.goto(`${shared.worker.url}/dashboard`);
	await expect(page.getByText(TOO_OLD)).toBeVisible();
	await context.close();
});

test("nothing of it is left where the page works", async ({ dashboard }) => {
	await dashboard.open();
	await expect(dashboard.token).toBeVisible();
	await expect(dashboard.page.getByText(TOO_OLD)).toHaveCount(0);
});
