// Dead letters: what could not be delivered or stored and was given up. Each can be replayed or discarded. One that is
// replayed stays in the list until its event has come to where it was to go.

import { batch, computed, signal } from "@preact/signals";
import { type DeadLetter, type DeadLetterPage, Problem } from "../api/client.ts";
import { count, MINUTE, SECOND } from "../lib/format.ts";
import { t } from "../text/language.ts";
import { Cell, type More, Part, type Poll } from "./cell.ts";
import { currentTime } from "./clock.ts";
import { announce, moveFocus, places } from "./feedback.ts";
import { type Deed, ReplayAll, Settlement } from "./letter_tasks.ts";
import { LetterUsers } from "./letter_users.ts";
import { poller } from "./poller.ts";

/** Ms between two polls; each costs a KV list for each page, two at least, of 1,000 a day on the free plan. */
const EVERY = 5 * MINUTE;
/** The same, while a dead letter is being replayed that was put on the queue within `EVERY`: most are delivered soon. */
const EVERY_SOON = 10 * SECOND;

/** The dead letters as they were asked for: when, in Unix ms, and in which view. */
interface Listed {
	letters: DeadLetter[];
	/** Where the next page of each app begins whose list goes on. App 0 has those whose messages could not be read. */
	next: { app: number; cursor: string }[];
	/** How many pages of each app were read, at most. */
	pages: number;
	at: number;
	view: "dead-letters" | null;
}

/** One that was replayed and dead-lettered again has the same id. */
export const keyOf = (letter: DeadLetter) => `${letter.sdk_app_id}/${letter.id}/${letter.dead_at}`;
/** A message that could not be read has no app. */
export const isReplayable = (letter: DeadLetter) => letter.sdk_app_id !== null;
/** One that is being replayed does not wait for anybody. */
export const isWaiting = (letter: DeadLetter) => letter.replayed_at === undefined;
/** The id of the event: a dead letter of another job than the delivery has the job behind it. */
export const eventIdOf = (letter: DeadLetter) => letter.id.replace(/-store_(kv|d1)$/, "");

export class DeadLetters extends Part {
	readonly listed = new Cell<Listed>(() => null);
	/** Who has a part in their events. */
	readonly users = new LetterUsers(this.session.api, this.app);
	/** Those that were discarded, and when others were replayed, in Unix ms: KV may list what was before for a while. */
	readonly #settled = signal<ReadonlyMap<string, number | "discarded">>(new Map());
	readonly letters = computed(() => {
		const { value: settled } = this.#settled;
		return (this.listed.data?.letters ?? []).flatMap((letter) => {
			const now = settled.get(keyOf(letter));
			if (now === "discarded") return [];
			return [now === undefined ? letter : { ...letter, replayed_at: Math.max(now, letter.replayed_at ?? 0) }];
		});
	});
	readonly waiting = computed(() => this.letters.value.filter(isWaiting).length);
	/** The keys of those that are selected. */
	readonly selected = signal<ReadonlySet<string>>(new Set());
	/** What is done with some or all of them, or was done last. */
	readonly task = signal<Settlement | ReplayAll | null>(null);
	/** Whether it is under way. */
	readonly isBusy = computed(() => this.task.value?.isRunning.value ?? false);
	readonly more = signal<More>({ isBusy: false });
	/** How many pages of each app are wanted. */
	#pages = 1;
	#isDue = false;
	/** Before this time, in Unix ms, they are not asked for: the Worker has said so. */
	#notBefore = 0;

	/** Asks now and then, on the way to another view, and when all is read again. */
	async refresh({ isFull, route: { view }, now, signal }: Poll): Promise<void> {
		if (now < this.#notBefore) return;
		const held = this.listed.data;
		const isWanted = this.#isDue || (isFull && view === "dead-letters");
		const isSoon = view !== null && this.letters.value.some((it) => now - (it.replayed_at ?? 0) < EVERY);
		if (held !== null && held.view === view && now - held.at < (isSoon ? EVERY_SOON : EVERY) && !isWanted) return;
		try {
			await this.listed.read(async () => {
				// The lists begin with the app's own, and that of those whose messages could not be read.
				const next = [this.app, 0].map((app) => ({ app, cursor: "" }));
				let read: Listed = { letters: [], next, pages: 0, at: now, view };
				while (read.pages < this.#pages && read.next.length > 0) read = await this.#readOn(read, signal);
				return read;
			}, signal);
			this.#isDue = false;
		} catch (error) {
			if (error instanceof Problem) this.#notBefore = now + error.retryAfter;
			throw error;
		}
	}

	/** Loads a page more. */
	async loadMore(): Promise<void> {
		this.more.value = { isBusy: true };
		this.#pages += 1;
		try {
			let held = this.listed.data;
			while (held && held.pages < this.#pages && held.next.length > 0) {
				const read = await this.#readOn(held);
				// They may have been read again meanwhile.
				if (this.listed.data === held) this.listed.set(read);
				held = this.listed.data;
			}
			this.more.value = { isBusy: false };
		} catch (error) {
			this.#pages -= 1;
			this.more.value = { isBusy: false, error };
		}
	}

	/** Replays or discards these. */
	settle(deed: Deed, letters: DeadLetter[]): Promise<void> {
		return this.#run(new Settlement(this.session.api, deed, letters, (letter) => this.#settle(letter, deed)));
	}

	replayAll(): Promise<void> {
		return this.#run(new ReplayAll(this.session.api, this.app));
	}

	/** Goes on with what was stopped, or has failed. */
	async goOn(): Promise<void> {
		if (this.task.value) await this.#run(this.task.value);
	}

	/** Selects some more, or takes them from the selection. */
	select(letters: DeadLetter[], isSelected: boolean): void {
		const keys = new Set(this.selected.value);
		for (const letter of letters) {
			if (isSelected) keys.add(keyOf(letter));
			else keys.delete(keyOf(letter));
		}
		this.selected.value = keys;
	}

	/** Reads the next page. */
	async #readOn(held: Listed, signal?: AbortSignal): Promise<Listed> {
		const read = async ({ app, cursor }: Listed["next"][number]): Promise<DeadLetterPage & { app: number }> => {
			return { app, ...(await this.session.api.get("/v1/dead-letters", { app, cursor }, signal)) };
		};
		const pages = await Promise.all(held.next.map(read));
		return {
			...held,
			letters: [...held.letters, ...pages.flatMap(({ dead_letters }) => dead_letters)],
			next: pages.flatMap(({ app, cursor }) => (cursor === null ? [] : [{ app, cursor }])),
			pages: held.pages + 1,
		};
	}

	/** Notes what was done with a dead letter. */
	#settle(letter: DeadLetter, deed: Deed): void {
		batch(() => {
			const now = deed === "discard" ? "discarded" : currentTime();
			this.#settled.value = new Map(this.#settled.value).set(keyOf(letter), now);
			this.select([letter], false);
		});
	}

	/** Runs what changes dead letters, one thing at a time. */
	async #run(task: Settlement | ReplayAll): Promise<void> {
		if (this.isBusy.value) return;
		this.task.value = task;
		if (await task.run()) announce(t().deadLetters.done(doneText(task)));
		moveFocus(places.deadLetters);
		this.#isDue = true;
		poller.again();
	}
}

/** What was done, in words. */
export function doneText(task: Settlement | ReplayAll): string {
	const letters = count(task.total.value, "deadLetter");
	const isDiscard = task instanceof Settlement && task.deed === "discard";
	return t().deadLetters[isDiscard ? "discarded" : "replayed"](letters);
}
