// A delivery in words: how its last attempt ended, and its state. Also of dead letters, which are deliveries that were given up.

import type { DeadLetter, Delivery } from "../api/client.ts";

/** How the last attempt of a delivery or a dead letter ended. */
type Ended = Pick<Delivery, "last_status" | "last_error">;
type Failure = Exclude<Delivery["last_error"], "unknown" | null>;

const ERRORS: Record<Failure, string> = {
	timeout: "your backend did not answer in time",
	unreachable: "your backend could not be reached",
	too_large: "your backend's answer was too long",
	queue: "the queue did not take it",
	kv: "KV did not take it",
	d1: "D1 did not take it",
	settings: "the settings are invalid",
	unreadable: "the message cannot be read",
	app_removed: "the app is no longer in SDK_APP_IDS",
	retries_exhausted: "the queue gave up on it",
	fail: "your backend's answer said FAIL",
	crashed: "it stopped the Worker that processed it",
	unknown_queue: "it came from a queue of another name",
};

export const STATES: Record<Delivery["state"], string> = {
	retrying: "Being retried",
	dead: "Given up",
	delivered: "Delivered",
	delivered_fail: "Delivered, and answered FAIL",
	overdue: "Overdue: nothing was heard of its last attempt",
	unknown: "Unknown to this version",
};

export const JOBS: Record<NonNullable<DeadLetter["job"]>, string> = {
	deliver: "to be delivered",
	store_kv: "to be stored in KV",
	store_d1: "to be stored in D1",
	unknown: "in a way that this version does not know",
};

/** How the last attempt ended. */
export function outcome({ last_status: status, last_error: error }: Ended) {
	if (status !== null) return `your backend answered ${status}${error === "fail" ? " and FAIL" : ""}`;
	// A newer Worker may know other errors.
	return error === null ? "no attempt yet" : (new Map(Object.entries(ERRORS)).get(error) ?? error);
}

/** Which of the outcomes it is: "500", "timeout". The same where `outcome` has the same words. */
export function reasonOf({ last_status: status, last_error: error }: Ended): string {
	if (status !== null) return error === "fail" ? `${status}-fail` : String(status);
	return error ?? "none";
}

/** The outcome as a title. */
export function title(deadLetter: Ended): string {
	const text = outcome(deadLetter);
	return text.charAt(0).toUpperCase() + text.slice(1);
}
