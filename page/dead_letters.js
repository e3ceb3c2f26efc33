// Dead letters: what could not be delivered or stored and was given up, with the reason. A view of its own, where each can be
// replayed or discarded.

import { title } from "./delivery.js";
import { $, announce, button, el, setState, time } from "./dom.js";
import { ago, count, MINUTE, number } from "./format.js";

/** Ms between two polls; each costs two KV lists, of 1,000 a day on the free plan. */
const EVERY = 5 * MINUTE;

const JOBS = { deliver: "to be delivered", store_kv: "to be stored in KV", store_d1: "to be stored in D1" };

export class DeadLetters {
	#changed;
	#open;
	#counted;
	#source = null;
	#askedAt = 0;
	#isDue = true;
	#deadLetters = [];
	#hasMore = false;
	/** Those that were replayed or discarded: KV may list them for a while. */
	#gone = new Set();
	#discarding = null;

	/**
	 * @param changed is called when the list is out of date @param open shows the record of an event
	 * @param counted is called with how many there are
	 */
	constructor({ changed, open, counted }) {
		this.#changed = changed;
		this.#open = open;
		this.#counted = counted;
		$("replay-all").addEventListener("click", () => this.#replayAll());
		$("dead-letter-list").addEventListener("click", (event) => this.#clicked(event));
		$("discard-cancel").addEventListener("click", () => $("discard").close());
		$("discard-now").addEventListener("click", () => this.#discard());
	}

	/** Clears what is shown of the previous app. */
	reset() {
		this.#source = null;
		this.#askedAt = 0;
		this.#deadLetters = [];
		this.#say("");
		$("discard").close();
		$("replay-all").hidden = true;
		$("dead-letters-more").hidden = true;
		$("dead-letter-list").replaceChildren();
		this.#counted(0, "");
		setState($("dead-letters"), "loading");
	}

	/** The list may be out of date. */
	invalidate() {
		this.#isDue = true;
	}

	/** Asks now and then, and when all is to be read again. */
	async refresh({ api, app, isFull, state }, _news, signal) {
		this.#source ??= { api, app };
		const now = Date.now();
		const isWanted = this.#isDue || (isFull && state.view === "dead-letters");
		if (now - this.#askedAt < EVERY && !isWanted) return;
		try {
			const [ours, unreadable] = await Promise.all([api.deadLetters(app, signal), api.deadLetters(0, signal)]);
			this.#askedAt = now;
			this.#isDue = false;
			this.#hasMore = ours.cursor !== null || unreadable.cursor !== null;
			this.#deadLetters = [...ours.dead_letters, ...unreadable.dead_letters];
			this.#draw();
		} catch (error) {
			if (!signal.aborted && this.#askedAt === 0) setState($("dead-letters"), "error", error.message);
			throw error;
		}
	}

	#draw() {
		this.#deadLetters = this.#deadLetters.filter((deadLetter) => !this.#gone.has(key(deadLetter)));
		const n = this.#deadLetters.length;
		this.#counted(n, `${number(n)}${this.#hasMore ? "+" : ""}`);
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

	#clicked(event) {
		const { action } = event.target.closest("button")?.dataset ?? {};
		const row = event.target.closest("li");
		const deadLetter = this.#deadLetters.find((it) => key(it) === row?.dataset.key);
		if (!action || !deadLetter) return;
		if (action === "record") this.#open(eventId(deadLetter));
		else if (action === "replay") void this.#replay(deadLetter);
		else this.#askToDiscard(deadLetter);
	}

	#askToDiscard(deadLetter) {
		this.#discarding = deadLetter;
		$("discard-id").textContent = deadLetter.id;
		$("discard").showModal();
		$("discard-cancel").focus();
	}

	async #discard() {
		const deadLetter = this.#discarding;
		$("discard").close();
		await this.#settle(deadLetter, "The dead letter was discarded.", ({ api }) =>
			api.discardDeadLetter(appOf(deadLetter), deadLetter.id),
		);
	}

	async #replay(deadLetter) {
		await this.#settle(deadLetter, "The dead letter is back on the queue.", ({ api }) =>
			api.replayDeadLetter(appOf(deadLetter), deadLetter.id),
		);
	}

	/** Does away with a dead letter. */
	async #settle(deadLetter, sentence, action) {
		await this.#do(async (source) => {
			try {
				await action(source);
			} catch (error) {
				// Somebody else was faster.
				if (error.status !== 404) throw error;
			}
			this.#gone.add(key(deadLetter));
			if (this.#source !== source) return;
			this.#draw();
			announce(sentence);
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
		for (const it of buttons()) it.disabled = true;
		try {
			await action(source);
		} catch (error) {
			if (this.#source === source) this.#say(error.message, true);
		} finally {
			for (const it of buttons()) it.disabled = false;
			this.invalidate();
			this.#changed();
		}
	}

	#say(sentence, isProblem = false) {
		$("dead-letters-problem").textContent = sentence;
		$("dead-letters-problem").classList.toggle("problem", isProblem);
	}
}

const appOf = (deadLetter) => deadLetter.sdk_app_id ?? 0;

/** One that was replayed and dead-lettered again has the same id. */
const key = (deadLetter) => `${appOf(deadLetter)}/${deadLetter.id}/${deadLetter.dead_at}`;

/** A message that could not be read has no app. */
const isReplayable = (deadLetter) => deadLetter.sdk_app_id !== null;

/** The id of the event: a dead letter of another job than the delivery has the job behind it. */
const eventId = (deadLetter) => deadLetter.id.replace(/-store_(kv|d1)$/, "");

function draw(deadLetter) {
	const { job, targets, received_at: receivedAt, dead_at: deadAt } = deadLetter;
	const facts = [];
	if (targets !== undefined) facts.push(el("span", { testid: "targets" }, count(targets, "target")));
	if (job !== undefined) facts.push(JOBS[job] ?? job);
	if (typeof deadAt === "number") facts.push(el("span", {}, "given up ", time(deadAt, ago)));
	if (receivedAt !== undefined) facts.push(el("span", {}, "received ", time(receivedAt)));
	const separated = facts.flatMap((fact, at) => (at === 0 ? [fact] : [" · ", fact]));
	const about = el(
		"div",
		{ className: "about" },
		title(deadLetter),
		el("p", {}, ...separated),
		el("code", {}, deadLetter.id),
	);
	const act = (text, action, className = "quiet") =>
		button(text, className, { dataset: { action }, attributes: { "aria-label": `${text} ${deadLetter.id}` } });
	const actions = isReplayable(deadLetter)
		? [act("Record", "record"), act("Replay", "replay"), act("Discard…", "discard", "quiet danger")]
		: [el("span", { className: "hint" }, "Cannot be replayed"), act("Discard…", "discard", "quiet danger")];
	return el(
		"li",
		{ dataset: { key: key(deadLetter) }, testid: "dead-letter" },
		about,
		el("div", { className: "actions" }, ...actions),
	);
}
