// Opens a page of ours in a browser, signs in with a token, and waits until the list of events shows a text:
// `node sign_in.mjs URL TOKEN TEXT`.

import { chromium } from "@playwright/test";

const [url, token, text] = process.argv.slice(2);
const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
	args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run"],
});
try {
	const page = await browser.newPage();
	await page.goto(url);
	await page.getByTestId("token").fill(token);
	await page.keyboard.press("Enter");
	await page.getByTestId("events").getByText(text).first().waitFor();
} finally {
	await browser.close();
}
