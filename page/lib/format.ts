// How numbers and times are written: in the viewer's language and time zone. Times are in Unix ms; `now` is the present.

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Ms that a time may lie ahead before it is called a time in the future: clocks differ. */
const AHEAD = MINUTE;

const hoursAndMinutes = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
const dayAndMonth = { day: "numeric", month: "short" } as const;
const CLOCK = new Intl.DateTimeFormat(undefined, hoursAndMinutes);
const CLOCK_WITH_SECONDS = new Intl.DateTimeFormat(undefined, { ...hoursAndMinutes, second: "2-digit" });
const [CLOCK_WITH_ZONE, SECONDS_WITH_ZONE] = [hoursAndMinutes, { ...hoursAndMinutes, second: "2-digit" } as const].map(
	(format) => new Intl.DateTimeFormat(undefined, { ...format, timeZoneName: "shortOffset" }),
) as [Intl.DateTimeFormat, Intl.DateTimeFormat];
const DAY_AND_MONTH = new Intl.DateTimeFormat(undefined, dayAndMonth);
const DATE = new Intl.DateTimeFormat(undefined, { ...dayAndMonth, year: "numeric" });
const WEEKDAY = new Intl.DateTimeFormat(undefined, { ...dayAndMonth, weekday: "short" });
const LONG_DAY = new Intl.DateTimeFormat(undefined, { ...dayAndMonth, weekday: "long", month: "long" });
const NUMBER = new Intl.NumberFormat();

/** The viewer's time zone, such as Europe/London. */
export const timeZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

export const number = (n: number) => NUMBER.format(n);

/** "1 event", "2 events". */
export const count = (n: number, noun: string) => `${number(n)} ${noun}${n === 1 ? "" : "s"}`;

/** "+3", "−3", "0". */
export const signed = (n: number) => `${n > 0 ? "+" : n < 0 ? "−" : ""}${number(Math.abs(n))}`;

/** Whether a number of ms is a time that can be written as a date. */
export const isDate = (ms: number) => Math.abs(ms) <= 8.64e15;

/** Whether the clocks are put back around a time, and show it twice: by an hour, or by half of one on Lord Howe Island. */
function isTwice(ms: number): boolean {
	const text = CLOCK.format(ms);
	return [HOUR, HOUR / 2].some((ahead) => text === CLOCK.format(ms - ahead) || text === CLOCK.format(ms + ahead));
}

/** Hours and minutes; with the time zone where the clocks show them twice. */
export const clock = (ms: number) => (isTwice(ms) ? CLOCK_WITH_ZONE : CLOCK).format(ms);

/** The same with seconds. */
export const seconds = (ms: number) => (isTwice(ms) ? SECONDS_WITH_ZONE : CLOCK_WITH_SECONDS).format(ms);

/** "25 Nov". To be written with a time of the day; else see `dayName`. */
export const day = (ms: number) => DAY_AND_MONTH.format(ms);

/** "Wed, 25 Nov". */
export const weekday = (ms: number) => WEEKDAY.format(ms);

/** "Wednesday 25 November". */
export const longDay = (ms: number) => LONG_DAY.format(ms);

/** "25 Nov 2026". */
export const date = (ms: number) => DATE.format(ms);

export const isThisYear = (ms: number, now: number) => dayParts(ms).y === dayParts(now).y;

/** Whether a time is in the future, by more than clocks differ. */
export const isAhead = (ms: number, now: number) => ms - now > AHEAD;

/** Year, month (from 0) and day of a time. */
export function dayParts(ms: number): { y: number; m: number; d: number } {
	const it = new Date(ms);
	return { y: it.getFullYear(), m: it.getMonth(), d: it.getDate() };
}

/** The day of a time that is written before it: "today", "yesterday", "on 25 Nov". */
export function onDay(ms: number, now: number): string {
	const { y, m, d } = dayParts(now);
	if (date(ms) === date(now)) return "today";
	return date(ms) === date(new Date(y, m, d - 1).getTime()) ? "yesterday" : `on ${day(ms)}`;
}

/** The day of a time as in ISO 8601, for names of files. */
export function isoDay(ms: number): string {
	const { y, m, d } = dayParts(ms);
	return [y, m + 1, d].map((part) => String(part).padStart(2, "0")).join("-");
}

/** Date and time to the second. */
export const full = (ms: number) => `${date(ms)}, ${seconds(ms)}`;

/** The same, as short as it can be: the date is left out today, the year this year. */
export function moment(ms: number, now: number): string {
	if (date(ms) === date(now)) return seconds(ms);
	return `${isThisYear(ms, now) ? day(ms) : date(ms)}, ${seconds(ms)}`;
}

/** A length of time, in one unit. */
function duration(ms: number): string {
	if (ms < MINUTE) return `${Math.round(ms / SECOND)} s`;
	if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
	if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h`;
	return `${Math.floor(ms / DAY)} days`;
}

/** How long ago, or how far ahead, in one unit. */
export function ago(ms: number, now: number): string {
	if (isAhead(ms, now)) return `in ${duration(ms - now)}`;
	return now - ms < 5 * SECOND ? "just now" : `${duration(now - ms)} ago`;
}

/** When something is due. */
export const due = (ms: number, now: number) => (ms > now ? `in ${duration(ms - now)}` : "now");
