// What may be wrong: rejected calls, deliveries and events that are not where they should be yet, and silence.

import { signal } from "@preact/signals";
import { type CallCount, type DeliveryPage, Problem } from "../api/client.ts";
import { MINUTE } from "../lib/format.ts";
import { countedSince, type Range, rangeOf } from "../lib/range.ts";
import { Cell, Part, type Poll, patienceOf } from "./cell.ts";
import { route } from "./route.ts";

/** Ms between two questions for the settings. */
const STATUS_EVERY = 5 * MINUTE;
/** Deliveries that are counted one by one. */
const COUNTED = 100;

/** Null stands for what the Worker does not know. The calls are the app's in the range, by hour and outcome. */
interface Findings {
	range: Range;
	calls: CallCount[] | null;
	retrying: DeliveryPage | null;
	dead: DeliveryPage | null;
	/** Delivered, and answered FAIL. */
	refused: DeliveryPage | null;
	at: number;
}

export class Alerts extends Part {
	readonly findings = new Cell<Findings>(() => route.value.range);
	/** When the last call came, in Unix ms; null where none is known, undefined where calls are not counted. */
	readonly lastCall = signal<number | null | undefined>(undefined);
	/** When the last event came that was stored or queued, as above. */
	readonly lastStored = signal<number | null | undefined>(undefined);

	async refresh({ api, route, now, signal }: Poll): Promise<void> {
		const { app } = this;
		const { apps, status } = this.session;
		if (now - status.value.at >= STATUS_EVERY)
			status.value = { data: await api.get("/v1/status", {}, signal), at: now };
		const held = this.findings.data;
		if (held !== null && now - held.at < patienceOf(route)) return;
		const range = rangeOf(route.range, now);
		const delivered = (state: "retrying" | "dead" | "delivered_fail") =>
			status.value.data.origin ? known(api.get("/v1/deliveries", { app, state, limit: COUNTED }, signal)) : null;
		await this.findings.read(async () => {
			const [calls, ofApp, retrying, dead, refused] = await Promise.all([
				known(api.get("/v1/calls", { since: countedSince(range, now), until: now }, signal)),
				// Calls that name no app of ours are counted under none; the time of the last call is the app's own.
				apps.length > 1 ? known(api.get("/v1/calls", { app, since: now, until: now }, signal)) : null,
				delivered("retrying"),
				delivered("dead"),
				delivered("delivered_fail"),
			]);
			this.lastCall.value = (ofApp ?? calls)?.last_call_at;
			this.lastStored.value = (ofApp ?? calls)?.last_stored_at;
			const hours = calls?.hours.filter((hour) => hour.sdk_app_id === app || hour.sdk_app_id === 0);
			return { range, calls: hours ?? null, retrying, dead, refused, at: now };
		}, signal);
	}
}

/** How many calls of the outcomes there were. */
export const countOf = (calls: CallCount[], ...outcomes: CallCount["outcome"][]) =>
	calls.reduce((sum, call) => sum + (outcomes.includes(call.outcome) ? call.count : 0), 0);

/** Reasons with the number of calls that were rejected for them, the most frequent first. */
export function rejectedOf(calls: CallCount[]): [reason: string, count: number][] {
	const rejected = calls.filter(({ outcome }) => outcome === "rejected" || outcome === "failed");
	const reasons = [...Map.groupBy(rejected, ({ reason }) => reason ?? "")];
	const counted = reasons.map(([reason, of]): [string, number] => [reason, countOf(of, "rejected", "failed")]);
	return counted.sort(([, one], [, other]) => other - one);
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
