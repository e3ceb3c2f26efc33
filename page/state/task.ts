// Long work in steps, such as an export. It can be stopped between two steps, and shows why it has failed.

import { signal } from "@preact/signals";
import { sentenceOf } from "../api/client.ts";

export class Task {
	readonly isRunning = signal(false);
	/** A sentence; empty where nothing is wrong. */
	readonly problem = signal("");
	#controller = new AbortController();

	/** Does step after step until one returns false. Returns whether all is done: not where a step failed, or it was stopped. */
	async run(step: (signal: AbortSignal) => Promise<boolean>): Promise<boolean> {
		this.#controller = new AbortController();
		const { signal } = this.#controller;
		this.isRunning.value = true;
		this.problem.value = "";
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

	stop(): void {
		this.#controller.abort();
	}
}
