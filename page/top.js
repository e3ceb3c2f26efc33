// Who lost or gained most followers in the range, or in the bar that the list is narrowed to.

import { $, el, setState } from "./dom.js";
import { HOUR, MINUTE, number, SECOND, signed } from "./format.js";
import { API_MAX, nextBar, rangeOf, sinceText, spanText } from "./range.js";
import { userLink } from "./user_id.js";

const LIMIT = 10;
/** Ms between two calls: each reads a row for each user and hour. */
const EVERY = 30 * SECOND;
const EVERY_LONG = 5 * MINUTE;

export class Top {
	#hrefOf;
	#users = null;
	#askedAt = 0;
	#nextBar = 0;

	/** @param choose is called with what the users are to be ranked by @param hrefOf gives the URL of a user's view */
	constructor({ choose, hrefOf }) {
		this.#hrefOf = hrefOf;
		$("rankings").addEventListener("change", () => choose(new FormData($("rankings")).get("by")));
	}

	/** Clears what is shown of another app, range or ranking. */
	reset() {
		this.#users = null;
		this.#askedAt = 0;
		setState($("top"), "loading");
	}

	/** Asks at first, when all is to be read again, when a bar begins, and some time after new events. */
	async refresh({ api, app, state, isFull }, news, signal) {
		const now = Date.now();
		if (news.added.length > 0 || news.gone.length > 0) this.#nextBar = Math.min(this.#nextBar, this.#soonest(state));
		if (this.#users !== null && !isFull && now < this.#nextBar) return;
		const range = rangeOf(state.range, now);
		const isNarrowed = state.since !== null;
		const since = isNarrowed ? state.since : Math.max(range.since, now - API_MAX + HOUR);
		const until = isNarrowed ? state.until : now;
		try {
			const { users } = await api.top(app, { by: state.by, since, until, limit: LIMIT }, signal);
			this.#users = users;
		} catch (error) {
			if (!signal.aborted && this.#users === null) setState($("top"), "error", error.message);
			throw error;
		}
		this.#askedAt = now;
		this.#nextBar = nextBar(range, now);
		$("top-span").textContent = isNarrowed ? spanText({ start: since, end: until + 1 }) : sinceText(range);
		this.#draw(state.by);
	}

	/** When new events may be asked for at the earliest. */
	#soonest({ range }) {
		return this.#askedAt + (range === "24h" ? EVERY : EVERY_LONG);
	}

	#draw(by) {
		const value = { lost: (it) => it.unfollows, gained: (it) => it.follows, net: (it) => it.net }[by];
		// Nobody lost most where nobody lost any.
		const users = this.#users.filter((it) => value(it) !== 0);
		const most = Math.max(...users.map((it) => Math.abs(value(it))));
		const row = (it) => {
			const bar = el("meter", { min: 0, max: most, value: Math.abs(value(it)), attributes: { "aria-hidden": "true" } });
			const of = by === "net" ? signed(value(it)) : number(value(it));
			const counts = `−${number(it.unfollows)} +${number(it.follows)}`;
			return el(
				"li",
				{ testid: "top-row", className: value(it) < 0 || by === "lost" ? "unfollow" : "follow" },
				userLink(it.user, this.#hrefOf(it.user), { testid: "user" }),
				el("span", { className: "of", testid: "count", title: `${counts}` }, of),
				bar,
			);
		};
		const focused = document.activeElement?.closest("#top-list a")?.dataset.user;
		$("top-list").replaceChildren(...users.map(row));
		if (focused !== undefined)
			[...$("top-list").querySelectorAll("a")].find((a) => a.dataset.user === focused)?.focus();
		setState($("top"), users.length > 0 ? "ready" : "empty");
	}
}
