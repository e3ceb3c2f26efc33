// Long work in steps, which shows how far it is and why it has failed: the export of a list, and the erasure of a user.

import { signal } from "@preact/signals";
import { type Api, PAGE_MAX, sentenceOf } from "../api/client.ts";
import { header, rows } from "../lib/csv.ts";
import type { Filter } from "./route.ts";

class Task {
	readonly isRunning = signal(false);
	/** A sentence; empty where nothing is wrong. */
	readonly problem = signal("");
	/** How many events or records are done. */
	readonly total = signal(0);
	#controller = new AbortController();

	/** Does step after step until one returns false. Returns whether all is done: not where a step failed, or it was stopped. */
	protected async run(step: (signal: AbortSignal) => Promise<boolean>): Promise<boolean> {
		this.#controller = new AbortController();
		const { signal } = this.#controller;
		this.isRunning.value = true;
		this.problem.value = "";
		this.total.value = 0;
		try {
			while (await step(signal)) signal.throwIfAborted();
			return !signal.aborted;
		} catch (error) {
			if (!signal.aborted) this.problem.value = sentenceOf(error);
			return false;
		} finally {
			this.isRunning.value = false;
		}
	}

	/** Stops it after the step that is under way. */
	stop(): void {
		this.#controller.abort();
	}
}

/** The events that the filters let through, page by page, as the rows of a CSV file. */
export class Export extends Task {
	/** How far it is, from 0 to 1; null where that is not known. */
	readonly fraction = signal<number | null>(null);
	/** The file. */
	parts: string[] = [];

	start(api: Api, app: number, filter: Filter): Promise<boolean> {
		const { since } = filter;
		let cursor: string | null = null;
		let newest: number | null = null;
		this.parts = [header];
		this.fraction.value = null;
		return this.run(async (signal) => {
			const page = await api.get("/v1/events", { ...filter, app, limit: PAGE_MAX, cursor }, signal);
			this.parts.push(page.events.map(rows).join(""));
			this.total.value += page.events.length;
			cursor = page.cursor;
			newest ??= page.events[0]?.event_time ?? null;
			// How far it is can only be told where it is known when it ends: the list goes back in time.
			if (since !== null && newest !== null && newest > since) {
				this.fraction.value = (newest - (page.events.at(-1)?.event_time ?? since)) / (newest - since);
			}
			return cursor !== null;
		});
	}
}

/** The erasure of a user. What was erased stays erased where it is stopped. */
export class Erasure extends Task {
	start(api: Api, app: number, user: string): Promise<boolean> {
		return this.run(async () => {
			const { deleted, more } = await api.delete("/v1/users/{app}", { app, user });
			this.total.value += deleted;
			return more;
		});
	}
}
