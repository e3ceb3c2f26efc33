// The days of the viewer's time zone, as tiles, bars, the list and the export have them. The log counts by hours of UTC: where a
// zone is not whole hours from it, a day begins up to an hour before its midnight, here and everywhere. All times are in Unix ms.

import { t } from "../text/language.ts";
import { clock, DAY, day, dayParts, HOUR, isAhead, longDay, named } from "./format.ts";

/** What the log counts by: no day begins within one of these. */
const CUT = HOUR;

/** When the hour of UTC begins that a time is in. */
export const wholeHour = (ms: number) => ms - (ms % HOUR);

/** When the day begins that a time is in, or one so many days before. The cut that a midnight is in belongs to the day that begins. */
export function startOfDay(ms: number, daysBefore = 0): number {
	const { y, m, d } = dayParts(ms - (ms % CUT) + CUT - 1);
	const midnight = new Date(y, m, d - daysBefore).getTime();
	return midnight - (midnight % CUT);
}

/** When the day ends that a time is in. */
export const endOfDay = (ms: number) => startOfDay(ms, -1);

/** A time that has the date of the day that a time is in, wherever that day begins. */
const noon = (ms: number) => startOfDay(ms) + DAY / 2;

/** The day that a time is in: "25 Nov". */
export const dayName = (ms: number) => day(noon(ms));

/** The day that a time is in, with its year where that is another: "25 Nov", "25 Nov 2025". */
export const fullDayName = (ms: number, now: number) => named(noon(ms), noon(now));

/** A day as a heading: "Today", "Yesterday", "Monday 23 November", "Friday 27 November, in the future". */
export function dayTitle(ms: number, now: number): string {
	const title = titleOf(ms, now);
	return isAhead(startOfDay(ms), now) ? t().times.inTheFuture(title) : title;
}

function titleOf(ms: number, now: number): string {
	const start = startOfDay(ms);
	if (start === startOfDay(now)) return t().times.today;
	if (start === startOfDay(now, 1)) return t().times.yesterday;
	return named(noon(ms), noon(now), longDay);
}

/** Says when days begin; empty where that is at midnight all year. */
export function cutNote(now: number): string {
	// Summer time may be half an hour.
	const starts = [0, 1, 2, 3].map((quarter) => startOfDay(now + quarter * 91 * DAY));
	if (starts.every((start) => new Date(start).getMinutes() === 0)) return "";
	const times = [...new Set(starts.map(clock))].sort();
	return t().times.cut(times);
}
