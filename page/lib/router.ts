// What the page shows, as the query of its URL: reload, back, bookmarks and shared links work. The token is no part of it.

import { type ReadonlySignal, signal } from "@preact/signals";
import type { Kind, Ranking, Role } from "../api/client.ts";
import { RANGES, type RangeName } from "./range.ts";

/** How the text of a parameter is read; null where it is invalid. */
type Read<T> = (text: string) => T | null;
const oneOf = <T extends string>(...values: T[]): Read<T> => {
	return (text) => values.find((value) => value === text) ?? null;
};
const wholeNumber: Read<number> = (text) => (/^\d{1,13}$/.test(text) ? Number(text) : null);
const anyText: Read<string> = (text) => (text === "" ? null : text);

const parameter = <T, A extends T | null>(read: Read<T>, absent: A) => ({
	read,
	absent: absent as A extends null ? T | null : T,
});

/** Each parameter: how its text is read, and what it is where it is absent or invalid. */
const PARAMETERS = {
	/** An SDKAppID. */
	app: parameter(wholeNumber, null),
	range: parameter(oneOf(...(Object.keys(RANGES) as RangeName[])), "24h"),
	view: parameter(oneOf("dead-letters"), null),
	/** Why the dead letters were given up that are shown. */
	reason: parameter(anyText, null),
	/** A UserID, whose own view is shown. */
	user: parameter(anyText, null),
	role: parameter(oneOf<Role>("actor", "target"), null),
	kind: parameter(oneOf<Kind>("unfollow", "follow"), null),
	/** The times, in Unix ms and both inclusive, that the list is narrowed to. */
	since: parameter(wholeNumber, null),
	until: parameter(wholeNumber, null),
	/** What the top users are ranked by. */
	by: parameter(oneOf<Ranking>("lost", "gained", "net"), "lost"),
	/** The id of the event whose record is open. */
	event: parameter(anyText, null),
};
export type Route = { [Name in keyof typeof PARAMETERS]: (typeof PARAMETERS)[Name]["absent"] };

/** The route that a query describes. */
export function parse(query: string): Route {
	const parameters = new URLSearchParams(query);
	const values = Object.entries(PARAMETERS).map(([name, { read, absent }]) => {
		const text = parameters.get(name);
		return [name, (text === null ? null : read(text)) ?? absent];
	});
	const route: Route = Object.fromEntries(values);
	// One without the other, or a role without a user, says nothing.
	if (route.since === null || route.until === null || route.since > route.until) route.since = route.until = null;
	if (route.user === null) route.role = null;
	return route;
}

/** The query of a route; empty where everything is as it is at first. */
export function format(route: Route): string {
	const isSaid = (name: keyof Route) => route[name] !== null && route[name] !== PARAMETERS[name].absent;
	const names = (Object.keys(PARAMETERS) as (keyof Route)[]).filter(isSaid);
	const parameters = new URLSearchParams(names.map((name) => [name, String(route[name])]));
	return parameters.size > 0 ? `?${parameters}` : "";
}

/** What is needed of the window. */
export type Browser = Pick<Window, "location" | "history" | "addEventListener">;

export class Router {
	readonly #browser: Browser;
	readonly #route = signal(parse(""));

	constructor(browser: Browser) {
		this.#browser = browser;
		const follow = () => {
			this.#route.value = parse(browser.location.search);
		};
		browser.addEventListener("popstate", follow);
		follow();
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
