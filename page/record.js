// One event's full record in a dialog, with buttons to copy, replay and delete it.

import { $, announce, el, full, moment, setState, time, user } from "./dom.js";
import { KINDS } from "./events.js";

export class Record {
	#deleted;
	#find;
	#dialog = $("record");
	#shown = null;

	/** `deleted` is called with the id of an event that was deleted, `find` with the user whose events to show. */
	constructor({ deleted, find }) {
		this.#deleted = deleted;
		this.#find = find;
		this.#dialog.addEventListener("close", () => this.#closed());
		this.#dialog.addEventListener("click", (event) => {
			// The children cover the dialog itself: this is the backdrop.
			if (event.target === this.#dialog && event.detail > 0 && !this.#isInside(event)) this.#dialog.close();
		});
		$("record-close").addEventListener("click", () => this.#dialog.close());
		$("record-copy").addEventListener("click", () => this.#copy());
		$("record-replay").addEventListener("click", () => this.#replay());
		$("record-delete").addEventListener("click", () => this.#confirm(true));
		$("record-keep").addEventListener("click", () => this.#confirm(false));
		$("record-delete-now").addEventListener("click", () => this.#delete());
	}

	/** Opens it on an event of the list, and fetches the rest. */
	async show(api, app, event) {
		const controller = new AbortController();
		this.#shown = { api, app, id: event.id, controller };
		$("record-title").textContent = `${KINDS[event.kind] ?? event.kind}, ${moment(event.event_time)}`;
		$("record-json").textContent = "";
		$("record-facts").replaceChildren();
		this.#confirm(false);
		this.#say("");
		this.#enable(false);
		setState($("record-body"), "loading");
		this.#dialog.showModal();
		try {
			const text = await api.record(app, event.id, controller.signal);
			const record = JSON.parse(text, asWritten);
			$("record-facts").replaceChildren(...this.#facts(JSON.parse(text)));
			$("record-json").textContent = JSON.stringify(record, null, 2);
			setState($("record-body"), "ready");
			this.#enable(true);
		} catch (error) {
			if (controller.signal.aborted) return;
			const sentence = error.status === 404 ? "This event no longer exists." : error.message;
			setState($("record-body"), "error", sentence);
		}
	}

	close() {
		this.#dialog.close();
	}

	#closed() {
		this.#shown?.controller.abort();
		this.#shown = null;
		$("record-json").textContent = "";
		$("record-facts").replaceChildren();
	}

	#facts(record) {
		const rows = [
			["Actor", [this.#user(record.from_account)]],
			["Target", record.to_accounts.map((id) => this.#user(id))],
			["Happened", [time(record.event_time, full)]],
			["Received", [time(record.received_at, full)]],
			["Platform", [record.opt_platform ?? "–"]],
			["Client IP", [record.client_ip ?? "–"]],
		];
		return rows.map(([name, parts]) => el("div", {}, el("dt", {}, name), el("dd", {}, ...parts)));
	}

	#user(id) {
		const button = el("button", { type: "button", className: "chip", title: "Show this user's events" }, user(id));
		button.addEventListener("click", () => {
			this.#dialog.close();
			this.#find(id);
		});
		return button;
	}

	#isInside({ clientX: x, clientY: y }) {
		const box = this.#dialog.getBoundingClientRect();
		return x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;
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
			await navigator.clipboard.writeText($("record-json").textContent);
			this.#say("Copied.");
		} catch {
			getSelection().selectAllChildren($("record-json"));
			this.#say("The browser does not allow copying; the text is selected.", true);
		}
	}

	async #replay() {
		await this.#do(async ({ api, app, id }) => {
			await api.replayEvent(app, id);
			this.#say("The event is on the queue to the origin.");
		});
	}

	async #delete() {
		await this.#do(async (shown) => {
			const { api, app, id } = shown;
			await api.erase(app, id);
			this.#deleted(id);
			announce("The event was deleted.");
			if (this.#shown !== shown) return;
			this.#dialog.close();
			// The row that had the focus is gone.
			$("events").focus({ preventScroll: true });
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

/** Leaves a number as it is written, where the browser can: Tencent's may be larger than JavaScript's. */
function asWritten(_name, value, context) {
	const isNumber = typeof value === "number" && context?.source !== undefined && JSON.rawJSON !== undefined;
	return isNumber ? JSON.rawJSON(context.source) : value;
}
