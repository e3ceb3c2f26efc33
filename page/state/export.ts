// The export: the events that the filters let through, page by page, as the rows of a CSV file.

import { signal } from "@preact/signals";
import { type Api, PAGE_MAX } from "../api/client.ts";
import { header, rows } from "../lib/csv.ts";
import type { Filter } from "./route.ts";
import { Task } from "./task.ts";

export class Export extends Task {
	/** How far it is, from 0 to 1; null where that is not known. */
	readonly fraction = signal<number | null>(null);
	/** The file. */
	readonly parts = [header];
	readonly #api: Api;
	readonly #app: number;
	readonly #filter: Filter;
	#cursor: string | null = null;
	/** The time of the first event, in Unix ms. */
	#newest: number | null = null;

	constructor(api: Api, app: number, filter: Filter) {
		super();
		this.#api = api;
		this.#app = app;
		this.#filter = filter;
	}

	protected async step(signal: AbortSignal): Promise<boolean> {
		const query = { ...this.#filter, app: this.#app, limit: PAGE_MAX, cursor: this.#cursor };
		const { events, cursor } = await this.#api.get("/v1/events", query, signal);
		this.parts.push(events.map(rows).join(""));
		this.total.value += events.length;
		this.#cursor = cursor;
		this.#newest ??= events[0]?.event_time ?? null;
		const { since } = this.#filter;
		// How far it is can only be told where it is known when it ends: the list goes back in time.
		if (since !== null && this.#newest !== null && this.#newest > since) {
			this.fraction.value = (this.#newest - (events.at(-1)?.event_time ?? since)) / (this.#newest - since);
		}
		return cursor !== null;
	}
}
