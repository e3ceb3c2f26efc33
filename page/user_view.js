// One user: totals of all time, and the erasure of all that is stored about them. Chart and timeline are those of the page.

import { $, announce, el, setState, time } from "./dom.js";
import { count, day, number, signed } from "./format.js";
import { user } from "./user_id.js";

export class UserView {
	#erased;
	#totals = null;
	#source = null;
	#controller = null;

	/** @param erased is called when a user's events were erased */
	constructor(erased) {
		this.#erased = erased;
		$("user-copy").addEventListener("click", () => this.#copy());
		$("user-erase").addEventListener("click", () => this.#ask());
		$("erase-cancel").addEventListener("click", () => $("erase").close());
		$("erase-now").addEventListener("click", () => this.#erase());
		// What was erased stays erased; the rest is left alone.
		$("erase").addEventListener("close", () => this.#controller?.abort());
	}

	/** Shows who it is; the next refresh has the totals. */
	reset(id) {
		this.#totals = null;
		$("erase").close();
		$("user-id").replaceChildren(...(id === null ? [] : [user(id)]));
		setState($("user-view"), "loading");
	}

	/** When the user's last event was, in ms; null where there is none or it is not known. */
	get lastEvent() {
		return this.#totals?.last_event_time ?? null;
	}

	async refresh({ api, app, status, state, isFull }, news, signal) {
		this.#source = { api, app, user: state.user };
		const concerned = (event) => event.from_account === state.user || event.to_accounts.includes(state.user);
		const isNew = news.isGap || news.gone.length > 0 || news.added.some(concerned);
		if (this.#totals !== null && !isFull && !isNew) return;
		try {
			this.#totals = await api.user(app, state.user, signal);
		} catch (error) {
			if (!signal.aborted && this.#totals === null) setState($("user-view"), "error", error.message);
			throw error;
		}
		$("user-erase").hidden = !status.sinks.includes("d1");
		this.#draw();
	}

	/** The totals are out of date: an event was deleted. */
	invalidate() {
		this.#totals = null;
	}

	#draw() {
		const { followers, following, first_event_time: first, last_event_time: last } = this.#totals;
		const fact = (testid, name, ...parts) => el("div", {}, el("dt", {}, name), el("dd", { testid }, ...parts));
		$("user-totals").replaceChildren(
			fact("followers-lost", "Followers lost", number(followers.lost)),
			fact("followers-gained", "Followers gained", number(followers.gained)),
			fact("followers-net", "Net", signed(followers.gained - followers.lost)),
			fact("following-removed", "Unfollowed others", number(following.removed)),
			fact("following-added", "Followed others", number(following.added)),
			fact("first-event", "First event", first === null ? "–" : time(first, day)),
		);
		// Nothing to erase, or nobody.
		setState($("user-view"), last === null ? "empty" : "ready");
	}

	async #copy() {
		try {
			await navigator.clipboard.writeText(this.#source.user);
			announce("Copied.");
		} catch {
			getSelection().selectAllChildren($("user-id"));
			announce("The browser does not allow copying; the UserID is selected.");
		}
	}

	#ask() {
		$("erase-user").replaceChildren(user(this.#source.user));
		$("erase-problem").textContent = "";
		$("erase-progress").textContent = "";
		$("erase-now").disabled = false;
		$("erase").showModal();
		$("erase-cancel").focus();
	}

	/** Erases in steps, until nothing is left. */
	async #erase() {
		const { api, app, user: id } = this.#source;
		const controller = new AbortController();
		this.#controller = controller;
		$("erase-now").disabled = true;
		$("erase-problem").textContent = "";
		let total = 0;
		try {
			for (let more = true; more; ) {
				const step = await api.eraseUser(app, id);
				total += step.deleted;
				more = step.more;
				$("erase-progress").textContent = `${count(total, "record")} erased${more ? " so far …" : "."}`;
				if (controller.signal.aborted) return;
			}
			$("erase").close();
			announce(`${count(total, "record")} erased.`);
			this.#erased();
		} catch (error) {
			$("erase-problem").textContent =
				`${error.message} ${count(total, "record")} erased so far; erase again for the rest.`;
			$("erase-now").disabled = false;
		}
	}
}
