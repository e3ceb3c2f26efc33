// A delivery in words: how its last attempt ended, and its state. Also of dead letters, which are deliveries that were given up.

import { el, time } from "./dom.js";
import { count, due, isDate } from "./format.js";

const ERRORS = {
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

const STATES = {
	retrying: "Being retried",
	dead: "Given up",
	delivered: "Delivered",
	delivered_fail: "Delivered, and answered FAIL",
	overdue: "Overdue: nothing was heard of its last attempt",
	unknown: "Unknown to this version",
};

/** How the last attempt ended. */
export function outcome({ last_status: status, last_error: error }) {
	if (typeof status === "number") return `your backend answered ${status}`;
	return error === null ? "no attempt yet" : (ERRORS[error] ?? error ?? "unknown");
}

/** A delivery as the children of an element. */
export function describe(delivery) {
	const { state, attempts, last_status: status, last_error: error, next_attempt_at: next, updated_at: at } = delivery;
	const parts = [`${STATES[state] ?? state}, ${count(attempts, "attempt")}`];
	if (status !== null || error !== null) parts.push(`, ${outcome(delivery)}`);
	if (isDate(at)) parts.push(" (", time(at), ")");
	if (state === "retrying" && next !== null) parts.push("; next attempt ", time(next, due));
	return parts;
}

/** A dead letter's reason as a title. */
export function title(deadLetter) {
	const text = outcome(deadLetter);
	return el("strong", {}, text[0].toUpperCase() + text.slice(1));
}
