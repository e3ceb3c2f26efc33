// The counts of the range, of the app or of one user's followers.

import { computed } from "@preact/signals";
import type { Bucket } from "../api/client.ts";
import { barsOf, nextBar, type Range, rangeOf } from "../lib/range.ts";
import { Cell } from "./cell.ts";
import type { Part, Poll } from "./part.ts";
import { route } from "./route.ts";

interface Counts {
	range: Range;
	/** By the start of their hour. */
	hours: Map<number, Bucket>;
	/** When they were asked for, in Unix ms. */
	at: number;
}

export class Stats implements Part {
	readonly counts = new Cell<Counts>(() => [route.value.range, route.value.user]);

	/** The range with its bars and their sums; null before the counts are known. */
	readonly bars = computed(() => {
		const { data } = this.counts;
		if (data === null) return null;
		const bars = barsOf(data.range, data.at, data.hours);
		const sum = (member: "unfollows" | "follows") => bars.reduce((total, bar) => total + bar[member], 0);
		return { range: data.range, bars, unfollows: sum("unfollows"), follows: sum("follows") };
	});

	/**
	 * Asks for the counts of the range at first, when a bar has begun, and where all is to be read again; after new events, for
	 * their hours only.
	 */
	async refresh({ api, app, route: { range: name, user }, news, isFull, now, signal }: Poll): Promise<void> {
		const held = this.counts.data;
		const isWhole = held === null || isFull || news.isGap || now >= nextBar(held.range, held.at);
		const concerned = news.added.filter((event) => user === null || event.to_accounts.includes(user));
		if (!isWhole && concerned.length === 0 && news.gone.length === 0) return;
		const range = rangeOf(name, now);
		// Of events that are gone, the time is not known any more.
		const oldest = Math.min(...concerned.map((event) => event.event_time));
		const since = isWhole || news.gone.length > 0 ? range.since : Math.max(range.since, oldest);
		if (since > now) return;
		await this.counts.read(async () => {
			const { buckets } = await api.stats(app, { user, since, until: now, bucket: "hour" }, signal);
			const hours = new Map(isWhole ? [] : held.hours);
			for (const bucket of buckets) hours.set(bucket.start, bucket);
			return { range, hours, at: now };
		}, signal);
	}
}
