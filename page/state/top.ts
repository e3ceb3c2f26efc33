// Who lost or gained most followers in the range, or in the bar that the list is narrowed to.

import type { TopUser } from "../api/client.ts";
import { countedSince, nextBar, type Range, rangeOf, type Span, spanOf } from "../lib/range.ts";
import { Cell } from "./cell.ts";
import { type Part, type Poll, patienceOf } from "./part.ts";
import { route } from "./route.ts";

const LIMIT = 10;

interface Leaders {
	users: TopUser[];
	range: Range;
	/** What the list is narrowed to. */
	span: Span | null;
	at: number;
}

export class Top implements Part {
	readonly leaders = new Cell<Leaders>(() => {
		const { range, by, since, until } = route.value;
		return [range, by, since, until];
	});
	/** Since there are new events that are not counted. */
	#isOld = false;

	/** Asks at first, when all is to be read again, when a bar begins, and some time after new events. */
	async refresh({ api, app, route, news, isFull, now, signal }: Poll): Promise<void> {
		const held = this.leaders.data;
		this.#isOld ||= news.added.length > 0 || news.gone.length > 0;
		const isDue = held === null || now >= nextBar(held.range, held.at);
		const isNews = held !== null && this.#isOld && now >= held.at + patienceOf(route);
		if (!isDue && !isNews && !isFull) return;
		const range = rangeOf(route.range, now);
		const since = route.since ?? countedSince(range, now);
		const until = route.until ?? now;
		await this.leaders.read(async () => {
			const { users } = await api.top(app, { by: route.by, since, until, limit: LIMIT }, signal);
			return { users, range, span: spanOf(route), at: now };
		}, signal);
		this.#isOld = false;
	}
}
