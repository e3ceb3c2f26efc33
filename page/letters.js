// Dead letters: what could not be delivered or stored, why, and a button that puts it back on the queue.

import { $, ago, announce, count, el, number, setState, time } from "./dom.js";

/** Ms between two looks; each costs two of KV's lists. */
const EVERY = 300_000;

const REASONS = {
	timeout: "No answer in time",
	queue: "The queue did not take it",
	kv: "KV did not take it",
	settings: "The settings are broken",
	unreadable: "The message cannot be read",
};

/** Why "Replay all" leaves some. */
const STAYS = "KV still lists what is gone, or they cannot be read. Try again in a minute.";

export class Letters {
	#changed;
	#source = null;
	#askedAt = 0;
	#letters = [];
	#hasMore = false;
	/** Those that were replayed: KV may list them for a while yet. */
	#gone = new Set();

	/** @param changed is told that letters were replayed, so that what is shown of them is old */
	constructor(changed) {
		this.#changed = changed;
		$("replay-all").addEventListener("click", () => this.#replayAll());
		$("letter-list").addEventListener("click", (event) => {
			const row = event.target.closest("button")?.closest("li");
			if (row) this.#replay(this.#letters.find((letter) => key(letter) === row.dataset.key));
		});
	}

	/** Forgets the app before. */
	reset() {
		this.#source = null;
		this.#askedAt = 0;
		this.#letters = [];
		this.#say("");
		$("replay-all").hidden = true;
		$("letters-more").hidden = true;
		$("letter-list").replaceChildren();
		$("total-letters").textContent = "–";
		delete $("letters-tile").dataset.some;
		setState($("letters"), "loading");
	}

	isDue() {
		return Date.now() - this.#askedAt >= EVERY;
	}

	async refresh(api, app, signal) {
		this.#source ??= { api, app };
		const askedAt = Date.now();
		try {
			const [ours, unreadable] = await Promise.all([api.letters(app, signal), api.letters(0, signal)]);
			this.#askedAt = askedAt;
			this.#hasMore = ours.cursor !== null || unreadable.cursor !== null;
			this.#letters = [...ours.dead_letters, ...unreadable.dead_letters];
			this.#render();
		} catch (error) {
			if (!signal.aborted && this.#askedAt === 0) setState($("letters"), "error", error.message);
			throw error;
		}
	}

	#render() {
		this.#letters = this.#letters.filter((letter) => !this.#gone.has(key(letter)));
		const n = this.#letters.length;
		$("total-letters").textContent = `${number(n)}${this.#hasMore ? "+" : ""}`;
		$("letters-tile").toggleAttribute("data-some", n > 0);
		$("letters-more").hidden = !this.#hasMore;
		$("replay-all").hidden = !this.#letters.some(isReplayable);
		// Rows that stay are kept, so that the focus is.
		const rows = new Map([...$("letter-list").children].map((row) => [row.dataset.key, row]));
		const wanted = this.#letters.map((letter) => rows.get(key(letter)) ?? draw(letter));
		for (const row of rows.values()) if (!wanted.includes(row)) row.remove();
		wanted.forEach((row, at) => {
			const there = $("letter-list").children[at];
			if (there !== row) $("letter-list").insertBefore(row, there ?? null);
		});
		setState($("letters"), n > 0 ? "ready" : "empty");
	}

	async #replay(letter) {
		await this.#do(async (source) => {
			try {
				await source.api.replayLetter(source.app, letter.id);
			} catch (error) {
				// Somebody else was faster.
				if (error.status !== 404) throw error;
			}
			this.#gone.add(key(letter));
			if (this.#source !== source) return;
			this.#render();
			announce("The dead letter is back on the queue.");
			$("letters").focus();
		});
	}

	async #replayAll() {
		await this.#do(async (source) => {
			let total = 0;
			for (;;) {
				const { replayed, left, more } = await source.api.replayLetters(source.app);
				if (this.#source !== source) return;
				total += replayed;
				const done = `${count(total, "dead letter")} back on the queue`;
				if (left === 0 && !more) return this.#say(`${done}.`);
				const rest = `${done}, ${number(left)} left`;
				if (replayed === 0) return this.#say(`${rest}: ${STAYS}`);
				this.#say(`${rest}.`);
			}
		});
	}

	/** Does something that changes the letters, one at a time; where another app is looked at, nothing is said of it. */
	async #do(action) {
		const source = this.#source;
		this.#say("");
		const buttons = () => [$("replay-all"), ...$("letter-list").querySelectorAll("button")];
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
		$("letters-problem").textContent = sentence;
		$("letters-problem").classList.toggle("problem", isProblem);
	}
}

/** A letter that was replayed and died again has the same id. */
const key = (letter) => `${letter.sdk_app_id ?? 0}/${letter.id}/${letter.dead_at}`;

/** One that could not be read belongs to no app. */
const isReplayable = (letter) => letter.sdk_app_id !== null;

function draw(letter) {
	const { last_status: status, last_error: error, duty, targets, received_at: receivedAt, dead_at: deadAt } = letter;
	const reason = status === null ? (REASONS[error] ?? error ?? "Unknown") : `Your backend answered ${status}`;
	const facts = [];
	if (targets !== undefined) facts.push(count(targets, "user"));
	if (duty !== undefined) facts.push(duty === "store" ? "to be stored" : "to be delivered");
	const about = el("div", { className: "about" },
		el("strong", {}, reason),
		el("p", {}, facts.map((fact) => `${fact} · `).join(""), "given up ", time(deadAt, ago),
			...(receivedAt === undefined ? [] : [" · received ", time(receivedAt)])),
		el("code", {}, letter.id),
	);
	const end = isReplayable(letter)
		? el("button", { type: "button", className: "quiet", attributes: { "aria-label": `Replay: ${reason}` } }, "Replay")
		: el("span", { className: "hint" }, "Cannot be replayed");
	return el("li", { dataset: { key: key(letter) } }, about, end);
}
