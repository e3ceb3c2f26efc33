// What is known of a subject, such as the counts of a range.

import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { sentenceOf } from "../api/client.ts";

interface Held<T> {
	/** What the data is of. */
	subject: string;
	data: T | null;
	/** Why there is no data, as a sentence; empty where nothing is wrong. */
	problem: string;
}

/** Holds the data of one subject. As soon as the subject is another, there is none, until it has been read. */
export class Cell<T> {
	readonly #subject: ReadonlySignal<string>;
	readonly #held = signal<Held<T> | null>(null);
	readonly #current: ReadonlySignal<Held<T> | null>;

	/** @param subject what of the route the data is of */
	constructor(subject: () => unknown) {
		this.#subject = computed(() => JSON.stringify(subject()));
		this.#current = computed(() => (this.#held.value?.subject === this.#subject.value ? this.#held.value : null));
	}

	/** Null before it has been read. */
	get data(): T | null {
		return this.#current.value?.data ?? null;
	}

	/** Only where there is no data. */
	get problem(): string {
		return this.#current.value?.problem ?? "";
	}

	set(data: T): void {
		this.#held.value = { subject: this.#subject.value, data, problem: "" };
	}

	/** Reads the data of the present subject. Where that fails, the data of before remains. */
	async read(ask: () => Promise<T>, signal: AbortSignal): Promise<void> {
		const subject = this.#subject.value;
		try {
			this.#held.value = { subject, data: await ask(), problem: "" };
		} catch (error) {
			if (!signal.aborted && this.data === null) {
				this.#held.value = { subject, data: null, problem: sentenceOf(error) };
			}
			throw error;
		}
	}
}
