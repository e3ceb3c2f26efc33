// The newest events in a table, the filters above it, and older events on demand.

import { $, announce, count, el, setState, time, user } from "./dom.js";
import { without, withNewest, withOlder } from "./feed.js";

/** Users that a row shows before it says how many more there are. */
const SHOWN = 3;

export const KINDS = { unfollow: "Unfollow", follow: "Follow" };

export class Events {
	#open;
	#changed;
	#list = null;
	#rows = new Map();
	#source = null;
	/** The query of the list; what is being typed is not in it yet. */
	#query = filterQuery();

	/** @param open shows an event's record @param changed is called when the filters have changed */
	constructor(open, changed) {
		this.#open = open;
		this.#changed = changed;
		const filters = $("filters");
		filters.addEventListener("submit", (event) => event.preventDefault());
		for (const type of ["submit", "change"]) filters.addEventListener(type, () => this.#filter());
		// The clear button of the search field.
		$("user").addEventListener("input", () => $("user").value === "" && this.#filter());
		$("clear-filters").addEventListener("click", () => {
			this.clearFilters();
			$("events").focus();
		});
		$("more").addEventListener("click", () => this.#more());
		$("rows").addEventListener("click", (event) => this.#clicked(event));
		$("rows").addEventListener("keydown", (event) => this.#pressed(event));
	}

	/** Clears the list; the next refresh makes a new one, of what the filters now say. */
	reset() {
		this.#query = filterQuery();
		this.#list = null;
		this.#rows.clear();
		$("rows").replaceChildren();
		$("more").hidden = true;
		setState($("events"), "loading");
	}

	/** Shows the events of one user. */
	find(user) {
		$("user").value = user;
		this.#filter();
		$("user").focus();
	}

	clearFilters() {
		$("filters").reset();
		this.#filter();
	}

	/** Asks for the newest, and resolves to the events that are new to the list. */
	async refresh(api, app, signal) {
		this.#source = { api, app };
		const isFirst = this.#list === null;
		let page;
		try {
			page = await this.#page(null, signal);
		} catch (error) {
			if (!signal.aborted && isFirst) setState($("events"), "error", error.message);
			throw error;
		}
		const { list, fresh } = withNewest(this.#list, page);
		this.#list = list;
		this.#render(isFirst ? new Set() : fresh);
		if (!isFirst && fresh.size > 0) announce(count(fresh.size, "new event"));
		return list.events.filter((event) => fresh.has(event.id));
	}

	/** Removes an event that was deleted. */
	remove(id) {
		if (this.#list === null) return;
		this.#list = without(this.#list, id);
		this.#render(new Set());
	}

	/** The row of an event, where it is shown. */
	row(id) {
		return this.#rows.get(id);
	}

	#filter() {
		// Enter in the field is both a change and a submission.
		const { kind, user } = filterQuery();
		if (kind === this.#query.kind && user === this.#query.user) return;
		this.reset();
		this.#changed();
	}

	/** @param cursor where the page begins; null for the newest one */
	#page(cursor, signal) {
		const { api, app } = this.#source;
		return api.events(app, { ...this.#query, cursor }, signal);
	}

	async #more() {
		const { cursor } = this.#list;
		const button = $("more");
		button.disabled = true;
		try {
			const page = await this.#page(cursor);
			// Meanwhile the list has changed.
			if (this.#list?.cursor !== cursor) return;
			const had = this.#list.events.length;
			this.#list = withOlder(this.#list, page);
			this.#render(new Set());
			announce(count(this.#list.events.length - had, "more event"));
			this.row(this.#list.events[had]?.id)?.querySelector("button").focus();
		} catch (error) {
			announce(error.message);
			button.textContent = `${error.message} Try again`;
		} finally {
			button.disabled = false;
		}
	}

	#clicked(event) {
		const row = event.target.closest("tr");
		// A click that selects text does not open the record.
		const isSelected = getSelection().type === "Range" && getSelection().containsNode(row, true);
		if (isSelected && event.detail > 0) return;
		const { id } = row.dataset;
		const found = this.#list.events.find((one) => one.id === id);
		if (found) this.#open(found);
	}

	/** The arrow keys move from row to row. */
	#pressed(event) {
		const row = event.target.closest("tr");
		const next = { ArrowDown: row?.nextElementSibling, ArrowUp: row?.previousElementSibling }[event.key];
		if (!next) return;
		event.preventDefault();
		next.querySelector("button").focus();
	}

	#render(fresh) {
		const { events, cursor } = this.#list;
		const listed = new Set(events.map((event) => event.id));
		for (const [id, row] of this.#rows) {
			if (listed.has(id)) continue;
			row.remove();
			this.#rows.delete(id);
		}
		// Only rows that are out of order are moved, so that the others do not lose the focus.
		let next = $("rows").firstElementChild;
		for (const event of events) {
			let row = this.#rows.get(event.id);
			if (row === undefined) {
				row = draw(event);
				this.#rows.set(event.id, row);
			}
			if (fresh.has(event.id)) row.classList.add("fresh");
			if (row === next) next = next.nextElementSibling;
			else $("rows").insertBefore(row, next);
		}

		const isFiltered = Boolean(this.#query.kind || this.#query.user);
		$("more").hidden = cursor === null;
		$("more").textContent = "Load more";
		$("clear-filters").hidden = !isFiltered;
		$("nothing").textContent = isFiltered
			? "No event matches."
			: "No events yet. The first one will appear here by itself, once Tencent has called.";
		setState($("events"), events.length > 0 ? "ready" : "empty");
	}
}

/** The query of the filters. */
function filterQuery() {
	const filters = new FormData($("filters"));
	return { kind: filters.get("kind"), user: filters.get("user") };
}

function draw(event) {
	const { id, kind, from_account: from, event_time: at, opt_platform: platform } = event;
	const name = `${KINDS[kind] ?? kind} by ${from}: show the record`;
	const open = el("button", { type: "button", className: "open", attributes: { "aria-label": name } }, time(at));
	const cell = (className, ...children) => el("td", { className, attributes: { role: "cell" } }, ...children);
	const row = el("tr", { attributes: { role: "row" }, dataset: { id } },
		cell("at", open),
		cell("kind", el("span", { className: `badge ${kind}` }, KINDS[kind] ?? kind)),
		cell("actor", user(from)),
		cell("target", ...targets(event)),
		cell("platform", platform ?? "–"),
	);
	row.addEventListener("animationend", () => row.classList.remove("fresh"));
	return row;
}

/** The first targets, and how many more there are. */
function targets({ to_accounts: users }) {
	const chips = users.slice(0, SHOWN).map((id) => el("span", { className: "chip" }, user(id)));
	const more = users.length - chips.length;
	return more > 0 ? [...chips, el("span", { className: "rest" }, `+${more} more`)] : chips;
}
