// The comparison of the log with Tencent's own data, of one user's followers or of all users of a span; and the recording of what
// it finds, which is the same work with another parameter. Nothing is recorded twice, so that both can be done again.

import { signal } from "@preact/signals";
import type { Api } from "../api/client.ts";
import { Task } from "./task.ts";

/** Whose followers are compared: those of one user, or those of all who have events in a span, in Unix ms. */
export type Compared = { user: string } | { since: number; until: number };

/** What is found so far: numbers of relations. */
export interface Found {
	checked: number;
	agreeing: number;
	missedUnfollows: number;
	missedFollows: number;
	unknownToLog: number;
	undecided: number;
	recorded: number;
}

const NOTHING: Found = {
	checked: 0,
	agreeing: 0,
	missedUnfollows: 0,
	missedFollows: 0,
	unknownToLog: 0,
	undecided: 0,
	recorded: 0,
};

export class Comparison extends Task {
	/** Whether what is found is recorded. */
	readonly isRecording: boolean;
	readonly found = signal(NOTHING);
	/** The users of the span that are done, and those still to come; null of one user, and before that is known. */
	readonly users = signal<{ done: number; left: number } | null>(null);
	readonly #api: Api;
	readonly #app: number;
	readonly #of: Compared;
	#cursor: string | null = null;

	constructor(api: Api, app: number, of: Compared, isRecording: boolean) {
		super();
		this.#api = api;
		this.#app = app;
		this.#of = of;
		this.isRecording = isRecording;
	}

	/** How many were missed. */
	get missed(): number {
		return this.found.value.missedUnfollows + this.found.value.missedFollows;
	}

	protected async step(): Promise<boolean> {
		const query = { app: this.#app, record: this.isRecording ? "true" : "false", cursor: this.#cursor } as const;
		const step =
			"user" in this.#of
				? await this.#api.post("/v1/users/{app}/compare", { ...query, ...this.#of })
				: await this.#api.post("/v1/compare", { ...query, ...this.#of });
		const { value: before } = this.found;
		this.found.value = {
			checked: before.checked + step.checked,
			agreeing: before.agreeing + step.agreeing,
			missedUnfollows: before.missedUnfollows + step.missed_unfollows.length,
			missedFollows: before.missedFollows + step.missed_follows.length,
			unknownToLog: before.unknownToLog + step.unknown_to_log,
			undecided: before.undecided + step.undecided,
			recorded: before.recorded + step.recorded,
		};
		this.total.value = this.found.value.checked;
		const { progress } = step;
		if (progress) {
			this.users.value = { done: (this.users.value?.done ?? 0) + progress.users, left: progress.users_left };
		}
		this.#cursor = step.cursor;
		return step.cursor !== null;
	}
}
