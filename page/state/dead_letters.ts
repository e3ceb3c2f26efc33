// Dead letters: what could not be delivered or stored and was given up. Each can be replayed or discarded.

import { computed, signal } from "@preact/signals";
import { type Api, type DeadLetter, Problem, sentenceOf } from "../api/client.ts";
import { MINUTE } from "../lib/format.ts";
import { announce } from "./announcement.ts";
import { Cell } from "./cell.ts";
import { deadLettersRef, moveFocus } from "./focus.ts";
import type { Part, Poll } from "./part.ts";
import { poller } from "./poller.ts";
import type { Session } from "./session.ts";

/** Ms between two polls; each costs two KV lists, of 1,000 a day on the free plan. */
const EVERY = 5 * MINUTE;

interface Listed {
	letters: DeadLetter[];
	hasMore: boolean;
	at: number;
	/** The view that they were asked for. */
	view: "dead-letters" | null;
}

const appOf = (letter: DeadLetter) => letter.sdk_app_id ?? 0;

/** One that was replayed and dead-lettered again has the same id. */
export const keyOf = (letter: DeadLetter) => `${appOf(letter)}/${letter.id}/${letter.dead_at}`;

/** A message that could not be read has no app. */
export const isReplayable = (letter: DeadLetter) => letter.sdk_app_id !== null;

/** The id of the event: a dead letter of another job than the delivery has the job behind it. */
export const eventIdOf = (letter: DeadLetter) => letter.id.replace(/-store_(kv|d1)$/, "");

export class DeadLetters implements Part {
	readonly listed = new Cell<Listed>(() => null);
	/** Those that were replayed or discarded: KV may list them for a while. */
	readonly #gone = signal(new Set<string>());
	/** Null before they are known. */
	readonly letters = computed(
		() => this.listed.data?.letters.filter((letter) => !this.#gone.value.has(keyOf(letter))) ?? null,
	);
	/** Whether an action is under way. */
	readonly isBusy = signal(false);
	/** How the last action ended, as a sentence. */
	readonly outcome = signal({ text: "", isProblem: false });
	readonly #api: Api;
	readonly #app: number;
	#isDue = false;

	constructor({ api }: Session, app: number) {
		this.#api = api;
		this.#app = app;
	}

	/** Asks now and then, on the way to another view, and when all is to be read again. */
	async refresh({ api, app, isFull, route: { view }, now, signal }: Poll): Promise<void> {
		const held = this.listed.data;
		const isWanted = this.#isDue || (isFull && view === "dead-letters");
		if (held !== null && held.view === view && now - held.at < EVERY && !isWanted) return;
		await this.listed.read(async () => {
			const pages = await Promise.all([api.deadLetters(app, signal), api.deadLetters(0, signal)]);
			const letters = pages.flatMap((page) => page.dead_letters);
			return { letters, hasMore: pages.some((page) => page.cursor !== null), at: now, view };
		}, signal);
		this.#isDue = false;
	}

	discard(letter: DeadLetter): Promise<void> {
		return this.#settle(letter, "The dead letter was discarded.", () =>
			this.#api.discardDeadLetter(appOf(letter), letter.id),
		);
	}

	replay(letter: DeadLetter): Promise<void> {
		return this.#settle(letter, "The dead letter is back on the queue.", () =>
			this.#api.replayDeadLetter(appOf(letter), letter.id),
		);
	}

	/** Replays them page by page; `say` has the sentence for how many there were. */
	replayAll(say: (total: number) => string): Promise<void> {
		return this.#do(async () => {
			let total = 0;
			let cursor: string | null = null;
			do {
				const page = await this.#api.replayDeadLetters(this.#app, cursor);
				total += page.replayed;
				cursor = page.cursor;
				this.outcome.value = { text: say(total), isProblem: false };
			} while (cursor !== null);
		});
	}

	/** Does away with a dead letter. */
	#settle(letter: DeadLetter, sentence: string, action: () => Promise<unknown>): Promise<void> {
		return this.#do(async () => {
			try {
				await action();
			} catch (error) {
				// Somebody else was faster.
				if (!(error instanceof Problem) || error.status !== 404) throw error;
			}
			this.#gone.value = new Set(this.#gone.value).add(keyOf(letter));
			announce(sentence);
			moveFocus(deadLettersRef);
		});
	}

	/** Runs one action that changes the dead letters. */
	async #do(action: () => Promise<void>): Promise<void> {
		this.outcome.value = { text: "", isProblem: false };
		this.isBusy.value = true;
		try {
			await action();
		} catch (error) {
			this.outcome.value = { text: sentenceOf(error), isProblem: true };
		} finally {
			this.isBusy.value = false;
			this.#isDue = true;
			poller.again();
		}
	}
}
