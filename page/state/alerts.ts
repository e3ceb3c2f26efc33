// What is wrong, as the Worker says it; and what became of the calls.

import { computed, signal } from "@preact/signals";
import { type Alert, type CallCount, Problem } from "../api/client.ts";
import { wholeHour } from "../lib/days.ts";
import { HOUR, MINUTE } from "../lib/format.ts";
import { type Range, rangeOf } from "../lib/range.ts";
import { shown } from "../text/language.ts";
import { forgetOver, isAcknowledged } from "./acknowledged.ts";
import { Cell, Part, type Poll, patienceOf } from "./cell.ts";
import { route } from "./route.ts";

/** Ms between two questions for the settings. */
const STATUS_EVERY = 5 * MINUTE;

/** The calls of the app in the range, by hour and outcome; null where the Worker does not know: `DB` is not bound. */
interface Calls {
	range: Range;
	hours: CallCount[] | null;
	at: number;
}

export class Alerts extends Part {
	readonly calls = new Cell<Calls>(() => route.value.range);
	readonly told = new Cell<{ alerts: Alert[]; at: number }>(() => shown.value.language);
	/** When the last call came, in Unix ms; null where none is known, undefined where calls are not counted. */
	readonly lastCall = signal<number | null | undefined>(undefined);
	/** When the last event came that was stored or queued, as above. */
	readonly lastStored = signal<number | null | undefined>(undefined);
	readonly all = computed(() => this.told.data?.alerts ?? []);
	/** Those that the operator has not acknowledged. */
	readonly open = computed(() => this.all.value.filter((alert) => !isAcknowledged(alert)));
	/** Whether anything is wrong that strangers have not caused, and that nobody has acknowledged. */
	readonly isWrong = computed(() => this.open.value.some(({ severity }) => severity !== "notice"));

	async refresh({ api, route, isFull, now, signal }: Poll): Promise<void> {
		const { status } = this.session;
		if (isFull || now - status.value.at >= STATUS_EVERY)
			status.value = { data: await api.get("/v1/status", {}, signal), at: now };
		const isDue = ({ data }: Cell<{ at: number }>) => data === null || isFull || now - data.at >= patienceOf(route);
		const parts = [isDue(this.told) && this.#ask(api, now, signal), isDue(this.calls) && this.#count(api, now, signal)];
		await Promise.all(parts);
	}

	async #ask(api: Poll["api"], now: number, signal: AbortSignal): Promise<void> {
		await this.told.read(async () => {
			const language = shown.peek().language === "zh-CN" ? "zh" : "en";
			const { alerts, complete } = await api.get("/v1/alerts", { app: this.app, language }, signal);
			if (complete) forgetOver(alerts, this.app);
			return { alerts, at: now };
		}, signal);
	}

	/** Asks for the whole range at first, and then for its last hours: a Worker writes its counts within an hour. */
	async #count(api: Poll["api"], now: number, signal: AbortSignal): Promise<void> {
		const { app } = this;
		const held = this.calls.data;
		const range = rangeOf(route.peek().range, now);
		const since = held?.hours ? Math.max(range.since, wholeHour(held.at) - HOUR) : range.since;
		await this.calls.read(async () => {
			// Calls that name no app of ours are counted under none; the time of the last call is the app's own.
			const ask = (app: number) => known(api.get("/v1/calls", { app, since, until: now }, signal));
			const [calls, strays] = await Promise.all([ask(app), ask(0)]);
			this.lastCall.value = calls?.last_call_at;
			this.lastStored.value = calls?.last_stored_at;
			if (calls === null || strays === null) return { range, hours: null, at: now };
			const before = (held?.hours ?? []).filter(({ start }) => start >= range.since && start < calls.since);
			return { range, hours: [...before, ...calls.hours, ...strays.hours], at: now };
		}, signal);
	}
}

/** How many calls of the outcomes there were. */
export const countOf = (calls: CallCount[], ...outcomes: CallCount["outcome"][]) =>
	calls.reduce((sum, call) => sum + (outcomes.includes(call.outcome) ? call.count : 0), 0);

/** The alerts of calls that were rejected: those that strangers do not cause first, and then the most frequent. */
export function rejectionsOf(alerts: Alert[]): Alert[] {
	const rejected = alerts.filter(({ kind }) => ["calls_rejected", "stray_calls", "events_not_stored"].includes(kind));
	const isStray = ({ severity }: Alert) => Number(severity === "notice");
	return rejected.sort((one, other) => isStray(one) - isStray(other) || (other.count ?? 0) - (one.count ?? 0));
}

/** What the Worker knows, or null where it cannot know: `DB` is not bound. */
async function known<T>(call: Promise<T>): Promise<T | null> {
	try {
		return await call;
	} catch (error) {
		if (error instanceof Problem && error.status === 409) return null;
		throw error;
	}
}
