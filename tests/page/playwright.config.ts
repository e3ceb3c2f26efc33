// How the operator's page is tested: in Debian's Chromium, which is never downloaded from here. Two tests run at a time, each
// in a context of its own; the tests of a process share its browser and its Workers.

import { execFileSync } from "node:child_process";
import { defineConfig } from "@playwright/test";

/** The browser: the one that is named, or the first that is installed. */
function chromium(): string {
	if (process.env.CHROMIUM !== undefined) return process.env.CHROMIUM;
	const found = execFileSync("sh", ["-c", "command -v chromium || command -v google-chrome || true"], {
		encoding: "utf8",
	});
	if (found === "") throw new Error("There is neither chromium nor google-chrome: CHROMIUM may name a browser.");
	return found.trim();
}

export default defineConfig({
	testDir: ".",
	outputDir: "../../target/page",
	fullyParallel: true,
	workers: 2,
	retries: 0,
	forbidOnly: process.env.CI !== undefined,
	timeout: 90_000,
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
