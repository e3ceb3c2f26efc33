// How the operator's page is tested: in Debian's Chromium, which is never downloaded from here. Two tests run at a time, each
// in a context of its own; the tests of a process share its browser and its Workers.

import { execFileSync } from "node:child_process";
import { defineConfig } from "@playwright/test";

/** The browser: the one that CHROMIUM names, or the first that is installed. */
function chromium(): string {
	const { CHROMIUM } = process.env;
	// Chromium's own build without windows first: a page costs it a third less.
	const names = CHROMIUM === undefined ? ["chromium-headless-shell", "chromium", "google-chrome"] : [CHROMIUM];
	const first = 'for name; do command -v "$name" && exit; done; exit 0';
	const found = execFileSync("sh", ["-c", first, "sh", ...names], { encoding: "utf8" }).trim();
	if (found === "") throw new Error(`There is no ${names.join(", no ")}: CHROMIUM may name a browser.`);
	return found;
}

export default defineConfig({
	testDir: ".",
	outputDir: "../../target/page",
	fullyParallel: true,
	workers: 2,
	retries: 0,
	forbidOnly: process.env.CI !== undefined,
	// Some open a dozen pages, which takes a busy machine minutes.
	timeout: 300_000,
	expect: { timeout: 30_000 },
	reporter: "list",
	use: {
		browserName: "chromium",
		launchOptions: {
			executablePath: chromium(),
			// Chromium's sandbox does not run as root, and containers have little shared memory.
			args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run"],
		},
		viewport: { width: 1280, height: 900 },
		locale: "en-GB",
		timezoneId: "UTC",
		actionTimeout: 30_000,
		navigationTimeout: 30_000,
		screenshot: "only-on-failure",
	},
});
