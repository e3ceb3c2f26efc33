// The counts of the range, of the app or of one user's followers; who lost or gained most; a user's totals of all time.

import { computed } from "@preact/signals";
import type { Bucket, TopUser, User } from "../api/client.ts";
import { SECOND } from "../lib/format.ts";
import { barsOf, nextBar, type Range, rangeOf } from "../lib/range.ts";
import { type RankingBefore, spanBefore } from "../lib/ranking.ts";
import { Cell, Part, type Poll, patienceOf } from "./cell.ts";
import { route } from "./route.ts";

/** Users of the ranking. */
const LIMIT = 10;
/** Users of the ranking of the range before, at most: those who are compared may have had another place in it. */
const LIMIT_BEFORE = 100;

/** How many of the counts of the range no webhook brought: comparisons have recorded them. */
type Recorded = Record<"unfollows" | "follows", number>;

export class Stats extends Part {
	/** The counts by the start of their hour, how many of them comparisons have recorded, and when they were asked for. */
	readonly counts = new Cell<{ range: Range; hours: Map<number, Bucket>; recorded: Recorded; at: number }>(() => {
		return [route.value.range, route.value.user];
	});
	/** The range with its bars, their sums and when it ended; null before the counts are known. */
	readonly figures = computed(() => {
		const { data } = this.counts;
		if (data === null) return null;
		const bars = barsOf(data.range, data.at, data.hours);
		const sum = (member: "unfollows" | "follows") => bars.reduce((total, bar) => total + bar[member], 0);
		const sums = { unfollows: sum("unfollows"), follows: sum("follows") };
		return { range: data.range, at: data.at, bars, ...sums, recorded: data.recorded };
	});

	/** From when on there may be events that are not counted, in Unix ms: infinite where there are none, and 0 where it is not known. */
	#uncountedSince = Number.POSITIVE_INFINITY;

	/** Asks for the range at first, when a bar has begun, and where all is read again; after new events, for their hours only. */
	async refresh({ api, route: { range: name, user }, news, isFull, now, signal }: Poll): Promise<void> {
		const held = this.counts.data;
		const isWhole = held === null || isFull || now >= nextBar(held.range, held.at);
		const concerned = news.added.filter((event) => user === null || event.to_accounts.includes(user));
		// How many were recorded is told of the whole range alone. Of events that are gone or were not read, the time is not known.
		const times = concerned.map((event) => (event.source === undefined ? event.event_time : 0));
		const isUnknown = news.isGap || news.gone.length > 0;
		this.#uncountedSince = Math.min(this.#uncountedSince, ...times, ...(isUnknown ? [0] : []));
		const range = rangeOf(name, now);
		const since = isWhole ? range.since : Math.max(range.since, this.#uncountedSince);
		if (since > now) return;
		await this.counts.read(async () => {
			const query = { app: this.app, user, since, until: now, bucket: "hour" } as const;
			const told = await api.get("/v1/stats", query, signal);
			const hours = new Map(isWhole ? [] : held.hours);
			for (const bucket of told.buckets) hours.set(bucket.start, bucket);
			const recorded = { unfollows: told.unfollows_recorded, follows: told.follows_recorded };
			return { range, hours, recorded: since === range.since || held === null ? recorded : held.recorded, at: now };
		}, signal);
		this.#uncountedSince = Number.POSITIVE_INFINITY;
	}
}

/** Who led in a range, and in the one before it; and when they were asked for. */
interface Leaders {
	users: TopUser[];
	before: RankingBefore;
	range: Range;
	at: number;
}

export class Top extends Part {
	/** Those of the range, or of the span that the list is narrowed to. */
	readonly leaders = new Cell<Leaders>(() => {
		const { range, by, since, until } = route.value;
		return [range, by, since, until];
	});
	/** Whether there are new events that are not counted. */
	#isOld = false;

	/** Asks at first, when all is read again, when a bar begins, and some time after new events. */
	async refresh({ api, route, news, isFull, now, signal }: Poll): Promise<void> {
		const held = this.leaders.data;
		this.#isOld ||= news.added.length > 0 || news.gone.length > 0;
		const isOver = held === null || now >= nextBar(held.range, held.at);
		if (!isOver && !isFull && !(this.#isOld && now >= held.at + patienceOf(route))) return;
		const range = rangeOf(route.range, now);
		const [since, until] = [route.since ?? range.since, route.until ?? now];
		await this.leaders.read(async () => {
			const query = { app: this.app, by: route.by };
			const span = spanBefore(since, until);
			const isSame = !isFull && held?.before.start === span.start && held.before.end === span.end;
			const askBefore = async () => {
				// Before the first ms there was no time.
				if (span.start === span.end) return { ...span, users: [], isWhole: true };
				const times = { since: span.start, until: span.end - 1 };
				const { users } = await api.get("/v1/top", { ...query, ...times, limit: LIMIT_BEFORE }, signal);
				return { ...span, users, isWhole: users.length < LIMIT_BEFORE };
			};
			const [{ users }, before] = await Promise.all([
				api.get("/v1/top", { ...query, since, until, limit: LIMIT }, signal),
				// What is long over changes with an erasure only.
				isSame ? held.before : askBefore(),
			]);
			return { users, before, range, at: now };
		}, signal);
		this.#isOld = false;
	}
}

/** Ms between two calls for a user's totals. */
const TOTALS_EVERY = 30 * SECOND;

export class Totals extends Part {
	/** The totals, and when they were asked for. */
	readonly user = new Cell<{ totals: User; at: number }>(() => route.value.user);
	/** Whether the user has new events that are not counted. */
	#isOld = false;

	/** Asks at first, when all is read again, and some time after new events of the user. */
	async refresh({ api, route: { user }, news, isFull, now, signal }: Poll): Promise<void> {
		if (user === null) return;
		const held = this.user.data;
		const isConcerned = news.added.some((it) => it.from_account === user || it.to_accounts.includes(user));
		this.#isOld ||= isConcerned || news.isGap || news.gone.length > 0;
		if (held !== null && !isFull && !(this.#isOld && now >= held.at + TOTALS_EVERY)) return;
		await this.user.read(async () => {
			return { totals: await api.get("/v1/users/{app}", { app: this.app, user }, signal), at: now };
		}, signal);
		this.#isOld = false;
	}
}
