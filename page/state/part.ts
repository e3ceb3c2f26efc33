// What the parts of the board have in common: each knows what it has to ask for, and when.

import type { Api } from "../api/client.ts";
import { MINUTE, SECOND } from "../lib/format.ts";
import type { News } from "../lib/live.ts";
import type { Route } from "../lib/router.ts";

/** One poll. */
export interface Poll {
	api: Api;
	/** The SDKAppID. */
	app: number;
	route: Route;
	news: News;
	/** Whether all is read again. */
	isFull: boolean;
	/** The time of the poll, in Unix ms. */
	now: number;
	signal: AbortSignal;
}

export interface Part {
	/** Asks for what is due. Rejects where a call failed. */
	refresh(poll: Poll): Promise<void>;
}

/** Ms between two calls that read a row for each hour of the range: on a long range, such a call costs more. */
export const patienceOf = ({ range }: Route) => (range === "24h" ? 30 * SECOND : 5 * MINUTE);
