// What the page shows, as the query of its URL: reload, back, bookmarks and shared links work. The token is no part of it.

import { RANGES } from "./range.js";

export const KINDS = ["unfollow", "follow"];
export const ROLES = ["actor", "target"];
export const RANKINGS = ["lost", "gained", "net"];

const oneOf = (values) => (text) => (values.includes(text) ? text : null);
const wholeNumber = (text) => (/^\d{1,13}$/.test(text) ? Number(text) : null);
const anyText = (text) => (text === "" ? null : text);

/** Each parameter: how its text is read (null where it is invalid), and what it is where it is absent or invalid. */
const PARAMETERS = {
	/** An SDKAppID. */
	app: { read: wholeNumber, absent: null },
	range: { read: oneOf(Object.keys(RANGES)), absent: "24h" },
	view: { read: oneOf(["dead-letters"]), absent: null },
	/** A UserID, whose own view is shown. */
	user: { read: anyText, absent: null },
	role: { read: oneOf(ROLES), absent: null },
	kind: { read: oneOf(KINDS), absent: null },
	/** The times, in Unix ms and both inclusive, that the list is narrowed to. */
	since: { read: wholeNumber, absent: null },
	until: { read: wholeNumber, absent: null },
	/** What the top users are ranked by. */
	by: { read: oneOf(RANKINGS), absent: "lost" },
	/** The id of the event whose record is open. */
	event: { read: anyText, absent: null },
};

/** The state that a query describes. */
export function parse(query) {
	const parameters = new URLSearchParams(query);
	const state = {};
	for (const [name, { read, absent }] of Object.entries(PARAMETERS)) {
		const text = parameters.get(name);
		state[name] = (text === null ? null : read(text)) ?? absent;
	}
	// One without the other, or a role without a user, says nothing.
	if (state.since === null || state.until === null || state.since > state.until) state.since = state.until = null;
	if (state.user === null) state.role = null;
	return state;
}

/** The query of a state; empty where everything is as it is at first. */
export function format(state) {
	const parameters = new URLSearchParams();
	for (const [name, { absent }] of Object.entries(PARAMETERS)) {
		if (state[name] !== absent && state[name] !== null) parameters.set(name, state[name]);
	}
	return parameters.size > 0 ? `?${parameters}` : "";
}

export class Router {
	#changed;
	state = parse(location.search);

	/** @param changed is called with the new state and the one before it */
	constructor(changed) {
		this.#changed = changed;
		addEventListener("popstate", () => this.#set(parse(location.search)));
	}

	/** Shows another state: the current one with these changes. `replace` leaves no entry in the history. */
	go(changes, { replace = false } = {}) {
		const state = parse(format({ ...this.state, ...changes }));
		const url = location.pathname + format(state);
		if (url === location.pathname + location.search) return;
		history[replace ? "replaceState" : "pushState"](null, "", url);
		this.#set(state);
	}

	#set(state) {
		const before = this.state;
		this.state = state;
		this.#changed(state, before);
	}
}
