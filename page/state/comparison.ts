// The comparison of the log with Tencent's own data, of one user's followers or of all users of a span; and the recording of what
// it finds, which is the same work with another parameter. Nothing is recorded twice, so that both can be done again.

import { signal } from "@preact/signals";
import type { Api } from "../api/client.ts";
import { AppTask } from "./task.ts";

/** Whose followers are compared: those of one user, or those of all who have events in a span, in Unix ms. */
export type Compared = { user: string } | { since: number; until: number };

const NOTHING = {
	checked: 0,
	agreeing: 0,
	missed_unfollows: 0,
	missed_follows: 0,
	unknown_to_log: 0,
	undecided: 0,
	recorded: 0,
};

/** What is found so far: numbers of relations, by the API's names. */
export type Found = typeof NOTHING;

export class Comparison extends AppTask {
	/** Whether what is found is recorded. */
	readonly isRecording: boolean;
	readonly found = signal(NOTHING);
	/** The users of the span that are done, and those still to come; null of one user, and before that is known. */
	readonly users = signal<{ done: number; left: number } | null>(null);
	readonly #of: Compared;
	#cursor: string | null = null;

	constructor(api: Api, app: number, of: Compared, isRecording: boolean) {
		super(api, app);
		this.#of = of;
		this.isRecording = isRecording;
	}

	/** How many were missed. */
	get missed(): number {
		return this.found.value.missed_unfollows + this.found.value.missed_follows;
	}

	protected async step(): Promise<boolean> {
		const query = { app: this.app, record: this.isRecording ? "true" : "false", cursor: this.#cursor } as const;
		const step =
			"user" in this.#of
				? await this.api.post("/v1/users/{app}/compare", { ...query, ...this.#of })
				: await this.api.post("/v1/compare", { ...query, ...this.#of });
		const found = { ...this.found.value };
		for (const name of Object.keys(found) as (keyof Found)[]) {
			const more = step[name];
			found[name] += typeof more === "number" ? more : more.length;
		}
		this.found.value = found;
		const { progress } = step;
		if (progress) {
			this.users.value = { done: (this.users.value?.done ?? 0) + progress.users, left: progress.users_left };
		}
		this.#cursor = step.cursor;
		return step.cursor !== null;
	}
}
