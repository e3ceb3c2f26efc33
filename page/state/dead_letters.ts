// Dead letters: what could not be delivered or stored and was given up. Each can be replayed or discarded.

import { computed, signal } from "@preact/signals";
import { type DeadLetter, Problem, type ReplayedSome, sentenceOf } from "../api/client.ts";
import { MINUTE } from "../lib/format.ts";
import { Cell, Part, type Poll } from "./cell.ts";
import { announce, moveFocus, places } from "./feedback.ts";
import { poller } from "./poller.ts";

/** Ms between two polls; each costs two KV lists, of 1,000 a day on the free plan. */
const EVERY = 5 * MINUTE;

/** The dead letters as they were asked for: when, in Unix ms, and in which view. */
interface Listed {
	letters: DeadLetter[];
	hasMore: boolean;
	at: number;
	view: "dead-letters" | null;
}

/** Its names in the API. App 0 has those whose messages could not be read. */
const pathOf = ({ sdk_app_id: app, id }: DeadLetter) => ({ app: app ?? 0, id });
/** One that was replayed and dead-lettered again has the same id. */
export const keyOf = (letter: DeadLetter) => `${letter.sdk_app_id}/${letter.id}/${letter.dead_at}`;
/** A message that could not be read has no app. */
export const isReplayable = (letter: DeadLetter) => letter.sdk_app_id !== null;
/** The id of the event: a dead letter of another job than the delivery has the job behind it. */
export const eventIdOf = (letter: DeadLetter) => letter.id.replace(/-store_(kv|d1)$/, "");

export class DeadLetters extends Part {
	readonly listed = new Cell<Listed>(() => null);
	/** Those that were replayed or discarded: KV may list them for a while. */
	readonly #gone = signal(new Set<string>());
	readonly letters = computed(() => (this.listed.data?.letters ?? []).filter((it) => !this.#gone.value.has(keyOf(it))));
	/** Whether an action is under way. */
	readonly isBusy = signal(false);
	/** How the last action ended: how many were replayed at once, or why it has failed, as a sentence. */
	readonly outcome = signal<{ replayed?: number; problem?: string }>({});
	#isDue = false;

	/** Asks now and then, on the way to another view, and when all is read again. */
	async refresh({ api, isFull, route: { view }, now, signal }: Poll): Promise<void> {
		const held = this.listed.data;
		const isWanted = this.#isDue || (isFull && view === "dead-letters");
		if (held !== null && held.view === view && now - held.at < EVERY && !isWanted) return;
		await this.listed.read(async () => {
			const page = (app: number) => api.get("/v1/dead-letters", { app }, signal);
			const pages = await Promise.all([page(this.app), page(0)]);
			const letters = pages.flatMap(({ dead_letters }) => dead_letters);
			return { letters, hasMore: pages.some(({ cursor }) => cursor !== null), at: now, view };
		}, signal);
		this.#isDue = false;
	}

	discard(letter: DeadLetter): Promise<void> {
		const discard = () => this.session.api.delete("/v1/dead-letters/{app}/{id}", pathOf(letter));
		return this.#settle(letter, "The dead letter was discarded.", discard);
	}

	replay(letter: DeadLetter): Promise<void> {
		const replay = () => this.session.api.post("/v1/dead-letters/{app}/{id}/replay", pathOf(letter));
		return this.#settle(letter, "The dead letter is back on the queue.", replay);
	}

	/** Replays them page by page. */
	replayAll(): Promise<void> {
		return this.#do(async () => {
			let [total, cursor]: [number, string | null] = [0, null];
			do {
				const page: ReplayedSome = await this.session.api.post("/v1/dead-letters/{app}/replay", {
					app: this.app,
					cursor,
				});
				total += page.replayed;
				cursor = page.cursor;
				this.outcome.value = { replayed: total };
			} while (cursor !== null);
		});
	}

	/** Does away with a dead letter. */
	#settle(letter: DeadLetter, sentence: string, action: () => Promise<unknown>): Promise<void> {
		return this.#do(async () => {
			await action().catch((error) => {
				// Somebody else was faster.
				if (!(error instanceof Problem) || error.status !== 404) throw error;
			});
			this.#gone.value = new Set(this.#gone.value).add(keyOf(letter));
			announce(sentence);
			moveFocus(places.deadLetters);
		});
	}

	/** Runs one action that changes the dead letters. */
	async #do(action: () => Promise<void>): Promise<void> {
		this.outcome.value = {};
		this.isBusy.value = true;
		try {
			await action();
		} catch (error) {
			this.outcome.value = { problem: sentenceOf(error) };
		}
		this.isBusy.value = false;
		this.#isDue = true;
		poller.again();
	}
}
