// Who has a part in events, which are read one by one: only those on the screen, a few at a time, and each once.

import { signal } from "@preact/signals";
import { type Api, type EventRecord, Problem } from "../api/client.ts";

/** Events that are read at a time; each costs up to 7 rows of D1 and a KV read. */
const LANES = 3;

/** The actor and the targets, or why they are not known: the event is not stored, or could not be read. */
export type Users = Pick<EventRecord, "from_account" | "to_accounts"> | "not stored" | "failed";

export class EventUsers {
	/** By the id of the event. */
	readonly known = signal<ReadonlyMap<string, Users>>(new Map());
	readonly #api: Api;
	readonly #app: number;
	/** The events on the screen whose users are not known. */
	readonly #wanted = new Set<string>();
	readonly #reading = new Set<string>();

	constructor(api: Api, app: number) {
		this.#api = api;
		this.#app = app;
	}

	/** Reads an event as soon as there is time for it; one that could not be read before, again. */
	want(id: string): void {
		const { value: known } = this.known;
		if (this.#reading.has(id) || (known.has(id) && known.get(id) !== "failed")) return;
		this.#wanted.add(id);
		void this.#readOn();
	}

	/** Leaves an event alone that is no longer on the screen. */
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
			return await this.#api.get("/v1/events/{app}/{id}", { app: this.#app, id });
		} catch (error) {
			return error instanceof Problem && error.status === 404 ? "not stored" : "failed";
		}
	}
}
