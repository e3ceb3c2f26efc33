// Long work in steps, such as an export: it shows how far it is, goes on after a request that has failed, and can be stopped
// and gone on with. Where it is, is in the fields of each kind of work.

import { batch, computed, signal } from "@preact/signals";
import { type Api, Problem, sentenceOf } from "../api/client.ts";
import { SECOND } from "../lib/format.ts";
import { now, tick } from "./clock.ts";

/** How often in a row a step is tried again. */
const RETRIES = 3;
/** The longest time that a timer takes, in ms. */
const TIMER_MAX = 2 ** 31 - 1;

export abstract class Task {
	/** It is `stopped` by the operator or by a failure, and then can be gone on with. */
	readonly state = signal<"new" | "running" | "stopped" | "done">("new");
	readonly isRunning = computed(() => this.state.value === "running");
	/** What was thrown by the last step; undefined where nothing was. */
	readonly #error = signal<unknown>(undefined);
	/** Why the last step has failed, as a sentence; empty where nothing is wrong. */
	readonly problem = computed(() => sentenceOf(this.#error.value));
	/** When the step that has failed is tried again, in Unix ms; 0 where it does not wait. */
	readonly retryAt = signal(0);
	/** How many events, records or dead letters are done. */
	readonly total = signal(0);
	#controller = new AbortController();

	/** Does the next step; returns whether there are more. A step that rejects has changed no field, and is done again. */
	protected abstract step(signal: AbortSignal): Promise<boolean>;

	/**
	 * Begins, or goes on. Returns whether all is done: not where it was stopped, or where a step has failed for good, or too
	 * often in a row.
	 */
	async run(): Promise<boolean> {
		if (this.isRunning.value) return false;
		this.#controller = new AbortController();
		const { signal } = this.#controller;
		this.#set("running");
		try {
			while (await this.#stepOrRetry(signal)) signal.throwIfAborted();
			this.#set("done");
			return true;
		} catch (error) {
			this.#set("stopped", signal.aborted ? undefined : error);
			return false;
		}
	}

	/** Stops it: after the step that is under way, where that cannot be cut off. */
	stop(): void {
		this.#controller.abort();
	}

	async #stepOrRetry(signal: AbortSignal): Promise<boolean> {
		for (let failures = 0; ; failures += 1) {
			try {
				const isMore = await this.step(signal);
				this.#set("running");
				return isMore;
			} catch (error) {
				signal.throwIfAborted();
				if (failures === RETRIES || !mayPass(error)) throw error;
				const wait = Math.max(SECOND * 2 ** failures, error.retryAfter);
				this.#set("running", error, wait);
				await pause(wait, signal);
				signal.throwIfAborted();
			}
		}
	}

	/** @param wait ms until it goes on; 0 where it does not wait */
	#set(state: (typeof this.state)["value"], error?: unknown, wait = 0): void {
		batch(() => {
			if (wait > 0) tick();
			this.state.value = state;
			this.#error.value = error;
			this.retryAt.value = wait > 0 ? now.peek() + wait : 0;
		});
	}
}

/** Work on what the API has of an app. */
export abstract class AppTask extends Task {
	protected readonly api: Api;
	protected readonly app: number;

	constructor(api: Api, app: number) {
		super();
		this.api = api;
		this.app = app;
	}
}

/** Whether the same request may succeed later: the Worker was not reached, is called too often, or does not work just now. */
function mayPass(error: unknown): error is Problem {
	return error instanceof Problem && (error.status === 0 || error.status === 429 || error.status >= 500);
}

/** Waits so many ms, or until the signal is aborted. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
	return new Promise((resolve) => {
		const timer = setTimeout(resolve, Math.min(ms, TIMER_MAX));
		const aborted = () => {
			clearTimeout(timer);
			resolve();
		};
		signal.addEventListener("abort", aborted, { once: true });
	});
}
