// What a page says in words, in whatever language: what of it is English, and what of it cannot be read.

import type { Page } from "@playwright/test";

/**
 * What is the same in every language: names of settings, of files and of things that Tencent, Cloudflare and the web have named,
 * codes, times, and what the Worker says, which is in quotes.
 */
const NAMES = [
	/“[^”]*”/,
	/\b[A-Z][A-Z0-9]*(_[A-Za-z0-9]+)+\b(=\w+)?/,
	/\b(RequestTime|CallbackCommand|EventTime|Sign|SDKAppID|UserID|From_Account)\b/,
	/\b(Worker|Token|Secret|Cloudflare|Time Travel|KV list|KV|D1|IM|FAIL)\b/,
	/\b(API|CSV|HTTPS?|https|IP|JSON Lines|JSON|MiB|POST|URL|UTC)\b/,
	/\b(unfollow-webhook|wrangler\.toml|English|iOS)\b/,
	/\b(Asia|Etc)\/\w+|\bGMT[+-]\d+/,
];

/** What is shown or told to a screen reader: all texts and labels but ids, code and what is in a language of its own. */
export async function textsOf(page: Page): Promise<string[]> {
	return await page.evaluate(() => {
		const other = "code, pre, bdi, script, style, noscript, [lang]:not(html), [data-testid=app]";
		const texts: string[] = [];
		const isShown = (element: Element) => element.closest(other) === null && element.checkVisibility();
		for (const element of document.querySelectorAll("body, body *")) {
			if (!isShown(element)) continue;
			for (const node of element.childNodes) {
				if (node.nodeType === Node.TEXT_NODE) texts.push(node.textContent ?? "");
			}
			for (const name of ["aria-label", "aria-description", "title", "placeholder", "alt"]) {
				// Of a user whose id is told in words; of a time.
				if (name === "title" && element.matches("[data-user], time")) continue;
				texts.push(element.getAttribute(name) ?? "");
			}
		}
		return [...new Set(texts.map((text) => text.trim()).filter((text) => text !== ""))];
	});
}

/**
 * The texts that are English.
 *
 * @param ids what else is the same in every language: the ids of users and dead letters that are there
 */
export async function englishIn(page: Page, ids: RegExp = /(?!)/): Promise<string[]> {
	const isEnglish = (text: string) => {
		const rest = [...NAMES, ids].reduce((left, name) => left.replaceAll(new RegExp(name, "g"), ""), text);
		return /[A-Za-z]/.test(rest);
	};
	return (await textsOf(page)).filter(isEnglish);
}

/** The texts that are wider than their element, which hides the rest or lets it run over others, or are outside the window. */
export async function cutOffIn(page: Page): Promise<string[]> {
	return await page.evaluate(() => {
		// What may be scrolled, or is an id that is shortened on purpose; a field scrolls too.
		const exempt =
			"pre, .scroll, .scroll *, code, .user, .user-link, textarea, input, select, svg *, .visually-hidden, .skip";
		const isText = (node: Node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim() !== "";
		const found: string[] = [];
		for (const element of document.querySelectorAll("body *")) {
			if (!element.checkVisibility() || element.closest(exempt) || ![...element.childNodes].some(isText)) continue;
			const { left, right } = element.getBoundingClientRect();
			// An inline element has no width of its own.
			const isCut = element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 1;
			if (isCut || left < 0 || right > innerWidth + 0.5) found.push(element.textContent?.trim() ?? "");
		}
		return found;
	});
}
