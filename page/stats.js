// The counts of the range: the tiles, the chart, and the same as a table. Of the app, or of one user's followers.

import { Chart } from "./chart.js";
import { $, button, el, setState, time } from "./dom.js";
import { ago, count, number, signed } from "./format.js";
import { barsOf, nextBar, rangeOf, sinceText, spanText } from "./range.js";

const TITLES = {
	app: { unfollows: "Unfollows", follows: "Follows", net: "Net", last: "Last event" },
	user: { unfollows: "Followers lost", follows: "Followers gained", net: "Net", last: "Last event" },
};

export class Stats {
	#chart;
	#choose;
	#range = null;
	/** The counts by the start of their hour; null before the first response. */
	#hours = null;
	/** When the next bar begins, in ms. */
	#nextBar = 0;
	#lastEvent = null;
	#lastCall = null;

	/** @param choose is called with the bar that the list is to be narrowed to */
	constructor(choose) {
		this.#choose = choose;
		this.#chart = new Chart($("chart"), { describe: (bar) => this.#describe(bar), choose });
	}

	/** Clears what is shown of another app, user or range. */
	reset() {
		this.#hours = null;
		setState($("stats"), "loading");
		setState($("tiles"), "loading");
		for (const id of ["total-unfollows", "total-follows", "net"]) $(id).replaceChildren("–");
	}

	/** Forgets the last event, which is of another app or user. */
	forgetLast() {
		this.#lastEvent = null;
		this.#lastCall = null;
		$("last-event").replaceChildren("–");
		$("last-call").replaceChildren();
	}

	/**
	 * Asks for the counts of the range at first, when a bar has begun, and where all is to be read again; after new events, for
	 * their hours only.
	 */
	async refresh({ api, app, state, isFull }, news, signal) {
		const now = Date.now();
		const isWhole = this.#hours === null || isFull || news.isGap || now >= this.#nextBar;
		const concerned = news.added.filter((event) => state.user === null || event.to_accounts.includes(state.user));
		if (!isWhole && concerned.length === 0 && news.gone.length === 0) return;
		const range = rangeOf(state.range, now);
		// Of events that are gone, the time is not known any more.
		const oldest = Math.min(...concerned.map((event) => event.event_time));
		const since = isWhole || news.gone.length > 0 ? range.since : Math.max(range.since, oldest);
		if (since > now) return;
		try {
			const { buckets } = await api.stats(app, { user: state.user, since, until: now, bucket: "hour" }, signal);
			if (isWhole) this.#hours = new Map();
			for (const bucket of buckets) this.#hours.set(bucket.start, bucket);
		} catch (error) {
			if (!signal.aborted && this.#hours === null) {
				setState($("stats"), "error", error.message);
				setState($("tiles"), "error");
			}
			throw error;
		}
		this.#range = range;
		this.#nextBar = nextBar(range, now);
		this.show(state);
	}

	/** The counts are out of date: an event was deleted. */
	invalidate() {
		this.#nextBar = 0;
	}

	/** Shows the counts, with the bar that the list is narrowed to. */
	show(state) {
		const titles = TITLES[state.user === null ? "app" : "user"];
		for (const [name, title] of Object.entries(titles)) $(`tile-${name}`).querySelector("h2").textContent = title;
		if (this.#hours === null) return;
		const bars = barsOf(this.#range, Date.now(), this.#hours);
		const sum = (member) => bars.reduce((total, bar) => total + bar[member], 0);
		const [unfollows, follows] = [sum("unfollows"), sum("follows")];
		$("total-unfollows").textContent = number(unfollows);
		$("total-follows").textContent = number(follows);
		$("net").textContent = signed(follows - unfollows);
		for (const since of document.querySelectorAll("#tiles .since")) since.textContent = sinceText(this.#range);
		$("stats-title").textContent = `Per ${this.#range.unit}`;
		$("bar-unit").textContent = this.#range.unit === "hour" ? "Hour" : "Day";

		setState($("tiles"), "ready");
		setState($("stats"), unfollows + follows > 0 ? "ready" : "empty");
		$("no-counts").textContent = `No unfollows or follows ${sinceText(this.#range)}.`;
		const selected = state.since === null ? null : { start: state.since, end: state.until + 1 };
		this.#drawTable(bars.toReversed(), selected);
		this.#chart.show(bars, this.#range.unit, selected);
		const sums = `${count(unfollows, "unfollow")} and ${count(follows, "follow")}`;
		$("chart").setAttribute("aria-label", `Bars of ${sums}; the table below has the same.`);
	}

	/** The time of the last event, in ms, and that of the last call; null where there is none, undefined where it is as before. */
	setLast({ event, call }) {
		if (event !== undefined) this.#lastEvent = event;
		if (call !== undefined) this.#lastCall = call;
		this.tick();
	}

	/** Time has passed. */
	tick() {
		$("last-event").replaceChildren(this.#lastEvent === null ? "–" : time(this.#lastEvent, ago));
		if (this.#lastCall === null) $("last-call").replaceChildren();
		// An event came with a call, which may not be counted yet.
		else $("last-call").replaceChildren("last call ", time(Math.max(this.#lastCall, this.#lastEvent ?? 0), ago));
	}

	/** A row has a button that narrows the list, as a click on its bar does. */
	#drawTable(bars, selected) {
		const isSelected = (bar) => bar.start === selected?.start && bar.end === selected.end;
		const row = (bar) => {
			const choose = button("", "link", {
				attributes: { "aria-pressed": String(isSelected(bar)) },
				dataset: { start: bar.start },
			});
			choose.append(time(bar.start, () => spanText(bar)));
			choose.addEventListener("click", () => this.#choose(bar));
			const cell = (testid, n) => el("td", { testid }, number(n));
			return el(
				"tr",
				{ testid: "chart-row", dataset: { start: bar.start } },
				el("th", { scope: "row" }, choose),
				cell("unfollows", bar.unfollows),
				cell("follows", bar.follows),
			);
		};
		const focused = document.activeElement?.closest("#bars [data-start]")?.dataset.start;
		$("bars").tBodies[0].replaceChildren(...bars.map(row));
		if (focused) $("bars").querySelector(`button[data-start="${focused}"]`)?.focus({ preventScroll: true });
	}

	#describe(bar) {
		$("readout").textContent = bar
			? `${spanText(bar)}: ${count(bar.unfollows, "unfollow")}, ${count(bar.follows, "follow")}`
			: "";
	}
}
