// How the page is tested in Debian's Firefox, see flows.spec.ts: by Playwright's runner, which does not drive this browser.

import { defineConfig } from "@playwright/test";

export default defineConfig({
	testDir: ".",
	outputDir: "../../target/firefox",
	workers: 1,
	retries: 0,
	forbidOnly: process.env.CI !== undefined,
	timeout: 300_000,
	expect: { timeout: 30_000 },
	reporter: "list",
});
