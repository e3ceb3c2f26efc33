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

/**
 * The figure of the range before; null where it is not known, or there is nothing to compare with: nobody was in it, as where
 * the webhook is new, or its events are not stored any more.
 */
export function before(ranking: RankingBefore, by: Ranking, user: string): number | null {
	const found = ranking.users.find((it) => it.user === user);
	if (found) return rankedBy(by, found);
	return ranking.isWhole && ranking.users.length > 0 ? 0 : null;
}
