// One event's full record in a dialog, with its delivery, and buttons to copy, replay and delete it.

import { describe } from "./delivery.js";
import { $, announce, el, setState, time } from "./dom.js";
import { KIND_NAMES } from "./events.js";
import { ago, full, isAhead, moment } from "./format.js";
import { userLink, visibleJson } from "./user_id.js";

export class Record {
	#closed;
	#deleted;
	#hrefOf;
	#dialog = $("record");
	#shown = null;
	#json = "";

	/** `closed` is called with the id of the event when it was closed, `deleted` with the id of an event that was deleted; `hrefOf` gives the URL of a user's view. */
	constructor({ closed, deleted, hrefOf }) {
		this.#closed = closed;
		this.#deleted = deleted;
		this.#hrefOf = hrefOf;
		// The event comes later than the closing: the dialog may show another event by then.
		this.#dialog.addEventListener("close", () => this.#dialog.open || this.#clear());
		$("record-close").addEventListener("click", () => this.close());
		$("record-copy").addEventListener("click", () => this.#copy());
		$("record-replay").addEventListener("click", () => this.#replay());
		$("record-delete").addEventListener("click", () => this.#confirm(true));
		$("record-keep").addEventListener("click", () => this.#confirm(false));
		$("record-delete-now").addEventListener("click", () => this.#delete());
	}

	/** The id of the event that is shown; null where the dialog is closed. */
	get id() {
		return this.#shown?.id ?? null;
	}

	/** Opens it on an event, and fetches the record. `event` is the event where the list has it. */
	async show({ api, app, status }, id, event) {
		const controller = new AbortController();
		this.#shown = { api, app, id, controller };
		$("record-title").textContent = event ? titleOf(event) : "Event";
		$("record-replay").hidden = !status.origin;
		this.#confirm(false);
		this.#say("");
		this.#enable(false);
		setState($("record-body"), "loading");
		this.#dialog.showModal();
		try {
			const text = await api.record(app, id, controller.signal);
			const { delivery, ...record } = JSON.parse(text);
			$("record-title").textContent = titleOf(record);
			$("record-facts").replaceChildren(...this.#facts(record, delivery));
			const { delivery: _, ...written } = JSON.parse(text, asWritten);
			this.#json = JSON.stringify(written, null, 2);
			$("record-json").textContent = visibleJson(this.#json);
			setState($("record-body"), "ready");
			this.#enable(true);
		} catch (error) {
			if (controller.signal.aborted) return;
			const sentence = error.status === 404 ? "This event is not stored, or not any more." : error.message;
			setState($("record-body"), "error", sentence);
		}
	}

	close() {
		this.#dialog.close();
		this.#clear();
	}

	#clear() {
		if (this.#shown === null) return;
		const { id, controller } = this.#shown;
		controller.abort();
		this.#shown = null;
		this.#json = "";
		$("record-json").textContent = "";
		$("record-facts").replaceChildren();
		this.#closed(id);
	}

	#facts(record, delivery) {
		const happened = [time(record.event_time, full)];
		if (isAhead(record.event_time)) happened.push(el("span", { className: "ahead" }, ` ${ago(record.event_time)}`));
		const rows = [
			["Actor", [this.#link(record.from_account)]],
			[record.to_accounts.length > 1 ? "Targets" : "Target", record.to_accounts.map((id) => this.#link(id))],
			["Happened", happened],
			["Received", [time(record.received_at, full)]],
			["Platform", [record.opt_platform ?? "–"]],
			["Client IP", [record.client_ip ?? "–"]],
		];
		if (delivery) rows.push(["Delivery", describe(delivery), "delivery"]);
		const row = ([name, parts, testid = name.toLowerCase().replace(" ", "-")]) =>
			el("div", {}, el("dt", {}, name), el("dd", { testid: `record-${testid}` }, ...parts));
		return rows.map(row);
	}

	#link(id) {
		return userLink(id, this.#hrefOf(id), { className: "chip" });
	}

	#enable(isEnabled) {
		for (const id of ["record-copy", "record-replay", "record-delete", "record-delete-now"]) {
			$(id).disabled = !isEnabled;
		}
	}

	#say(sentence, isProblem = false) {
		$("record-outcome").textContent = sentence;
		$("record-outcome").classList.toggle("problem", isProblem);
	}

	#confirm(isAsked) {
		$("record-actions").hidden = isAsked;
		$("record-confirm").hidden = !isAsked;
		this.#say("");
		if (isAsked) $("record-keep").focus();
		else if (this.#dialog.open) $("record-delete").focus();
	}

	async #copy() {
		try {
			await navigator.clipboard.writeText(this.#json);
			this.#say("Copied.");
		} catch {
			getSelection().selectAllChildren($("record-json"));
			this.#say("The browser does not allow copying; the text is selected.", true);
		}
	}

	async #replay() {
		await this.#do(async ({ api, app, id }) => {
			await api.replayEvent(app, id);
			this.#say("The event is on the queue to your backend.");
		});
	}

	async #delete() {
		await this.#do(async (shown) => {
			const { api, app, id } = shown;
			await api.deleteEvent(app, id);
			announce("The event was deleted.");
			if (this.#shown === shown) {
				this.close();
				// The row that had the focus will be gone.
				$("events").focus({ preventScroll: true });
			}
			this.#deleted(id);
		});
	}

	/** Runs an action on the event that is shown. Its outcome is shown only while the same event is. */
	async #do(action) {
		const shown = this.#shown;
		this.#enable(false);
		try {
			await action(shown);
		} catch (error) {
			if (this.#shown === shown) this.#say(error.message, true);
		} finally {
			if (this.#shown === shown) this.#enable(true);
		}
	}
}

const titleOf = ({ kind, event_time: at }) => `${KIND_NAMES[kind] ?? kind}, ${moment(at)}`;

/** Leaves a number as it is written, where the browser can: Tencent's may be larger than JavaScript's. */
function asWritten(_name, value, context) {
	const isNumber = typeof value === "number" && context?.source !== undefined && JSON.rawJSON !== undefined;
	return isNumber ? JSON.rawJSON(context.source) : value;
}
