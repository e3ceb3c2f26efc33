// How numbers and times are written: in the language that is shown and the viewer's time zone. Times are in Unix ms; `now` is the
// present.

import { computed } from "@preact/signals";
import type { Texts } from "../text/en.ts";
import { shown, t } from "../text/language.ts";

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Ms that a time may lie ahead before it is called a time in the future: clocks differ. */
const AHEAD = MINUTE;

const hoursAndMinutes = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
const dayAndMonth = { day: "numeric", month: "short" } as const;
const withSeconds = { ...hoursAndMinutes, second: "2-digit" } as const;
const withZone = { timeZoneName: "shortOffset" } as const;

/** The formats of the language that is shown. */
const formats = computed(() => {
	const { locale } = shown.value;
	const times = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale, options);
	return {
		clock: times(hoursAndMinutes),
		clockWithZone: times({ ...hoursAndMinutes, ...withZone }),
		seconds: times(withSeconds),
		secondsWithZone: times({ ...withSeconds, ...withZone }),
		day: times(dayAndMonth),
		date: times({ ...dayAndMonth, year: "numeric" }),
		weekday: times({ ...dayAndMonth, weekday: "short" }),
		longDay: times({ ...dayAndMonth, weekday: "long", month: "long" }),
		number: new Intl.NumberFormat(locale),
	};
});

/** The viewer's time zone, such as Europe/London. */
export const timeZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

export const number = (n: number) => formats.value.number.format(n);

/** "1 event", "2 events". */
export const count = (n: number, noun: keyof Texts["nouns"]) => `${number(n)} ${t().nouns[noun](n)}`;

/** "+3", "−3", "0". */
export const signed = (n: number) => `${n > 0 ? "+" : n < 0 ? "−" : ""}${number(Math.abs(n))}`;

/** Whether a number of ms is a time that can be written as a date. */
export const isDate = (ms: number) => Math.abs(ms) <= 8.64e15;

/** Whether the clocks are put back around a time, and show it twice: by an hour, or by half of one on Lord Howe Island. */
function isTwice(ms: number): boolean {
	const { clock } = formats.value;
	const text = clock.format(ms);
	return [HOUR, HOUR / 2].some((ahead) => text === clock.format(ms - ahead) || text === clock.format(ms + ahead));
}

/** Hours and minutes; with the time zone where the clocks show them twice. */
export const clock = (ms: number) => formats.value[isTwice(ms) ? "clockWithZone" : "clock"].format(ms);

/** The same with seconds. */
export const seconds = (ms: number) => formats.value[isTwice(ms) ? "secondsWithZone" : "seconds"].format(ms);

/** "25 Nov". To be written with a time of the day; else see `dayName`. */
export const day = (ms: number) => formats.value.day.format(ms);

/** "Wed, 25 Nov". */
export const weekday = (ms: number) => formats.value.weekday.format(ms);

/** "Wednesday 25 November". */
export const longDay = (ms: number) => formats.value.longDay.format(ms);

/** "25 Nov 2026". */
export const date = (ms: number) => formats.value.date.format(ms);

/** A day by its name, or by its date where it is of another year. */
export const named = (ms: number, now: number, name = day) => (dayParts(ms).y === dayParts(now).y ? name : date)(ms);

/** Whether a time is in the future, by more than clocks differ. */
export const isAhead = (ms: number, now: number) => ms - now > AHEAD;

/** Year, month (from 0) and day of a time. */
export function dayParts(ms: number): { y: number; m: number; d: number } {
	const it = new Date(ms);
	return { y: it.getFullYear(), m: it.getMonth(), d: it.getDate() };
}

/** The day of a time that is written beside it: "today", "yesterday", "on 25 Nov". */
export function onDay(ms: number, now: number): string {
	const { y, m, d } = dayParts(now);
	const { times } = t();
	if (date(ms) === date(now)) return times.ofToday;
	return date(ms) === date(new Date(y, m, d - 1).getTime()) ? times.ofYesterday : times.ofDay(day(ms));
}

/** The day of a time as in ISO 8601, for names of files. */
export function isoDay(ms: number): string {
	const { y, m, d } = dayParts(ms);
	return [y, m + 1, d].map((part) => String(part).padStart(2, "0")).join("-");
}

/** Date and time to the second. */
export const full = (ms: number) => t().times.at(date(ms), seconds(ms));

/** The same, as short as it can be: the date is left out today, the year this year. */
export function moment(ms: number, now: number): string {
	if (date(ms) === date(now)) return seconds(ms);
	return t().times.at(named(ms, now), seconds(ms));
}

/** A length of time, in one unit. */
function duration(ms: number): string {
	const { times } = t();
	if (ms < MINUTE) return times.seconds(Math.round(ms / SECOND));
	if (ms < HOUR) return times.minutes(Math.floor(ms / MINUTE));
	if (ms < 2 * DAY) return times.hours(Math.floor(ms / HOUR));
	return times.days(number(Math.floor(ms / DAY)));
}

/** How long ago, or how far ahead, in one unit. */
export function ago(ms: number, now: number): string {
	const { times } = t();
	if (isAhead(ms, now)) return times.ahead(duration(ms - now));
	return now - ms < 5 * SECOND ? times.justNow : times.ago(duration(now - ms));
}

/** When something is due. */
export const due = (ms: number, now: number) => (ms > now ? t().times.ahead(duration(ms - now)) : t().times.now);
