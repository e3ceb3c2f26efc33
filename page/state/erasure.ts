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
	readonly #path: { app: number; user: string };
	#cursor: string | null = null;

	constructor(api: Api, app: number, user: string) {
		super(api, app);
		this.#path = { app, user };
	}

	protected step(): Promise<boolean> {
		return this.isSearchNeeded.value ? this.#search() : this.#erase();
	}

	/** The API remembers where it is. */
	async #erase(): Promise<boolean> {
		try {
			const { deleted, more, search_needed } = await this.api.delete("/v1/users/{app}", this.#path);
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

	async #search(): Promise<boolean> {
		const query = { ...this.#path, cursor: this.#cursor };
		const { deleted, searched, cursor } = await this.api.delete("/v1/users/{app}/records", query);
		this.total.value += deleted;
		this.searched.value += searched;
		this.#cursor = cursor;
		return cursor !== null;
	}
}
