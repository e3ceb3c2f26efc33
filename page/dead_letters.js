// Dead letters: what could not be delivered or stored, the reason, and a button that puts it back on the queue.

import { $, ago, announce, count, el, number, setState, time } from "./dom.js";

/** Ms between two polls; each costs two KV lists. */
const EVERY = 300_000;

const JOBS = { deliver: "to be delivered", store_kv: "to be stored in KV", store_d1: "to be stored in D1" };

const REASONS = {
	timeout: "No answer in time",
	queue: "The queue did not take it",
	kv: "KV did not take it",
	d1: "D1 did not take it",
	settings: "The settings are invalid",
	unreadable: "The message cannot be read",
	app_removed: "The app is no longer in SDK_APP_IDS",
	retries_exhausted: "The queue gave up on it",
	crashed: "The message stopped the Worker that processed it",
};

export class DeadLetters {
	#changed;
	#source = null;
	#askedAt = 0;
	#deadLetters = [];
	#hasMore = false;
	/** Those that were replayed: KV may list them for a while. */
	#gone = new Set();

	/** @param changed is called when dead letters were replayed, so that the list is out of date */
	constructor(changed) {
		this.#changed = changed;
		$("replay-all").addEventListener("click", () => this.#replayAll());
		$("dead-letter-list").addEventListener("click", (event) => {
			const row = event.target.closest("button")?.closest("li");
			if (row) this.#replay(this.#deadLetters.find((deadLetter) => key(deadLetter) === row.dataset.key));
		});
	}

	/** Clears what is shown of the previous app. */
	reset() {
		this.#source = null;
		this.#askedAt = 0;
		this.#deadLetters = [];
		this.#say("");
		$("replay-all").hidden = true;
		$("dead-letters-more").hidden = true;
		$("dead-letter-list").replaceChildren();
		$("total-dead-letters").textContent = "–";
		delete $("dead-letters-tile").dataset.some;
		setState($("dead-letters"), "loading");
	}

	isDue() {
		return Date.now() - this.#askedAt >= EVERY;
	}

	async refresh(api, app, signal) {
		this.#source ??= { api, app };
		const askedAt = Date.now();
		try {
			const [ours, unreadable] = await Promise.all([api.deadLetters(app, signal), api.deadLetters(0, signal)]);
			this.#askedAt = askedAt;
			this.#hasMore = ours.cursor !== null || unreadable.cursor !== null;
			this.#deadLetters = [...ours.dead_letters, ...unreadable.dead_letters];
			this.#render();
		} catch (error) {
			if (!signal.aborted && this.#askedAt === 0) setState($("dead-letters"), "error", error.message);
			throw error;
		}
	}

	#render() {
		this.#deadLetters = this.#deadLetters.filter((deadLetter) => !this.#gone.has(key(deadLetter)));
		const n = this.#deadLetters.length;
		$("total-dead-letters").textContent = `${number(n)}${this.#hasMore ? "+" : ""}`;
		$("dead-letters-tile").toggleAttribute("data-some", n > 0);
		$("dead-letters-more").hidden = !this.#hasMore;
		$("replay-all").hidden = !this.#deadLetters.some(isReplayable);
		// Rows that stay are reused, so that they do not lose the focus.
		const rows = new Map([...$("dead-letter-list").children].map((row) => [row.dataset.key, row]));
		const wanted = this.#deadLetters.map((deadLetter) => rows.get(key(deadLetter)) ?? draw(deadLetter));
		for (const row of rows.values()) if (!wanted.includes(row)) row.remove();
		wanted.forEach((row, at) => {
			const there = $("dead-letter-list").children[at];
			if (there !== row) $("dead-letter-list").insertBefore(row, there ?? null);
		});
		setState($("dead-letters"), n > 0 ? "ready" : "empty");
	}

	async #replay(deadLetter) {
		await this.#do(async (source) => {
			try {
				await source.api.replayDeadLetter(source.app, deadLetter.id);
			} catch (error) {
				// Somebody else has replayed it.
				if (error.status !== 404) throw error;
			}
			this.#gone.add(key(deadLetter));
			if (this.#source !== source) return;
			this.#render();
			announce("The dead letter is back on the queue.");
			$("dead-letters").focus();
		});
	}

	async #replayAll() {
		await this.#do(async (source) => {
			let total = 0;
			let cursor = null;
			do {
				const page = await source.api.replayDeadLetters(source.app, cursor);
				if (this.#source !== source) return;
				total += page.replayed;
				cursor = page.cursor;
				this.#say(`${count(total, "dead letter")} back on the queue.`);
			} while (cursor !== null);
		});
	}

	/** Runs one action that changes the dead letters. Its outcome is shown only while the same app is. */
	async #do(action) {
		const source = this.#source;
		this.#say("");
		const buttons = () => [$("replay-all"), ...$("dead-letter-list").querySelectorAll("button")];
		for (const button of buttons()) button.disabled = true;
		try {
			await action(source);
		} catch (error) {
			if (this.#source === source) this.#say(error.message, true);
		} finally {
			for (const button of buttons()) button.disabled = false;
			this.#askedAt = 0;
			this.#changed();
		}
	}

	#say(sentence, isProblem = false) {
		$("dead-letters-problem").textContent = sentence;
		$("dead-letters-problem").classList.toggle("problem", isProblem);
	}
}

/** One that was replayed and dead-lettered again has the same id. */
const key = (deadLetter) => `${deadLetter.sdk_app_id ?? 0}/${deadLetter.id}/${deadLetter.dead_at}`;

/** A message that could not be read has no app. */
const isReplayable = (deadLetter) => deadLetter.sdk_app_id !== null;

function draw(deadLetter) {
	const { last_status: status, last_error: error, job, targets, received_at: receivedAt, dead_at: deadAt } = deadLetter;
	const reason = status === null ? (REASONS[error] ?? error ?? "Unknown") : `Your backend answered ${status}`;
	const facts = [];
	if (targets !== undefined) facts.push(count(targets, "user"));
	if (job !== undefined) facts.push(JOBS[job] ?? job);
	const about = el("div", { className: "about" },
		el("strong", {}, reason),
		el("p", {}, facts.map((fact) => `${fact} · `).join(""), "dead-lettered ", time(deadAt, ago),
			...(receivedAt === undefined ? [] : [" · received ", time(receivedAt)])),
		el("code", {}, deadLetter.id),
	);
	const end = isReplayable(deadLetter)
		? el("button", { type: "button", className: "quiet", attributes: { "aria-label": `Replay: ${reason}` } }, "Replay")
		: el("span", { className: "hint" }, "Cannot be replayed");
	return el("li", { dataset: { key: key(deadLetter) } }, about, end);
}
