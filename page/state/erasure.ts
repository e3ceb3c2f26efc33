// The erasure of a user: of all that the event log knows of, and then, where it is run once more, of what a search of KV finds
// besides. What was erased stays erased where it is stopped.

import { signal } from "@preact/signals";
import { type Api, Problem } from "../api/client.ts";
import { AppTask } from "./task.ts";

export class Erasure extends AppTask {
	/** Whether what the event log knows of is erased, and KV may have more: then the next run searches. */
	readonly isSearchNeeded = signal(false);
	/** How many keys of KV were searched. */
	readonly searched = signal(0);
	readonly #user: string;
	#cursor: string | null = null;

	constructor(api: Api, app: number, user: string) {
		super(api, app);
		this.#user = user;
	}

	protected step(): Promise<boolean> {
		const path = { app: this.app, user: this.#user };
		return this.isSearchNeeded.value ? this.#search(path) : this.#erase(path);
	}

	/** The API remembers where it is. */
	async #erase(path: { app: number; user: string }): Promise<boolean> {
		try {
			const { deleted, more, search_needed } = await this.api.delete("/v1/users/{app}", path);
			this.total.value += deleted;
			this.isSearchNeeded.value = search_needed && !more;
			return more;
		} catch (error) {
			if (!(error instanceof Problem) || error.status !== 409) throw error;
			// There is no event log: the search is the whole erasure.
			this.isSearchNeeded.value = true;
			return false;
		}
	}

	async #search(path: { app: number; user: string }): Promise<boolean> {
		const query = { ...path, cursor: this.#cursor };
		const { deleted, searched, cursor } = await this.api.delete("/v1/users/{app}/records", query);
		this.total.value += deleted;
		this.searched.value += searched;
		this.#cursor = cursor;
		return cursor !== null;
	}
}
