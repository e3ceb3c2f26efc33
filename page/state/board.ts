// All that is known of one app, and what a poll asks for. Another app, or another session, has a board of its own.

import { computed, effect, signal, untracked } from "@preact/signals";
import { Problem, sentenceOf } from "../api/client.ts";
import { MINUTE } from "../lib/format.ts";
import { Live, type News, NO_NEWS } from "../lib/live.ts";
import { Alerts } from "./alerts.ts";
import type { Part } from "./cell.ts";
import { currentTime, tick } from "./clock.ts";
import { Stats, Top, Totals } from "./counts.ts";
import { DeadLetters } from "./dead_letters.ts";
import { Events } from "./events.ts";
import { announce } from "./feedback.ts";
import { poller } from "./poller.ts";
import { go, route } from "./route.ts";
import { type Session, session, signOut } from "./session.ts";

/** Ms after which all is read again: events that came much later than their time, or were deleted by somebody else. */
const FULL_EVERY = 5 * MINUTE;

export class Board {
	readonly session: Session;
	readonly app: number;
	readonly alerts: Alerts;
	readonly deadLetters: DeadLetters;
	readonly events: Events;
	readonly stats = new Stats();
	readonly top = new Top();
	readonly totals = new Totals();
	/** When all was up to date, in Unix ms; 0 before. */
	readonly updatedAt = signal(0);
	/** Why the last poll has failed, as a sentence; empty where it has not. */
	readonly failure = signal("");
	readonly status = computed(() => this.session.status.value.data);
	/** Whether there is an event log that can be asked. */
	readonly hasLog = computed(() => this.status.value.sinks.includes("d1"));
	readonly #newest = signal<number | null>(null);
	/** When the last event of what is shown was, in Unix ms; null where there is none, or it is not known. */
	readonly lastEvent = computed(() =>
		route.value.user === null ? this.#newest.value : (this.totals.user.data?.last_event_time ?? null),
	);
	readonly #live = new Live();
	#fullAt = currentTime();

	constructor(session: Session, app: number) {
		this.session = session;
		this.app = app;
		this.alerts = new Alerts(session);
		this.deadLetters = new DeadLetters(session, app);
		this.events = new Events(session, app);
	}

	/** Reads all again, and leaves what is shown until then. */
	readAgain(): void {
		this.#fullAt = 0;
		poller.again();
	}

	/** Asks for what is due; see `Poller`. */
	async poll(signal: AbortSignal): Promise<void> {
		const { api } = this.session;
		const now = currentTime();
		const isFull = now - this.#fullAt >= FULL_EVERY;
		const shown = route.value;
		const parts: Part[] = [this.alerts, this.deadLetters];
		const problems: unknown[] = [];
		let news: News = NO_NEWS;
		if (this.hasLog.value) {
			try {
				news = await this.#live.poll((query) => api.get("/v1/events", { app: this.app, ...query }, signal));
				this.#newest.value = this.#live.newest;
			} catch (error) {
				signal.throwIfAborted();
				problems.push(error);
			}
			parts.push(this.events, this.stats, shown.user === null ? this.top : this.totals);
		}
		const poll = { api, app: this.app, route: shown, news, isFull, now, signal };
		const outcomes = await Promise.allSettled(parts.map((part) => part.refresh(poll)));
		signal.throwIfAborted();
		for (const outcome of outcomes) if (outcome.status === "rejected") problems.push(outcome.reason);

		const [failure] = problems;
		if (failure instanceof Problem && failure.status === 401) return signOut(failure.message);
		const sentence = failure === undefined ? "" : sentenceOf(failure);
		if (sentence !== "" && this.failure.value === "") announce(sentence);
		this.failure.value = sentence;
		if (failure !== undefined) throw failure;
		if (isFull) this.#fullAt = now;
		this.updatedAt.value = currentTime();
		tick();
	}
}

const app = computed(() => route.value.app);

/** The board of the app in the URL; null where nobody has signed in. */
export const board = computed(() => {
	const { value: entered } = session;
	if (entered === null || app.value === null || !entered.apps.includes(app.value)) return null;
	return new Board(entered, app.value);
});

/** All of the route that calls depend on: nothing else is asked for where only a dialog has opened or closed. */
const asked = computed(() => JSON.stringify({ ...route.value, event: null }));

/** Polls for the board that is shown, at once whenever it shows something else. */
export function startPolling(): void {
	effect(() => {
		const first = session.value?.apps[0];
		if (first !== undefined && board.value === null) go({ app: first }, { replace: true });
	});
	effect(() => {
		const { value: shown } = board;
		asked.value;
		untracked(() => (shown === null ? poller.stop() : poller.start((signal) => shown.poll(signal))));
	});
}
