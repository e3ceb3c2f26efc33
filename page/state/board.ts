// All that is known of one app, and what a poll asks for. Another app, or another session, has a board of its own.

import { computed, effect, signal, untracked } from "@preact/signals";
import { Problem, sentenceOf } from "../api/client.ts";
import { MINUTE } from "../lib/format.ts";
import { Live, type News, NO_NEWS } from "../lib/live.ts";
import type { Route } from "../lib/router.ts";
import { shown as language } from "../text/language.ts";
import { Alerts } from "./alerts.ts";
import { currentTime, tick } from "./clock.ts";
import { Stats, Top, Totals } from "./counts.ts";
import { DeadLetters } from "./dead_letters.ts";
import { Events } from "./events.ts";
import { announce } from "./feedback.ts";
import { poller } from "./poller.ts";
import { go, route } from "./route.ts";
import { type Session, session, signOut } from "./session.ts";

/** Ms after which all is read again: events that came much later than their time, or were deleted by somebody else. */
const fullEvery = ({ range }: Route) => (range === "24h" ? 5 * MINUTE : 15 * MINUTE);

export type Board = ReturnType<typeof boardOf>;

function boardOf(session: Session, app: number) {
	const parts = {
		alerts: new Alerts(session, app),
		deadLetters: new DeadLetters(session, app),
		events: new Events(session, app),
		stats: new Stats(session, app),
		top: new Top(session, app),
		totals: new Totals(session, app),
	};
	const status = computed(() => session.status.value.data);
	/** Whether the token may change anything. */
	const mayChange = computed(() => status.value.role === "admin");
	/** Whether the app was removed from the settings: then nothing of it arrives, and nothing is replayed. */
	const isRemoved = session.removed.includes(app);
	const mayReplay = computed(() => mayChange.value && !isRemoved);
	/** Whether there is an event log that can be asked. */
	const hasLog = computed(() => status.value.sinks.includes("d1"));
	/** Whether what never arrived can be looked for: the Worker may ask Tencent, and the token may have it do so. */
	const mayCompare = computed(() => mayChange.value && status.value.compares.includes(app));
	/** When all was up to date, in Unix ms; 0 before. */
	const updatedAt = signal(0);
	/** Why the last poll has failed; undefined where it has not. */
	const failed = signal<unknown>(undefined);
	/** The same as a sentence, or empty. */
	const failure = computed(() => sentenceOf(failed.value));
	const live = new Live();
	const newest = signal<number | null>(null);
	/** When the last event was that a webhook brought, as above: there was a call then, which may not be counted yet. */
	const newestCall = signal<number | null>(null);
	/** When the last event of what is shown was, in Unix ms; null where there is none, or it is not known. */
	const lastEvent = computed(() =>
		route.value.user === null ? newest.value : (parts.totals.user.data?.totals.last_event_time ?? null),
	);
	let fullAt = currentTime();

	/** Asks for what is new in the log, and then each part for what is due. Returns the first that failed, and whether it is the log. */
	async function ask(isFull: boolean, signal: AbortSignal): Promise<{ error: unknown; isLog: boolean }> {
		const { api } = session;
		const { alerts, deadLetters, events, stats, top, totals } = parts;
		const poll = { api, route: route.value, news: NO_NEWS as News, isFull, now: currentTime(), signal };
		let failed: unknown;
		if (hasLog.value) {
			try {
				poll.news = await live.poll((query) => api.get("/v1/events", { app, ...query }, signal), poll.now);
				newest.value = live.newest;
				newestCall.value = live.newestCall;
				// The clock may have stood still while the computer slept; what is new is drawn by the present.
				poll.now = Math.max(poll.now, currentTime());
				tick();
			} catch (error) {
				signal.throwIfAborted();
				failed = error;
			}
		}
		const ofLog = [events, stats, poll.route.user === null ? top : totals];
		const asked = [alerts, deadLetters, ...(hasLog.value ? ofLog : [])];
		const outcomes = await Promise.allSettled(asked.map((part) => part.refresh(poll)));
		signal.throwIfAborted();
		const rejected = outcomes.find((outcome) => outcome.status === "rejected");
		return { error: failed ?? rejected?.reason, isLog: failed !== undefined };
	}

	/** See `Poller`. */
	async function poll(signal: AbortSignal): Promise<void> {
		const isFull = currentTime() - fullAt >= fullEvery(route.value);
		const { error, isLog } = await ask(isFull, signal);
		if (error instanceof Problem && error.status === 401) return signOut(() => sentenceOf(error));
		if (error !== undefined && failed.value === undefined) announce(sentenceOf(error));
		failed.value = error;
		// As long as one part is to wait, such as the dead letters for the next day of KV's limit, the others need not.
		if (error !== undefined) throw isLog ? error : new Error(sentenceOf(error));
		if (isFull) fullAt = currentTime();
		updatedAt.value = currentTime();
		tick();
	}

	/** Reads all again, and leaves what is shown until then. */
	function readAgain(): void {
		fullAt = 0;
		poller.again();
	}

	const known = { status, hasLog, isRemoved, updatedAt, failure, lastEvent, newestCall };
	return { session, app, ...parts, ...known, mayChange, mayReplay, mayCompare, poll, readAgain };
}

const app = computed(() => route.value.app);

/** The board of the app in the URL; null where nobody has signed in. */
export const board = computed(() => {
	const { value: entered } = session;
	const shown = [...(entered?.apps ?? []), ...(entered?.removed ?? [])].find((it) => it === app.value);
	return entered && shown !== undefined ? boardOf(entered, shown) : null;
});

/** All of the route that calls depend on: nothing else is asked for where only a dialog has opened, or what is there is filtered. */
const asked = computed(() => JSON.stringify({ ...route.value, event: null, reason: null }));

/** Polls for the board that is shown, at once whenever it shows something else. */
export function startPolling(): void {
	effect(() => {
		const first = session.value?.apps[0];
		if (first !== undefined && board.value === null) go({ app: first }, { replace: true });
	});
	effect(() => {
		asked.value;
		// What the Worker says is in a language, too.
		language.value;
		const { value: shown } = board;
		untracked(() => poller.start(shown?.poll));
	});
}
