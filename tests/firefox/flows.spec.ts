// Ten flows through the page in a Firefox as Debian has it: that nothing in it is of Chromium alone. What the page does is tested
// in tests/page/. Playwright only drives a Firefox of its own; puppeteer drives any, by WebDriver BiDi.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer, { type Browser, type Page } from "puppeteer-core";
import { ADMIN_TOKEN } from "../page/calls.ts";
import { expect, test } from "../page/fixtures.ts";

/** The browser: the one that is named, or Debian's. */
const FIREFOX = process.env.FIREFOX ?? "/usr/bin/firefox-esr";

/** The flows follow one another in one tab. */
test.describe.configure({ mode: "serial" });

let browser: Browser;
let page: Page;
let downloads: string;
let url: string;
/** What was thrown and not caught, and what the browser has logged as an error, such as what the page's policy has rejected. */
const problems: string[] = [];

const button = (name: string) => page.locator(`::-p-aria([name="${name}"][role="button"])`);
const byTestId = (id: string) => page.locator(`[data-testid="${id}"]`);
const textsOf = (id: string) =>
	page.$$eval(`[data-testid="${id}"]`, (elements) => elements.map((element) => element.textContent));

/** Waits until the elements of this test id have these texts, exactly. */
async function expectTexts(id: string, texts: string[]): Promise<void> {
	await expect.poll(() => textsOf(id), { message: id }).toEqual(texts);
}

/** Waits until an element has this text, among others. */
async function expectText(id: string, text: string): Promise<void> {
	await expect.poll(async () => (await textsOf(id)).join("\n"), { message: id }).toContain(text);
}

const parameter = (name: string) => new URL(page.url()).searchParams.get(name);

test.beforeAll(async ({ delivering }) => {
	downloads = mkdtempSync(join(tmpdir(), "unfollow-firefox-"));
	const app = delivering.nextApp();
	url = `${delivering.worker.url}/dashboard?app=${app}`;
	await delivering.deliver(app, "fan");
	await delivering.deliver(app, "gives-up");
	await delivering.waitForDeadLetters(app, 1);
	browser = await puppeteer.launch({
		browser: "firefox",
		timeout: 120_000,
		executablePath: FIREFOX,
		extraPrefsFirefox: {
			"browser.download.folderList": 2,
			"browser.download.dir": downloads,
			"intl.accept_languages": "en-GB",
		},
	});
	page = await browser.newPage();
	page.setDefaultTimeout(30_000);
	page.on("pageerror", (error) => problems.push(String(error)));
	page.on("console", (message) => {
		if (message.type() === "error") problems.push(message.text());
	});
});

test.afterAll(async () => {
	await browser?.close();
	rmSync(downloads, { recursive: true, force: true });
});

test("1. signing in", async () => {
	await page.goto(url);
	await page.locator("#token").fill("not the token");
	await button("Sign in").click();
	await expect.poll(() => page.$eval("[role=alert]", (element) => element.textContent)).toBe("The token was rejected.");
	await page.locator("#token").fill(ADMIN_TOKEN);
	await page.locator("button[type=submit]:enabled").click();
	await expectTexts("actor", ["gives-up", "fan"]);
	expect(await page.evaluate(() => document.activeElement?.tagName)).toBe("MAIN");
});

test("2. a new event arrives in the list", async ({ delivering }) => {
	await delivering.deliver(String(parameter("app")), "newcomer");
	await expectTexts("actor", ["newcomer", "gives-up", "fan"]);
	await expectText("tile-unfollows", "6");
});

test("3. a filter", async () => {
	await page.locator("[data-testid=kind-filter] label:nth-of-type(3)").click();
	await expectText("nothing-found", "No event matches.");
	expect(parameter("kind")).toBe("follow");
	await page.goBack();
	await expectTexts("actor", ["newcomer", "gives-up", "fan"]);
});

test("4. a user's view", async () => {
	await byTestId("user-filter").fill("bob");
	await page.keyboard.press("Enter");
	await expectTexts("followers-lost", ["3"]);
	expect(parameter("user")).toBe("bob");
});

test("5. a record", async () => {
	await page.locator("[data-testid=event-row] .open").click();
	await expectText("record-json", '"From_Account": "newcomer"');
	await page.keyboard.press("Escape");
	await expect.poll(() => textsOf("record")).toEqual([]);
	// The focus is where it was.
	expect(await page.evaluate(() => document.activeElement?.className)).toBe("open");
});

test("6. an export", async () => {
	await byTestId("export").click();
	await button("Export").click();
	const files = () => readdirSync(downloads).filter((name) => name.endsWith(".csv"));
	const rows = () => files().flatMap((name) => readFileSync(join(downloads, name), "utf8").trimEnd().split("\r\n"));
	// Three events of two targets, below the header.
	await expect.poll(() => rows().length).toBe(7);
	expect(rows()[1]).toMatch(/,unfollow,newcomer,bob,/);
	await expectText("announcement", "3 events exported.");
});

test("7. a dead letter is replayed", async ({ delivering }) => {
	await byTestId("dead-letters-link").click();
	await expectText("letter-users", "gives-up");
	await byTestId("select-all").click();
	await button("Replay 1").click();
	await expectText("announcement", "1 dead letter put back on the queue.");
	// The origin takes it this time.
	await delivering.waitForDeadLetters(String(parameter("app")), 0);
});

test("8. a user is erased", async () => {
	await page.goto(`${url}&user=carol`);
	await expectTexts("followers-lost", ["3"]);
	await button("Erase…").click();
	await button("Erase").click();
	await expectText("search-needed", "3 records erased.");
	await button("Search KV").click();
	await expectText("announcement", "3 records erased;");
	await expectText("empty", "Events came, and the log has none of them.");
});

test("9. another language", async ({ delivering }) => {
	await delivering.deliver(String(parameter("app")), "last");
	await expectTexts("actor", ["last"]);
	await page.select("[data-testid=language]", "zh-CN");
	await expectTexts("kind", ["取关"]);
	await expectText("tile-unfollows", "起");
	expect(await page.evaluate(() => document.documentElement.lang)).toBe("zh-CN");
});

test("10. a reload keeps the view and the language", async () => {
	await byTestId("user-filter").fill("bob");
	await page.keyboard.press("Enter");
	await expectTexts("followers-lost", ["1"]);
	const before = page.url();
	await page.reload();
	await expectTexts("followers-lost", ["1"]);
	await expectTexts("kind", ["取关"]);
	expect(page.url()).toBe(before);
	// Of all flows.
	expect(problems).toEqual([]);
});
