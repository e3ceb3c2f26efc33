// The counts of the last 24 hours: the totals, the chart, and the same as a table.

import { Chart, span } from "./chart.js";
import { $, ago, count, day, el, number, setState, time } from "./dom.js";

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

	/** Whether the counts are due: after new events, and when an hour begins. */
	isDue(newEventsAt) {
		return this.#askedAt < newEventsAt || Math.floor(Date.now() / HOUR) !== Math.floor(this.#askedAt / HOUR);
	}

	async refresh(api, app, signal) {
		const askedAt = Date.now();
		try {
			const { buckets } = await api.stats(app, signal);
			this.#askedAt = askedAt;
			this.#show(buckets);
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

	#show(hours) {
		setState($("figures"), "ready");
		setState($("tiles"), "ready");
		const sum = (member) => hours.reduce((total, hour) => total + hour[member], 0);
		const [unfollows, follows] = [sum("unfollows"), sum("follows")];
		$("total-unfollows").textContent = number(unfollows);
		$("total-follows").textContent = number(follows);
		const net = follows - unfollows;
		$("net").textContent = `${net > 0 ? "+" : net < 0 ? "−" : ""}${number(Math.abs(net))}`;

		$("hours").tBodies[0].replaceChildren(...hours.toReversed().map(row));
		this.#chart.show(hours);
		const sums = `${count(unfollows, "unfollow")} and ${count(follows, "follow")}`;
		$("chart").setAttribute("aria-label", `Bars of ${sums}; the table below has the same.`);
	}

	#describe(hour) {
		$("readout").textContent = hour
			? `${span(hour)}: ${count(hour.unfollows, "unfollow")}, ${count(hour.follows, "follow")}`
			: "";
	}
}

function row(hour) {
	const cell = (n) => el("td", {}, number(n));
	const title = el("th", { scope: "row" }, time(hour.start, () => `${day(hour.start)}, ${span(hour)}`));
	return el("tr", {}, title, cell(hour.unfollows), cell(hour.follows));
}
