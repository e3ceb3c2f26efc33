// Who has a part in the events of dead letters, which are read one by one: only those on the screen, a few at a time, and each once.

import { signal } from "@preact/signals";
import type { Api, EventRecord } from "../api/client.ts";

/** Dead letters that are read at a time; each costs a KV read. */
const LANES = 3;

/** The actor and the targets, or why they are not known: the message is none of an event, or the dead letter could not be read. */
export type Users = Pick<EventRecord, "from_account" | "to_accounts"> | "unreadable" | "failed";

export class LetterUsers {
	/** By the id of the dead letter. */
	readonly known = signal<ReadonlyMap<string, Users>>(new Map());
	readonly #api: Api;
	readonly #app: number;
	/** The dead letters on the screen whose users are not known. */
	readonly #wanted = new Set<string>();
	readonly #reading = new Set<string>();

	constructor(api: Api, app: number) {
		this.#api = api;
		this.#app = app;
	}

	/** Reads a dead letter as soon as there is time for it; one that could not be read before, again. */
	want(id: string): void {
		const { value: known } = this.known;
		if (this.#reading.has(id) || (known.has(id) && known.get(id) !== "failed")) return;
		this.#wanted.add(id);
		void this.#readOn();
	}

	/** Leaves a dead letter alone that is no longer on the screen. */
	leave(id: string): void {
		this.#wanted.delete(id);
	}

	async #readOn(): Promise<void> {
		if (this.#reading.size >= LANES) return;
		const [id] = this.#wanted;
		if (id === undefined) return;
		this.#wanted.delete(id);
		this.#reading.add(id);
		const users = await this.#read(id);
		this.#reading.delete(id);
		this.known.value = new Map(this.known.value).set(id, users);
		void this.#readOn();
	}

	async #read(id: string): Promise<Users> {
		try {
			const { event } = await this.#api.get("/v1/dead-letters/{app}/{id}", { app: this.#app, id });
			return event ?? "unreadable";
		} catch {
			return "failed";
		}
	}
}
