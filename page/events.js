// The events in a list, grouped by day, and older ones on demand. The list follows the filters in the URL.

import { PAGE_MAX } from "./api.js";
import { $, announce, button, el, setState, time } from "./dom.js";
import { EventList } from "./event_list.js";
import { ago, clock, count, dayKey, dayTitle, isAhead, isDate } from "./format.js";
import { userLink, userText } from "./user_id.js";

/** Events of the first page. */
const PAGE = 50;
/** Users that a row shows before it says how many more there are. */
const SHOWN = 3;

export const KIND_NAMES = { unfollow: "Unfollow", follow: "Follow" };
const VERBS = { unfollow: "unfollowed", follow: "followed" };

/** The filters of the list: a part of the page's state, and the same as the API's parameters. */
export const filterOf = ({ kind, user, role, since, until }) => ({ kind, user, role, since, until });

export class Events {
	#open;
	#hrefOf;
	#list = null;
	#rows = new Map();
	/** The days that are shown, by their key. */
	#days = new Map();
	#source = null;

	/** @param open shows an event's record @param hrefOf gives the URL of a user's view */
	constructor({ open, hrefOf }) {
		this.#open = open;
		this.#hrefOf = hrefOf;
		$("more").addEventListener("click", () => this.#more());
		$("days").addEventListener("click", (event) => this.#clicked(event));
		$("days").addEventListener("keydown", (event) => this.#pressed(event));
	}

	/** Clears the list; the next refresh makes a new one. */
	reset() {
		this.#list = null;
		this.#clear();
		$("more").hidden = true;
		setState($("events"), "loading");
	}

	get isEmpty() {
		return this.#list?.events.length === 0;
	}

	/** The event of this id, where it is loaded. */
	find(id) {
		return this.#list?.find(id);
	}

	/** Takes what a poll has read; asks for the newest page at first, after a gap, and where all is to be read again. */
	async refresh(source, news, signal) {
		this.#source = source;
		if (this.#list?.remove(news.gone)) this.#drawAll();
		if (this.#list === null || news.isGap || source.isFull) await this.#load(news, signal);
		const added = this.#list.add(news.read.filter((event) => matches(event, source.state)));
		const fresh = new Set(news.fresh.map((event) => event.id));
		// The oldest first: a row is placed before the next older one.
		for (const event of added.toReversed()) this.#place(event).classList.toggle("fresh", fresh.has(event.id));
		const arrived = added.filter((event) => fresh.has(event.id)).length;
		if (arrived > 0) announce(count(arrived, "new event"));
		this.#updateState();
	}

	async #load(news, signal) {
		let page;
		try {
			page = await this.#page({ limit: PAGE }, signal);
		} catch (error) {
			if (!signal.aborted && this.#list === null) setState($("events"), "error", error.message);
			throw error;
		}
		if (this.#list === null || news.isGap) {
			if (news.isGap) announce("There are many new events.");
			this.#list = new EventList(page);
			this.#drawAll();
		} else if (this.#list.replaceNewest(page)) {
			this.#drawAll();
		}
	}

	/** Removes an event that was deleted. */
	remove(id) {
		if (!this.#list?.remove([id])) return;
		const day = this.#rows.get(id).closest("section");
		this.#rows.get(id).remove();
		this.#rows.delete(id);
		this.#dropIfEmpty(day);
		this.#updateState();
	}

	#page(query, signal) {
		const { api, app, state } = this.#source;
		return api.events(app, { ...filterOf(state), ...query }, signal);
	}

	/** Loads as many events again as there are. */
	async #more() {
		const list = this.#list;
		const more = $("more");
		more.disabled = true;
		try {
			const limit = Math.min(Math.max(list.events.length, PAGE), PAGE_MAX);
			const page = await this.#page({ cursor: list.cursor, limit });
			if (this.#list !== list) return;
			const added = list.addOlder(page);
			for (const event of added) this.#append(event);
			announce(count(added.length, "more event"));
			this.#updateState();
			this.#rows.get(added[0]?.id)?.querySelector(".open").focus();
		} catch (error) {
			announce(error.message);
			more.textContent = `${error.message} Try again`;
		} finally {
			more.disabled = false;
		}
	}

	#clicked(event) {
		const row = event.target.closest(".event");
		if (!row || event.target.closest("a")) return;
		// A click that selects text does not open the record.
		const isSelected = getSelection().type === "Range" && getSelection().containsNode(row, true);
		if (isSelected && event.detail > 0) return;
		this.#open(row.dataset.id);
	}

	/** The arrow keys move from row to row. */
	#pressed(event) {
		const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
		const row = event.target.closest(".event");
		if (!step || !row) return;
		const at = this.#list.events.indexOf(this.#list.find(row.dataset.id));
		const next = this.#rows.get(this.#list.events[at + step]?.id);
		if (!next) return;
		event.preventDefault();
		next.querySelector(".open").focus();
	}

	#updateState() {
		$("more").hidden = this.#list.cursor === null;
		$("more").textContent = "Load more";
		setState($("events"), this.#list.events.length > 0 ? "ready" : "empty");
	}

	#clear() {
		this.#rows.clear();
		this.#days.clear();
		$("days").replaceChildren();
	}

	/** Draws the list again. Rows are reused, so that the one with the focus keeps it. */
	#drawAll() {
		const focused = document.activeElement?.closest("#days .event")?.dataset.id;
		const rows = this.#rows;
		this.#rows = new Map();
		this.#days.clear();
		$("days").replaceChildren();
		for (const event of this.#list.events) this.#append(event, rows.get(event.id));
		this.#rows.get(focused)?.querySelector(".open").focus({ preventScroll: true });
	}

	/** Draws an event behind all others. */
	#append(event, row = this.#draw(event)) {
		this.#rows.set(event.id, row);
		const day = this.#day(event);
		if (!day.isConnected) $("days").append(day);
		day.lastElementChild.append(row);
		return row;
	}

	/** Draws an event where it belongs. */
	#place(event) {
		const { events } = this.#list;
		const next = events[events.indexOf(event) + 1];
		const nextRow = next && this.#rows.get(next.id);
		if (!nextRow) return this.#append(event);
		const row = this.#draw(event);
		this.#rows.set(event.id, row);
		const day = this.#day(event);
		const nextDay = nextRow.closest("section");
		if (!day.isConnected) nextDay.before(day);
		if (day === nextDay) nextRow.before(row);
		else day.lastElementChild.append(row);
		return row;
	}

	#day({ event_time: at }) {
		const key = isDate(at) ? dayKey(at) : "no date";
		let day = this.#days.get(key);
		if (!day) {
			const title = isDate(at) ? `${dayTitle(at)}${isAhead(at) ? ", in the future" : ""}` : "No date";
			day = el(
				"section",
				{ dataset: { day: key }, testid: "day" },
				el("h3", {}, title),
				el("ul", { attributes: { role: "list", "aria-label": title } }),
			);
			this.#days.set(key, day);
		}
		return day;
	}

	#dropIfEmpty(day) {
		if (day.lastElementChild.childElementCount > 0) return;
		day.remove();
		this.#days.delete(day.dataset.day);
	}

	#draw(event) {
		const { id, kind, from_account: from, event_time: at, opt_platform: platform, to_accounts: targets } = event;
		const when = isDate(at) ? clock(at) : String(at);
		const name = `${when}: ${KIND_NAMES[kind] ?? kind} by ${userText(from)}, show the record`;
		const open = button("", "open", { attributes: { "aria-label": name } });
		open.append(time(at, () => when));
		const ahead = isDate(at) && isAhead(at) ? [" ", el("span", { className: "ahead" }, ago(at))] : [];
		const shown = targets.slice(0, SHOWN).map((target) => this.#link(target, "target"));
		if (targets.length > SHOWN) shown.push(el("span", { className: "rest" }, `+${targets.length - SHOWN} more`));
		const row = el(
			"li",
			{ className: "event", dataset: { id }, testid: "event-row" },
			el("span", { className: "at", testid: "time" }, open, ...ahead),
			el("span", { className: `badge ${kind}`, testid: "kind" }, KIND_NAMES[kind] ?? kind),
			el(
				"span",
				{ className: "who" },
				this.#link(from, "actor"),
				el("span", { className: "arrow", attributes: { role: "img", "aria-label": VERBS[kind] ?? kind } }, "→"),
				...shown,
			),
			el("span", { className: "platform", testid: "platform" }, platform ?? ""),
		);
		row.addEventListener("animationend", () => row.classList.remove("fresh"));
		return row;
	}

	/** A link to a user's view. Tab does not stop there: a row has one stop, and its record has the same links. */
	#link(id, testid) {
		return userLink(id, this.#hrefOf(id), { testid, className: testid, tabIndex: -1 });
	}
}

/** Whether an event is one of those that the filters let through; the same rules as the API's. */
export function matches(event, { kind, user, role, since, until }) {
	const isActor = event.from_account === user;
	const isTarget = event.to_accounts.includes(user);
	const hasUser = user === null || (role !== "target" && isActor) || (role !== "actor" && isTarget);
	const isInTime = since === null || (event.event_time >= since && event.event_time <= until);
	return hasUser && isInTime && (kind === null || event.kind === kind);
}
