// The newest events in a table, the filters above it, and the older ones behind it.

import { $, announce, count, el, setState, time, user } from "./dom.js";
import { fits, without, withNewest, withOlder } from "./feed.js";

/** Users that a row shows before it says how many more there are. */
const SHOWN = 3;
/** How far a refresh with a filter looks back, in ms: KV and Tencent may be late, but the whole log is many lists. */
const OVERLAP = 600_000;
/** Pages that are looked through for an event before the operator is asked whether to go on. */
const LOOKS = 5;

export const KINDS = { unfollow: "Unfollow", follow: "Follow" };

export class Events {
	#open;
	#changed;
	#list = null;
	/** When it was asked for last, in ms. */
	#askedAt = 0;
	#rows = new Map();
	#source = null;
	/** The question of which the list is the answer; what is being typed is not asked yet. */
	#asked = question();
	/** Those that were deleted: KV may list them for a while yet. */
	#gone = new Set();

	/** @param open shows an event's record @param changed is told that the filters have changed */
	constructor(open, changed) {
		this.#open = open;
		this.#changed = changed;
		const filters = $("filters");
		filters.addEventListener("submit", (event) => event.preventDefault());
		for (const type of ["submit", "change"]) filters.addEventListener(type, () => this.#filter());
		// The search field's own cross.
		$("user").addEventListener("input", () => $("user").value === "" && this.#filter());
		$("clear-filters").addEventListener("click", () => {
			this.clearFilters();
			$("events").focus();
		});
		$("more").addEventListener("click", () => this.#more());
		$("rows").addEventListener("click", (event) => this.#clicked(event));
		$("rows").addEventListener("keydown", (event) => this.#pressed(event));
	}

	/** Forgets all that is shown; what comes next is another list, of what the filters now say. */
	reset() {
		this.#asked = question();
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
		const askedAt = Date.now();
		let page;
		let since = isFirst || !this.#isFiltered() ? null : this.#askedAt - OVERLAP;
		try {
			if (since !== null) {
				page = await this.#page({ since }, signal);
				if (!fits(this.#list, page)) since = null;
			}
			if (since === null) page = await this.#newest(signal);
		} catch (error) {
			if (!signal.aborted && isFirst) setState($("events"), "error", error.message);
			throw error;
		}
		const { list, fresh } = withNewest(this.#list, page, since);
		this.#askedAt = askedAt;
		this.#list = list;
		this.#render(isFirst ? new Set() : fresh);
		if (!isFirst && fresh.size > 0) announce(count(fresh.size, "new event"));
		return list.events.filter((event) => fresh.has(event.id));
	}

	/** Takes an event out that was deleted. */
	remove(id) {
		this.#gone.add(id);
		if (this.#list === null) return;
		this.#list = without(this.#list, id);
		this.#render(new Set());
	}

	/** The row of an event, where it is shown. */
	row(id) {
		return this.#rows.get(id);
	}

	#isFiltered() {
		const { kind, user } = this.#asked;
		return Boolean(kind || user);
	}

	#filter() {
		// Enter in the field is both a change and a submission.
		const { kind, user } = question();
		if (kind === this.#asked.kind && user === this.#asked.user) return;
		this.reset();
		this.#changed();
	}

	/** @param {{since?: number | null, cursor?: string}} part which part of the answer is wanted; the newest by itself */
	async #page(part, signal) {
		const { api, app } = this.#source;
		const page = await api.events(app, { ...this.#asked, ...part }, signal);
		return { ...page, events: page.events.filter((event) => !this.#gone.has(event.id)) };
	}

	/** The newest events, from however far back they are, within bounds. */
	async #newest(signal) {
		let page = await this.#page({}, signal);
		for (let look = 1; page.events.length === 0 && page.cursor !== null && look < LOOKS; look += 1) {
			page = await this.#page({ cursor: page.cursor }, signal);
		}
		return page;
	}

	async #more() {
		const { cursor } = this.#list;
		const button = $("more");
		button.disabled = true;
		try {
			const page = await this.#page({ cursor });
			// Meanwhile it has become another list.
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
		// Who marks text to copy it does not want the record.
		const isMarked = getSelection().type === "Range" && getSelection().containsNode(row, true);
		if (isMarked && event.detail > 0) return;
		const { id } = row.dataset;
		const found = this.#list.events.find((one) => one.id === id);
		if (found) this.#open(found);
	}

	/** Up and down walk from row to row, as in any list. */
	#pressed(event) {
		const row = event.target.closest("tr");
		const next = { ArrowDown: row?.nextElementSibling, ArrowUp: row?.previousElementSibling }[event.key];
		if (!next) return;
		event.preventDefault();
		next.querySelector("button").focus();
	}

	#render(fresh) {
		const { events, cursor } = this.#list;
		const kept = new Set(events.map((event) => event.id));
		for (const [id, row] of this.#rows) {
			if (kept.has(id)) continue;
			row.remove();
			this.#rows.delete(id);
		}
		// Only what is not in its place is moved, so that the focus stays where it is.
		let place = $("rows").firstElementChild;
		for (const event of events) {
			let row = this.#rows.get(event.id);
			if (row === undefined) {
				row = draw(event);
				this.#rows.set(event.id, row);
			}
			if (fresh.has(event.id)) row.classList.add("fresh");
			if (row === place) place = place.nextElementSibling;
			else $("rows").insertBefore(row, place);
		}

		const isFiltered = this.#isFiltered();
		$("more").hidden = cursor === null;
		$("more").textContent = events.length > 0 ? "Load more" : "Look further back";
		$("clear-filters").hidden = !isFiltered;
		$("nothing").textContent = empty(isFiltered, cursor);
		setState($("events"), events.length > 0 ? "ready" : "empty");
	}
}

/** What the filters say. */
function question() {
	const filters = new FormData($("filters"));
	return { kind: filters.get("kind"), user: filters.get("user").trim() };
}

function empty(isFiltered, cursor) {
	if (cursor !== null) return "Nothing among the newest events.";
	if (isFiltered) return "No event is like that.";
	return "No events yet. The first one shows up here by itself, once Tencent has called.";
}

function draw(event) {
	const { id, kind, from_account: from, event_time: at, opt_platform: platform } = event;
	const name = `${KINDS[kind] ?? kind} by ${from}: show the record`;
	const open = el("button", { type: "button", className: "open", attributes: { "aria-label": name } }, time(at));
	const cell = (className, ...children) => el("td", { className, attributes: { role: "cell" } }, ...children);
	const row = el("tr", { attributes: { role: "row" }, dataset: { id } },
		cell("at", open),
		cell("kind", el("span", { className: `badge ${kind}` }, KINDS[kind] ?? kind)),
		cell("who", user(from)),
		cell("whom", ...targets(event)),
		cell("platform", platform ?? "–"),
	);
	row.addEventListener("animationend", () => row.classList.remove("fresh"));
	return row;
}

/** The first users that it was done to, and how many more there are. */
function targets({ to_accounts: users, to_accounts_total: total = users.length }) {
	const shown = users.slice(0, SHOWN);
	const chips = shown.map((id) => el("span", { className: "chip" }, user(id)));
	const more = total - shown.length;
	return more > 0 ? [...chips, el("span", { className: "rest" }, `+${more} more`)] : chips;
}
