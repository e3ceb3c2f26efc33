// What the page shows, as the query of its URL: reload, back, bookmarks and shared links work. The token is no part of it.

import { type ReadonlySignal, signal } from "@preact/signals";
import type { Kind, Ranking, Role } from "../api/client.ts";
import { RANGES, type RangeName } from "./range.ts";

export interface Route {
	/** An SDKAppID. */
	app: number | null;
	range: RangeName;
	view: "dead-letters" | null;
	/** A UserID, whose own view is shown. */
	user: string | null;
	role: Role | null;
	kind: Kind | null;
	/** The times, in Unix ms and both inclusive, that the list is narrowed to. */
	since: number | null;
	until: number | null;
	/** What the top users are ranked by. */
	by: Ranking;
	/** The id of the event whose record is open. */
	event: string | null;
}

export const KINDS: Kind[] = ["unfollow", "follow"];
export const ROLES: Role[] = ["actor", "target"];
export const RANKINGS: Ranking[] = ["lost", "gained", "net"];

/** How the text of a parameter is read; null where it is invalid. */
type Read<T> = (text: string) => T | null;

const oneOf =
	<T extends string>(values: readonly T[]): Read<T> =>
	(text) =>
		values.find((value) => value === text) ?? null;
const wholeNumber: Read<number> = (text) => (/^\d{1,13}$/.test(text) ? Number(text) : null);
const anyText: Read<string> = (text) => (text === "" ? null : text);

/** Each parameter: how its text is read, and what it is where it is absent or invalid. */
const PARAMETERS: { [Name in keyof Route]: { read: Read<Route[Name]>; absent: Route[Name] } } = {
	app: { read: wholeNumber, absent: null },
	range: { read: oneOf(Object.keys(RANGES) as RangeName[]), absent: "24h" },
	view: { read: oneOf(["dead-letters"] as const), absent: null },
	user: { read: anyText, absent: null },
	role: { read: oneOf(ROLES), absent: null },
	kind: { read: oneOf(KINDS), absent: null },
	since: { read: wholeNumber, absent: null },
	until: { read: wholeNumber, absent: null },
	by: { read: oneOf(RANKINGS), absent: "lost" },
	event: { read: anyText, absent: null },
};

/** The route that a query describes. */
export function parse(query: string): Route {
	const parameters = new URLSearchParams(query);
	const values = Object.entries(PARAMETERS).map(([name, { read, absent }]) => {
		const text = parameters.get(name);
		return [name, (text === null ? null : read(text)) ?? absent];
	});
	const route = Object.fromEntries(values) as Route;
	// One without the other, or a role without a user, says nothing.
	if (route.since === null || route.until === null || route.since > route.until) route.since = route.until = null;
	if (route.user === null) route.role = null;
	return route;
}

/** The query of a route; empty where everything is as it is at first. */
export function format(route: Route): string {
	const parameters = new URLSearchParams();
	for (const name of Object.keys(PARAMETERS) as (keyof Route)[]) {
		const value = route[name];
		if (value !== PARAMETERS[name].absent && value !== null) parameters.set(name, String(value));
	}
	return parameters.size > 0 ? `?${parameters}` : "";
}

/** What is needed of the window. */
export type Browser = Pick<Window, "location" | "history" | "addEventListener">;

export class Router {
	readonly #browser: Browser;
	readonly #route;

	constructor(browser: Browser) {
		const { location } = browser;
		this.#browser = browser;
		this.#route = signal(parse(location.search));
		browser.addEventListener("popstate", () => {
			this.#route.value = parse(browser.location.search);
		});
	}

	get route(): ReadonlySignal<Route> {
		return this.#route;
	}

	/** The URL of another route: the current one with these changes. */
	href(changes: Partial<Route>): string {
		return this.#browser.location.pathname + format({ ...this.#route.value, ...changes });
	}

	/** Shows another route: the current one with these changes. `replace` leaves no entry in the history. */
	go(changes: Partial<Route>, { replace = false } = {}): void {
		const { location, history } = this.#browser;
		const route = parse(format({ ...this.#route.value, ...changes }));
		const url = location.pathname + format(route);
		if (url === location.pathname + location.search) return;
		history[replace ? "replaceState" : "pushState"](null, "", url);
		this.#route.value = route;
	}
}
