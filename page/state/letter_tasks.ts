// What is done with many dead letters: some are replayed or discarded one by one, or all are replayed, page by page.

import { signal } from "@preact/signals";
import { type Api, type DeadLetter, Problem } from "../api/client.ts";
import { AppTask, Task } from "./task.ts";

/** What is done with a dead letter. */
export type Deed = "replay" | "discard";

/** Its names in the API. App 0 has those whose messages could not be read. */
const pathOf = ({ sdk_app_id: app, id }: DeadLetter) => ({ app: app ?? 0, id });

/** Does the same with each of some dead letters. */
export class Settlement extends Task {
	readonly deed: Deed;
	/** Those that are still to come. */
	readonly left = signal<DeadLetter[]>([]);
	/** How many the API has refused, and what it answered of the last one. */
	readonly refused = signal<{ count: number; problem?: Problem }>({ count: 0 });
	readonly #api: Api;
	readonly #settled: (letter: DeadLetter, deed: Deed) => void;

	/** @param settled is called after each with which it was done */
	constructor(api: Api, deed: Deed, letters: DeadLetter[], settled: (letter: DeadLetter, deed: Deed) => void) {
		super();
		this.deed = deed;
		this.left.value = letters;
		this.#api = api;
		this.#settled = settled;
	}

	protected async step(): Promise<boolean> {
		const [letter, ...left] = this.left.value;
		if (letter === undefined) return false;
		const problem = await this.#do(letter);
		this.left.value = left;
		if (problem === null) {
			this.total.value += 1;
			this.#settled(letter, this.deed);
		} else {
			this.refused.value = { count: this.refused.value.count + 1, problem };
		}
		return left.length > 0;
	}

	/** Returns why it cannot be done with this one; null where it was done. */
	async #do(letter: DeadLetter): Promise<Problem | null> {
		try {
			if (this.deed === "replay") await this.#api.post("/v1/dead-letters/{app}/{id}/replay", pathOf(letter));
			else await this.#api.delete("/v1/dead-letters/{app}/{id}", pathOf(letter));
		} catch (error) {
			if (!(error instanceof Problem) || (error.status !== 404 && error.status !== 409)) throw error;
			// One that cannot be read, or is gone and so is not delivered again, does not hold up the others. To discard, somebody else
			// was faster.
			if (error.status === 409 || this.deed === "replay") return error;
		}
		return null;
	}
}

/** Replays all dead letters of an app but those that are being replayed. */
export class ReplayAll extends AppTask {
	#cursor: string | null = null;

	protected async step(): Promise<boolean> {
		const query = { app: this.app, cursor: this.#cursor };
		const { replayed, cursor } = await this.api.post("/v1/dead-letters/{app}/replay", query);
		this.total.value += replayed;
		this.#cursor = cursor;
		return cursor !== null;
	}
}
