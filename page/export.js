// The export of the events that the filters let through, as a CSV file, with progress.

import { PAGE_MAX } from "./api.js";
import { header, rows } from "./csv.js";
import { $, announce } from "./dom.js";
import { filterOf } from "./events.js";
import { count, number } from "./format.js";
import { RANGES, rangeOf, spanText } from "./range.js";

export class Export {
	#source;
	#controller = null;

	/** @param source gives the API, the app and the page's state */
	constructor(source) {
		this.#source = source;
		$("export-open").addEventListener("click", () => this.#ask());
		$("export-cancel").addEventListener("click", () => $("export").close());
		$("export-form").addEventListener("submit", (event) => {
			event.preventDefault();
			void this.#run();
		});
		$("export").addEventListener("close", () => this.#controller?.abort());
	}

	#ask() {
		const { state } = this.#source();
		const isNarrowed = state.since !== null;
		$("export-times").hidden = isNarrowed;
		$("export-range").textContent = `The last ${RANGES[state.range].title}`;
		const kind = state.kind === null ? "Events" : `${state.kind === "follow" ? "Follows" : "Unfollows"}`;
		const parts = [
			kind,
			state.user === null ? null : "of this user",
			isNarrowed ? spanText({ start: state.since, end: state.until + 1 }) : null,
		];
		$("export-what").textContent = `${parts.filter((part) => part !== null).join(", ")}: one row for each target.`;
		this.#show(false);
		$("export-problem").textContent = "";
		$("export").showModal();
	}

	#show(isRunning) {
		$("export-start").hidden = isRunning;
		$("export-times").disabled = isRunning;
		$("export-running").hidden = !isRunning;
		$("export-progress").removeAttribute("value");
		$("export-count").textContent = "";
	}

	async #run() {
		const { api, app, state } = this.#source();
		const controller = new AbortController();
		this.#controller = controller;
		const now = Date.now();
		const isRange = new FormData($("export-form")).get("time") === "range";
		const query = { ...filterOf(state), limit: PAGE_MAX };
		if (state.since === null && isRange) query.since = rangeOf(state.range, now).since;
		this.#show(true);
		$("export-problem").textContent = "";
		const parts = [header];
		let total = 0;
		let newest = null;
		try {
			let cursor = null;
			do {
				const page = await api.events(app, { ...query, cursor }, controller.signal);
				parts.push(page.events.map(rows).join(""));
				total += page.events.length;
				cursor = page.cursor;
				newest ??= page.events[0]?.event_time ?? null;
				this.#progress(total, query.since, newest, page.events.at(-1)?.event_time);
			} while (cursor !== null);
		} catch (error) {
			if (controller.signal.aborted) return;
			$("export-problem").textContent = error.message;
			return this.#show(false);
		}
		download(`unfollow-events-${app}-${new Date(now).toISOString().slice(0, 10)}.csv`, parts);
		$("export").close();
		announce(`${count(total, "event")} exported.`);
	}

	/** How far it is can only be told where it is known when it ends: the list goes back in time. */
	#progress(total, since, newest, at) {
		$("export-count").textContent = `${number(total)} events …`;
		if (since === null || since === undefined || newest === null || newest <= since) return;
		$("export-progress").value = (newest - at) / (newest - since);
	}
}

function download(name, parts) {
	const url = URL.createObjectURL(new Blob(parts, { type: "text/csv;charset=utf-8" }));
	const link = Object.assign(document.createElement("a"), { href: url, download: name });
	link.click();
	// The download has begun by then.
	setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
