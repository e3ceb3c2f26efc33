// A delivery in words: how its last attempt ended. Also of dead letters, which are deliveries that were given up.

import type { Delivery } from "../api/client.ts";
import { t } from "../text/language.ts";

/** How the last attempt of a delivery or a dead letter ended. */
type Ended = Pick<Delivery, "last_status" | "last_error">;

/** How the last attempt ended. */
export function outcome({ last_status: status, last_error: error }: Ended) {
	const { answered, failures, noAttempt, otherFailure } = t().deliveries;
	if (status !== null) return answered(status, error === "fail");
	if (error === null) return noAttempt;
	return new Map(Object.entries(failures)).get(error) ?? otherFailure;
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
