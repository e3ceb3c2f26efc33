// The erasure of a user: of all that the event log knows of, and the search of KV for what it does not. What was erased stays
// erased where it is stopped.

import { signal } from "@preact/signals";
import { type Api, Problem } from "../api/client.ts";
import { Task } from "./task.ts";

abstract class OfUser extends Task {
	protected readonly api: Api;
	/** Whom. */
	protected readonly path: { app: number; user: string };

	constructor(api: Api, app: number, user: string) {
		super();
		this.api = api;
		this.path = { app, user };
	}
}

/** Erases what the event log knows of. The API remembers where it is. */
export class Erasure extends OfUser {
	/** Whether KV may have more, once all is done. */
	readonly isSearchNeeded = signal(false);

	protected async step(): Promise<boolean> {
		try {
			const { deleted, more, search_needed } = await this.api.delete("/v1/users/{app}", this.path);
			this.total.value += deleted;
			this.isSearchNeeded.value = search_needed;
			return more;
		} catch (error) {
			if (!(error instanceof Problem) || error.status !== 409) throw error;
			// There is no event log: the search is the whole erasure.
			this.isSearchNeeded.value = true;
			return false;
		}
	}
}

/** Searches all keys of KV, and erases what is found. */
export class RecordSearch extends OfUser {
	/** How many keys were searched. */
	readonly searched = signal(0);
	#cursor: string | null = null;

	protected async step(): Promise<boolean> {
		const query = { ...this.path, cursor: this.#cursor };
		const { deleted, searched, cursor } = await this.api.delete("/v1/users/{app}/records", query);
		this.total.value += deleted;
		this.searched.value += searched;
		this.#cursor = cursor;
		return cursor !== null;
	}
}
