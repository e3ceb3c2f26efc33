// The counts of the last 24 hours: the totals, the chart, and the same as a table.

import { Chart, isIncomplete, span } from "./chart.js";
import { $, ago, clock, count, day, el, number, setState, time } from "./dom.js";

/** Ms for which the Worker may answer with cached counts. */
const CACHED = 60_000;
const HOUR = 3_600_000;

export class Figures {
	#chart = new Chart($("chart"), (hour) => this.#describe(hour));
	#askedAt = 0;
	#lastEvent = null;

	/** Clears what is shown of the previous app. */
	reset() {
		this.#askedAt = 0;
		this.#lastEvent = null;
		setState($("figures"), "loading");
		setState($("tiles"), "loading");
		for (const id of ["total-unfollows", "total-follows", "net", "last-event"]) $(id).replaceChildren("–");
	}

	/** Whether the counts are due: after new events, until the cached counts must have them, and when an hour begins. */
	isDue(newEventsAt) {
		const now = Date.now();
		if (Math.floor(now / HOUR) !== Math.floor(this.#askedAt / HOUR)) return true;
		return now - this.#askedAt >= CACHED && this.#askedAt < newEventsAt + CACHED;
	}

	async refresh(api, app, signal) {
		const askedAt = Date.now();
		try {
			const { hours, complete_since: completeSince } = await api.stats(app, signal);
			this.#askedAt = askedAt;
			this.#show(hours, completeSince);
		} catch (error) {
			if (!signal.aborted && this.#askedAt === 0) {
				setState($("figures"), "error", error.message);
				setState($("tiles"), "error");
			}
			throw error;
		}
	}

	/** There were new events. */
	saw(events) {
		for (const event of events) this.#lastEvent = Math.max(this.#lastEvent ?? 0, event.event_time);
		this.tick();
	}

	/** Time has passed. */
	tick() {
		if (this.#lastEvent !== null) $("last-event").replaceChildren(time(this.#lastEvent, ago));
	}

	#show(hours, completeSince) {
		setState($("figures"), "ready");
		setState($("tiles"), "ready");
		const sum = (member) => hours.reduce((total, hour) => total + hour[member], 0);
		const [unfollows, follows] = [sum("unfollows"), sum("follows")];
		const gap = hours.some((hour) => isIncomplete(hour, completeSince));
		const total = (n) => (gap ? `${number(n)}+` : number(n));
		$("total-unfollows").textContent = total(unfollows);
		$("total-follows").textContent = total(follows);
		const net = follows - unfollows;
		// The difference of two incomplete counts is unknown.
		$("net").textContent = gap ? "?" : `${net > 0 ? "+" : net < 0 ? "−" : ""}${number(Math.abs(net))}`;

		$("incomplete").hidden = $("incomplete-key").hidden = !gap;
		if (gap) {
			$("incomplete").replaceChildren("Counts before ", time(completeSince, (ms) => `${day(ms)}, ${clock(ms)}`),
				" are not complete: the log is longer than the Worker counts at once.");
		}
		$("hours").tBodies[0].replaceChildren(...hours.toReversed().map((hour) => row(hour, completeSince)));
		this.#chart.show(hours, completeSince);
		const sums = `${count(unfollows, "unfollow")} and ${count(follows, "follow")}`;
		$("chart").setAttribute("aria-label", `Bars of ${sums}; the table below has the same.`);
	}

	#describe(hour) {
		$("readout").textContent = hour
			? `${span(hour)}: ${count(hour.unfollows, "unfollow")}, ${count(hour.follows, "follow")}`
			: "";
	}
}

function row(hour, completeSince) {
	const mark = isIncomplete(hour, completeSince) ? "+" : "";
	const cell = (n) => el("td", {}, `${number(n)}${mark}`);
	const title = el("th", { scope: "row" }, time(hour.start, () => `${day(hour.start)}, ${span(hour)}`));
	return el("tr", {}, title, cell(hour.unfollows), cell(hour.follows));
}
