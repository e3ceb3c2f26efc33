// The page as an operator sees and uses it. Things are found by their role, their text, their label or a data-testid: how
// the page is built is no matter of the tests.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, type Locator, type Page, type Request } from "@playwright/test";
import { ADMIN_TOKEN, SECOND } from "./calls.ts";

/** How often what is waited for is looked at, in ms. */
const INTERVALS = [50, 100];

/** Ms between two polls of a page in use. */
const POLL = 3 * SECOND;

export class Dashboard {
	/** The URLs of all requests of the page. */
	readonly requests: string[] = [];
	/** Ms that the server's clock is ahead of this machine's, as the page is told; undefined where it is told nothing. */
	#serverAhead: number | undefined;
	/** The requests that have not been answered yet. */
	readonly #underWay = new Set<Request>();
	/** What the browser has logged as a warning or an error, and what was thrown and not caught. */
	readonly problems: string[] = [];
	readonly token: Locator;
	/** Why nobody is let in. */
	readonly rejection: Locator;
	readonly banner: Locator;
	/** What screen readers are told. */
	readonly announcement: Locator;
	readonly app: Locator;
	/** The choice of the language. */
	readonly language: Locator;
	readonly events: Locator;
	readonly rows: Locator;
	readonly actors: Locator;
	readonly targets: Locator;
	readonly days: Locator;
	/** What loads older events. */
	readonly more: Locator;
	/** The field of the search for a user. */
	readonly user: Locator;
	readonly userView: Locator;
	readonly record: Locator;
	readonly recordJson: Locator;
	readonly chart: Locator;
	/** The place of the bars in the chart. */
	readonly plot: Locator;
	/** The rows of the chart's table. */
	readonly bars: Locator;
	readonly top: Locator;
	readonly alerts: Locator;
	readonly deadLetters: Locator;
	readonly deadLettersLink: Locator;

	/** @param url the Worker's */
	constructor(
		readonly page: Page,
		readonly url: string,
	) {
		this.token = page.getByLabel("Token", { exact: true });
		this.rejection = page.getByRole("alert");
		this.banner = page.getByTestId("banner");
		this.announcement = page.getByTestId("announcement");
		this.app = page.getByTestId("app");
		this.language = page.getByTestId("language");
		this.events = page.getByTestId("events");
		this.rows = page.getByTestId("event-row");
		this.actors = page.getByTestId("actor");
		this.targets = page.getByTestId("target");
		this.days = page.getByTestId("day");
		this.more = page.getByTestId("more");
		this.user = page.getByTestId("user-filter");
		this.userView = page.getByTestId("user-view");
		this.record = page.getByTestId("record");
		this.recordJson = page.getByTestId("record-json");
		this.chart = page.getByTestId("chart");
		this.plot = page.getByTestId("chart-plot");
		this.bars = page.getByTestId("chart-row");
		this.top = page.getByTestId("top");
		this.alerts = page.getByTestId("alerts");
		this.deadLetters = page.getByTestId("dead-letters");
		this.deadLettersLink = page.getByTestId("dead-letters-link");
		page.on("request", (request) => {
			this.requests.push(request.url());
			this.#underWay.add(request);
		});
		page.on("requestfinished", (request) => this.#underWay.delete(request));
		page.on("requestfailed", (request) => this.#underWay.delete(request));
		page.on("console", (message) => {
			if (message.type() === "warning" || message.type() === "error") this.problems.push(message.text());
		});
		page.on("pageerror", (error) => this.problems.push(String(error)));
	}

	/** Opens the page with this query. */
	async open(query = ""): Promise<void> {
		await this.page.goto(`${this.url}/dashboard${query === "" ? "" : "?"}${query}`);
	}

	/** Opens another view in a tab that has signed in. */
	async visit(query: string): Promise<void> {
		await this.open(query);
		await this.expectEvents();
	}

	async signIn(token = ADMIN_TOKEN): Promise<void> {
		await expect(this.token).toBeFocused();
		await this.token.fill(token);
		await this.token.press("Enter");
	}

	/** Opens the page with this query, signs in, and waits for the events. */
	async enter(query = ""): Promise<void> {
		await this.open(query);
		await this.signIn();
		await this.expectEvents();
	}

	/** Waits until the list of events is there, even an empty one. */
	async expectEvents(): Promise<void> {
		await expect(this.events).toBeVisible();
		await expect(this.events).toHaveAttribute("aria-busy", "false");
	}

	/** Waits for the chart with its bars. */
	async expectChart(): Promise<void> {
		await expect(this.chart.getByRole("img", { name: /^Bars of/ })).toBeVisible();
	}

	/** Waits for those who lost or gained most. */
	async expectTop(): Promise<void> {
		await expect(this.page.getByTestId("top-row").first()).toBeVisible();
	}

	/** Waits for a user's totals. */
	async expectUser(): Promise<void> {
		await expect(this.page.getByTestId("user-totals")).toBeVisible();
	}

	/** Waits until these, exactly, are the actors of the rows. */
	async expectActors(actors: string[]): Promise<void> {
		await expectTexts(this.actors, actors);
	}

	/** The row of an actor. */
	row(actor: string): Locator {
		return this.rows.filter({ has: this.page.getByTestId("actor").getByText(actor, { exact: true }) });
	}

	/** The row of the chart's table whose bar begins at this time, in Unix ms. */
	bar(start: number): Locator {
		return this.page.locator(`[data-testid="chart-row"][data-start="${start}"]`);
	}

	/** The figure of a tile. */
	figure(tile: "tile-unfollows" | "tile-follows" | "tile-net"): Locator {
		return this.page.getByTestId(tile).getByTestId("figure");
	}

	button(name: string): Locator {
		return this.page.getByRole("button", { name, exact: true });
	}

	/** A radio button of a group, which is named by its legend. */
	radio(group: string, name: string): Locator {
		return this.page.getByRole("group", { name: group, exact: true }).getByRole("radio", { name, exact: true });
	}

	async choose(group: string, name: string): Promise<void> {
		await this.radio(group, name).check();
	}

	/** Chooses a language by its own name; the tests are in English. */
	async chooseLanguage(name: "English" | "简体中文"): Promise<void> {
		await this.language.selectOption(name);
		await expect(this.page.locator("html")).toHaveAttribute("lang", name === "English" ? "en" : "zh-CN");
	}

	/** Searches for a user. A search that is pasted may have line ends, which a key would not write. */
	async search(user: string): Promise<void> {
		await this.user.fill(user);
		await this.button("Find").click();
	}

	/** Has the API's responses tell that it is this time now, in Unix ms, as Cloudflare's do; the time goes on from there. */
	async setServerTime(now: number): Promise<void> {
		const isRouted = this.#serverAhead !== undefined;
		this.#serverAhead = now - Date.now();
		if (isRouted) return;
		await this.page.route(/\/v1\//, async (route) => {
			const response = await route.fetch();
			const date = new Date(Date.now() + (this.#serverAhead ?? 0)).toUTCString();
			// A page that is left in the meantime wants no answer.
			const left = (error: Error) => {
				if (!error.message.includes("disposed")) throw error;
			};
			await route.fulfill({ response, headers: { ...response.headers(), date } }).catch(left);
		});
	}

	/** Takes the `Date` out of the API's responses, as something between the Worker and the page may do. */
	async hideServerTime(): Promise<void> {
		await this.page.route(/\/v1\//, async (route) => {
			const response = await route.fetch();
			const { date: _, ...headers } = response.headers();
			await route.fulfill({ response, headers });
		});
	}

	/** What the server's clock shows, in Unix ms. */
	get serverTime(): number {
		return Date.now() + (this.#serverAhead ?? 0);
	}

	/** Lets so many ms pass, for the server and for the page, whose clock has to be one of Playwright's. */
	async passTime(ms: number): Promise<void> {
		await this.expectIdle();
		await this.setServerTime(this.serverTime + ms);
		await this.page.clock.fastForward(ms);
	}

	/** Puts the page's clock, which has to be one of Playwright's, forward until the page polls. */
	async nextPoll(): Promise<void> {
		await this.expectIdle();
		await this.page.clock.fastForward(POLL);
	}

	/** Waits until all that was asked is answered, also what was asked after an answer. */
	async expectIdle(): Promise<void> {
		let idleLooks = 0;
		const isIdle = async () => {
			await this.page.evaluate(() => 0);
			idleLooks = this.#underWay.size === 0 ? idleLooks + 1 : 0;
			return idleLooks > 2;
		};
		await expect.poll(isIdle, { intervals: [10], message: "all is answered" }).toBe(true);
	}

	/**
	 * Hides the page, as far as it can tell, or shows it again. Minimising the window would change nothing: Playwright has
	 * the browser take every page for one in the foreground.
	 */
	async setHidden(isHidden: boolean): Promise<void> {
		await this.page.evaluate((hidden) => {
			Object.defineProperty(document, "hidden", { configurable: true, value: hidden });
			const visibilityState = hidden ? "hidden" : "visible";
			Object.defineProperty(document, "visibilityState", { configurable: true, value: visibilityState });
			document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
		}, isHidden);
	}

	/** Opens the record of a row. */
	async openRecord(row: Locator): Promise<void> {
		await row.getByRole("button", { name: /show the record$/ }).click();
		await expect(this.recordJson).toBeVisible();
	}

	/** Opens the chart's table, or closes it. */
	async toggleTable(): Promise<void> {
		await this.page.getByText("The figures as a table").click();
	}

	/** Whether nothing is outside the visible width. */
	async expectToFit(): Promise<void> {
		const isTooWide = await this.page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
		expect(isTooWide, "is too wide").toBe(false);
	}

	/** A parameter of the URL's query. */
	parameter(name: string): string | null {
		return new URL(this.page.url()).searchParams.get(name);
	}

	/** What the browser has stored. */
	async storage(): Promise<{ session: object; local: object; cookie: string }> {
		return await this.page.evaluate(() => ({
			session: { ...sessionStorage },
			local: { ...localStorage },
			cookie: document.cookie,
		}));
	}

	/** The policy rejected nothing, nothing failed, and no other server was called. */
	expectWellBehaved(): void {
		const isLocal = (url: string) => /^(data|blob):/.test(url);
		expect(this.requests.some((url) => url.includes("/v1/events?"))).toBe(true);
		expect(this.requests.filter((url) => !url.startsWith(`${this.url}/`) && !isLocal(url))).toEqual([]);
		expect(this.problems).toEqual([]);
	}

	/** Takes a screenshot, where the variable SCREENSHOTS names a folder; of this size, where the page's is not meant. */
	async picture(name: string, size = this.page.viewportSize()): Promise<void> {
		const folder = process.env.SCREENSHOTS;
		const before = this.page.viewportSize();
		if (folder === undefined || before === null || size === null) return;
		mkdirSync(folder, { recursive: true });
		await this.page.setViewportSize(size);
		await this.page.screenshot({ path: join(folder, name) });
		await this.page.setViewportSize(before);
	}
}

/** Waits until elements have these texts: exactly, where `toHaveText` would take all white space for the same. */
export async function expectTexts(elements: Locator, texts: string[]): Promise<void> {
	await expect.poll(() => elements.allTextContents(), { intervals: INTERVALS }).toEqual(texts);
}
