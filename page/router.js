// What the page shows, as the query of its URL: reload, back, bookmarks and shared links work. The token is no part of it.

import { RANGES } from "./range.js";

/** @import { components, operations } from "../target/types/openapi.d.ts" */
/** @import { RangeName } from "./range.js" */
/** @typedef {components["schemas"]["Kind"]} Kind */
/** @typedef {components["schemas"]["Role"]} Role */
/** @typedef {NonNullable<NonNullable<operations["top"]["parameters"]["query"]>["by"]>} Ranking */
/**
 * @typedef {object} State
 * @property {number | null} app an SDKAppID
 * @property {RangeName} range
 * @property {"dead-letters" | null} view
 * @property {string | null} user a UserID, whose own view is shown
 * @property {Role | null} role
 * @property {Kind | null} kind
 * @property {number | null} since and until: the times, in Unix ms and both inclusive, that the list is narrowed to
 * @property {number | null} until
 * @property {Ranking} by what the top users are ranked by
 * @property {string | null} event the id of the event whose record is open
 */

/** @type {Kind[]} */
export const KINDS = ["unfollow", "follow"];
/** @type {Role[]} */
export const ROLES = ["actor", "target"];
/** @type {Ranking[]} */
export const RANKINGS = ["lost", "gained", "net"];

/**
 * How the text of a parameter is read; null where it is invalid.
 * @template T
 * @typedef {(text: string) => T | null} Read
 */

/**
 * @template {string} T
 * @param {readonly T[]} values
 * @returns {Read<T>}
 */
const oneOf = (values) => (text) => values.find((value) => value === text) ?? null;
/** @type {Read<number>} */
const wholeNumber = (text) => (/^\d{1,13}$/.test(text) ? Number(text) : null);
/** @type {Read<string>} */
const anyText = (text) => (text === "" ? null : text);

/**
 * Each parameter: how its text is read, and what it is where it is absent or invalid.
 * @type {{ [Name in keyof State]: { read: Read<State[Name]>, absent: State[Name] } }}
 */
const PARAMETERS = {
	app: { read: wholeNumber, absent: null },
	range: { read: oneOf(/** @type {RangeName[]} */ (Object.keys(RANGES))), absent: "24h" },
	view: { read: oneOf(/** @type {const} */ (["dead-letters"])), absent: null },
	user: { read: anyText, absent: null },
	role: { read: oneOf(ROLES), absent: null },
	kind: { read: oneOf(KINDS), absent: null },
	since: { read: wholeNumber, absent: null },
	until: { read: wholeNumber, absent: null },
	by: { read: oneOf(RANKINGS), absent: "lost" },
	event: { read: anyText, absent: null },
};

/**
 * The state that a query describes.
 * @param {string} query
 */
export function parse(query) {
	const parameters = new URLSearchParams(query);
	const values = Object.entries(PARAMETERS).map(([name, { read, absent }]) => {
		const text = parameters.get(name);
		return [name, (text === null ? null : read(text)) ?? absent];
	});
	const state = /** @type {State} */ (Object.fromEntries(values));
	// One without the other, or a role without a user, says nothing.
	if (state.since === null || state.until === null || state.since > state.until) state.since = state.until = null;
	if (state.user === null) state.role = null;
	return state;
}

/**
 * The query of a state; empty where everything is as it is at first.
 * @param {State} state
 */
export function format(state) {
	const parameters = new URLSearchParams();
	for (const name of /** @type {(keyof State)[]} */ (Object.keys(PARAMETERS))) {
		const value = state[name];
		if (value !== PARAMETERS[name].absent && value !== null) parameters.set(name, String(value));
	}
	return parameters.size > 0 ? `?${parameters}` : "";
}

/** @typedef {Pick<Window, "location" | "history" | "addEventListener">} Browser what is needed of the window */

export class Router {
	#changed;
	#browser;

	/**
	 * @param {(state: State, before: State) => void} changed
	 * @param {Browser} browser
	 */
	constructor(changed, browser = window) {
		this.#changed = changed;
		this.#browser = browser;
		this.state = parse(browser.location.search);
		browser.addEventListener("popstate", () => this.#set(parse(browser.location.search)));
	}

	/**
	 * Shows another state: the current one with these changes.
	 * @param {Partial<State>} changes
	 * @param {{ replace?: boolean }} [options] `replace` leaves no entry in the history
	 */
	go(changes, { replace = false } = {}) {
		const { location, history } = this.#browser;
		const state = parse(format({ ...this.state, ...changes }));
		const url = location.pathname + format(state);
		if (url === location.pathname + location.search) return;
		history[replace ? "replaceState" : "pushState"](null, "", url);
		this.#set(state);
	}

	/** @param {State} state */
	#set(state) {
		const before = this.state;
		this.state = state;
		this.#changed(state, before);
	}
}
