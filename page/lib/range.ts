// The time that totals and chart are of, and its bars: whole hours or days of the viewer's time zone. All times are in Unix ms.

import type { Bucket } from "../api/client.ts";
import { t } from "../text/language.ts";
import { endOfDay, startOfDay, wholeHour } from "./days.ts";
import { clock, DAY, day, HOUR, named, onDay, weekday } from "./format.ts";

export type RangeName = keyof typeof RANGES;

/** A range that begins at a time, and ends now. */
export interface Range {
	since: number;
	unit: "hour" | "day";
}

export interface Span {
	start: number;
	end: number;
}

export interface Bar extends Span {
	unfollows: number;
	follows: number;
}

/** The days of the ranges, by their names in the URL; 0 of the one that has hours. */
export const RANGES = { "24h": 0, "7d": 7, "30d": 30 };

/** The range of this name that ends now: 24 whole hours and the one that is not over, or so many whole days and today. */
export function rangeOf(name: RangeName, now: number): Range {
	const days = RANGES[name];
	return days === 0 ? { since: wholeHour(now) - DAY, unit: "hour" } : { since: startOfDay(now, days), unit: "day" };
}

/** When the next bar of a range begins, which is when its first one leaves it. */
export function nextBar({ unit }: Range, now: number): number {
	return unit === "hour" ? wholeHour(now) + HOUR : endOfDay(now);
}

/** The bars of a range up to now, oldest first, of the counts by the start of their hour. */
export function barsOf(range: Range, now: number, hours: Map<number, Bucket>): Bar[] {
	const bars = [];
	for (let start = range.since; start <= now; ) {
		const end = range.unit === "hour" ? start + HOUR : endOfDay(start);
		const bar = { start, end, unfollows: 0, follows: 0 };
		for (let hour = start; hour < end; hour += HOUR) {
			bar.unfollows += hours.get(hour)?.unfollows ?? 0;
			bar.follows += hours.get(hour)?.follows ?? 0;
		}
		bars.push(bar);
		start = end;
	}
	return bars;
}

/** The span of a list that is narrowed to the times from `since` to `until`, both inclusive; null where it is not. */
export const spanOf = ({ since, until }: { since: number | null; until: number | null }): Span | null =>
	since === null || until === null ? null : { start: since, end: until + 1 };

/**
 * The times that a range counts, both inclusive: up to the end of the hour, as the log counts by hours. For what is to have the
 * same events as the tiles.
 */
export const timesOf = ({ since }: Range, now: number) => ({ since, until: wholeHour(now) + HOUR - 1 });

/** "since 14:00 yesterday", "since 18 Nov". */
export function sinceText({ since, unit }: Range, now: number): string {
	const { times } = t();
	return unit === "hour" ? times.sinceTime(clock(since), onDay(since, now)) : times.sinceDay(day(since + DAY / 2));
}

/**
 * "Wed, 25 Nov, 14:00–15:00" of an hour, "Wed, 25 Nov" of a day, "18 Nov, 14:00 – 20 Nov, 09:30" of any other time; days of other
 * years are "25 Nov 2025".
 */
export function spanText({ start, end }: Span, now: number): string {
	const { times } = t();
	if (end - start <= HOUR) {
		const until = start <= now && now < end ? times.now : clock(end);
		return times.at(named(start, now, weekday), times.hour(clock(start), until));
	}
	// A day may have 23 hours, or 25.
	if (startOfDay(start) === start && endOfDay(start) === end) return named(start + DAY / 2, now, weekday);
	return times.fromTo(times.at(named(start, now), clock(start)), times.at(named(end, now), clock(end)));
}
