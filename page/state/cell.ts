// What is known of a subject, such as the counts of a range, and the poll that asks for it.

import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { type Api, sentenceOf } from "../api/client.ts";
import { MINUTE, SECOND } from "../lib/format.ts";
import type { News } from "../lib/live.ts";
import type { Route } from "../lib/router.ts";
import type { Session } from "./session.ts";

/** One poll, at a time in Unix ms. A full one reads all again. */
export interface Poll {
	api: Api;
	route: Route;
	news: News;
	isFull: boolean;
	now: number;
	signal: AbortSignal;
}

/** A part of the board of an app (an SDKAppID). */
export abstract class Part {
	readonly session: Session;
	readonly app: number;

	constructor(session: Session, app: number) {
		this.session = session;
		this.app = app;
	}

	/** Asks for what is due. Rejects where a call failed. */
	abstract refresh(poll: Poll): Promise<void>;
}

/** Ms between two calls that read a row for each hour of the range: on a long range, such a call costs more. */
export const patienceOf = ({ range }: Route) => (range === "24h" ? 30 * SECOND : 5 * MINUTE);

/** The loading of more of a list: whether it is under way, and what was thrown where it has failed. */
export interface More {
	isBusy: boolean;
	error?: unknown;
}

/** Holds the data of one subject. As soon as the subject is another, there is none, until it has been read. */
export class Cell<T> {
	readonly #subject: ReadonlySignal<string>;
	readonly #held = signal<{ subject: string; data: T | null; error?: unknown } | null>(null);
	readonly #current = computed(() => (this.#held.value?.subject === this.#subject.value ? this.#held.value : null));

	/** @param subject what of the route the data is of */
	constructor(subject: () => unknown) {
		this.#subject = computed(() => JSON.stringify(subject()));
	}

	/** Null before it has been read. */
	get data(): T | null {
		return this.#current.value?.data ?? null;
	}

	/** Why there is no data, as a sentence; empty where nothing is wrong. */
	get problem(): string {
		return sentenceOf(this.#current.value?.error);
	}

	set(data: T): void {
		this.#held.value = { subject: this.#subject.value, data };
	}

	/** Reads the data of the present subject. Where that fails, the data of before remains. */
	async read(ask: () => Promise<T>, signal: AbortSignal): Promise<void> {
		const subject = this.#subject.value;
		try {
			this.#held.value = { subject, data: await ask() };
		} catch (error) {
			const isNew = !signal.aborted && this.data === null;
			if (isNew) this.#held.value = { subject, data: null, error };
			throw error;
		}
	}
}
