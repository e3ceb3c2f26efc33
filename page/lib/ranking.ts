// How a user of a ranking was in the range before.

import type { Ranking, TopUser } from "../api/client.ts";
import { HOUR } from "./format.ts";
import type { Span } from "./range.ts";

/** The ranking of the range before, best first: of all users in it, or of the first. */
export interface RankingBefore extends Span {
	users: TopUser[];
	isWhole: boolean;
}

/** The figure that a ranking ranks by. */
export const rankedBy = (by: Ranking, { unfollows, follows, net }: TopUser) =>
	({ lost: unfollows, gained: follows, net })[by];

/** The time before `since`, as long as from there to `until` (inclusive), in whole hours as the API counts; all in Unix ms. */
export function spanBefore(since: number, until: number): Span {
	const length = Math.max(HOUR, Math.round((until + 1 - since) / HOUR) * HOUR);
	const end = since - (since % HOUR);
	return { start: Math.max(0, end - length), end };
}

/** A figure of the range before: exactly, or how high or low it was at most. */
export interface Before {
	figure: number;
	bound: "" | "≤" | "≥";
}

/**
 * The figure of the range before of a user whose figure now is `value`; null where it cannot be compared: too many users were
 * in it, or nobody, as where the webhook is new, or its events are not stored any more.
 */
export function before(ranking: RankingBefore, by: Ranking, user: string, value: number): Before | null {
	const found = ranking.users.find((it) => it.user === user);
	if (found) return { figure: rankedBy(by, found), bound: "" };
	const last = ranking.users.at(-1);
	if (last === undefined) return null;
	if (ranking.isWhole) return { figure: 0, bound: "" };
	// Who is not listed comes after the last one. The net ranking begins with the least.
	const figure = rankedBy(by, last);
	if (by === "net") return value < figure ? { figure, bound: "≥" } : null;
	return value > figure ? { figure, bound: "≤" } : null;
}
