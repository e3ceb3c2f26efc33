// The export: the events that the filters let through, part by part, as one file.

import { signal } from "@preact/signals";
import type { Api, Format } from "../api/client.ts";
import { readPart, timeOfId } from "../lib/export_part.ts";
import type { Filter } from "./route.ts";
import { AppTask } from "./task.ts";

export class Export extends AppTask {
	readonly format: Format;
	/** How far it is, from 0 to 1; null where that is not known. */
	readonly fraction = signal<number | null>(null);
	/** The ids of events that the log has damaged: see `ExportPart`. */
	readonly damaged = signal<string[]>([]);
	/** The file. */
	readonly texts: string[] = [];
	readonly #filter: Filter;
	#cursor: string | null = null;
	/** The time of the first event, in Unix ms. */
	#newest: number | null = null;

	constructor(api: Api, app: number, filter: Filter, format: Format) {
		super(api, app);
		this.#filter = filter;
		this.format = format;
	}

	protected async step(signal: AbortSignal): Promise<boolean> {
		const query = { ...this.#filter, app: this.app, format: this.format, cursor: this.#cursor };
		const { text, next } = await this.api.part("/v1/export", query, signal);
		const part = readPart(this.format, text);
		this.texts.push(part.text);
		this.total.value += part.ids.length;
		if (part.damaged.length > 0) this.damaged.value = [...this.damaged.value, ...part.damaged];
		this.#cursor = next;
		this.#setFraction(part.ids);
		return next !== null;
	}

	/** How far it is can only be told where it is known when it ends: the file goes back in time. */
	#setFraction(ids: string[]): void {
		const [first, last] = [ids[0], ids.at(-1)];
		if (first === undefined || last === undefined) return;
		this.#newest ??= timeOfId(first);
		const { since } = this.#filter;
		if (since !== null && this.#newest > since) {
			this.fraction.value = (this.#newest - timeOfId(last)) / (this.#newest - since);
		}
	}
}
