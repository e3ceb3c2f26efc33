// The export of the events that the filters let through, page by page, as the rows of a CSV file.

import { signal } from "@preact/signals";
import { type Api, PAGE_MAX } from "../api/client.ts";
import { header, rows } from "../lib/csv.ts";
import type { Filter } from "./route.ts";
import { Task } from "./task.ts";

export class Export extends Task {
	/** How many events have been read. */
	readonly total = signal(0);
	/** How far it is, from 0 to 1; null where that is not known. */
	readonly fraction = signal<number | null>(null);
	/** The file, in parts. */
	parts: string[] = [];

	start(api: Api, app: number, filter: Filter): Promise<boolean> {
		this.parts = [header];
		this.total.value = 0;
		this.fraction.value = null;
		let cursor: string | null = null;
		let newest: number | null = null;
		return this.run(async (signal) => {
			const page = await api.events(app, { ...filter, limit: PAGE_MAX, cursor }, signal);
			this.parts.push(page.events.map(rows).join(""));
			this.total.value += page.events.length;
			cursor = page.cursor;
			newest ??= page.events[0]?.event_time ?? null;
			const oldest = page.events.at(-1)?.event_time ?? null;
			const { since } = filter;
			// How far it is can only be told where it is known when it ends: the list goes back in time.
			if (since !== null && newest !== null && oldest !== null && newest > since) {
				this.fraction.value = (newest - oldest) / (newest - since);
			}
			return cursor !== null;
		});
	}
}
