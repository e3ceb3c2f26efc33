// How numbers and times are written: in the viewer's language and time zone.

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Ms that a time may lie ahead before it is called a time in the future: clocks differ. */
const AHEAD = MINUTE;

/** @type {Intl.DateTimeFormatOptions} */
const hoursAndMinutes = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
/** @type {Intl.DateTimeFormatOptions} */
const dayAndMonth = { day: "numeric", month: "short" };
const CLOCK = new Intl.DateTimeFormat(undefined, hoursAndMinutes);
const CLOCK_WITH_ZONE = new Intl.DateTimeFormat(undefined, { ...hoursAndMinutes, timeZoneName: "shortOffset" });
const CLOCK_WITH_SECONDS = new Intl.DateTimeFormat(undefined, { ...hoursAndMinutes, second: "2-digit" });
const DAY_AND_MONTH = new Intl.DateTimeFormat(undefined, dayAndMonth);
const DATE = new Intl.DateTimeFormat(undefined, { ...dayAndMonth, year: "numeric" });
const WEEKDAY = new Intl.DateTimeFormat(undefined, { ...dayAndMonth, weekday: "short" });
const LONG_DAY = new Intl.DateTimeFormat(undefined, { ...dayAndMonth, weekday: "long", month: "long" });
const NUMBER = new Intl.NumberFormat();

/** The viewer's time zone, such as Europe/London. */
export const timeZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

export const number = (/** @type {number} */ n) => NUMBER.format(n);

/**
 * "1 event", "2 events".
 * @type {(n: number, noun: string) => string}
 */
export const count = (n, noun) => `${number(n)} ${noun}${n === 1 ? "" : "s"}`;

/** "+3", "−3", "0". */
export const signed = (/** @type {number} */ n) => `${n > 0 ? "+" : n < 0 ? "−" : ""}${number(Math.abs(n))}`;

/** Whether a number of ms is a time that can be written as a date. */
export const isDate = (/** @type {number} */ ms) => Math.abs(ms) <= 8.64e15;

/**
 * Hours and minutes; with the time zone where the clocks are put back, and show the same time twice.
 * @param {number} ms
 */
export function clock(ms) {
	const text = CLOCK.format(ms);
	const isTwice = text === CLOCK.format(ms - HOUR) || text === CLOCK.format(ms + HOUR);
	return isTwice ? CLOCK_WITH_ZONE.format(ms) : text;
}

export const seconds = (/** @type {number} */ ms) => CLOCK_WITH_SECONDS.format(ms);

/** "25 Nov". */
export const day = (/** @type {number} */ ms) => DAY_AND_MONTH.format(ms);

/** "Wed, 25 Nov". */
export const weekday = (/** @type {number} */ ms) => WEEKDAY.format(ms);

const date = (/** @type {number | Date} */ ms) => DATE.format(ms);
const isToday = (/** @type {number} */ ms) => date(ms) === date(Date.now());
const isThisYear = (/** @type {number} */ ms) => new Date(ms).getFullYear() === new Date(Date.now()).getFullYear();

/** Whether a time is in the future, by more than clocks differ. */
export const isAhead = (/** @type {number} */ ms) => ms - Date.now() > AHEAD;

/**
 * A day as a heading: "Today", "Yesterday", "Monday 23 November".
 * @param {number} ms
 */
export function dayTitle(ms) {
	if (isToday(ms)) return "Today";
	const { y, m, d } = dayParts(Date.now());
	if (date(ms) === date(new Date(y, m, d - 1))) return "Yesterday";
	return isThisYear(ms) ? LONG_DAY.format(ms) : date(ms);
}

/**
 * A text that all times of a day share.
 * @param {number} ms
 */
export function dayKey(ms) {
	const { y, m, d } = dayParts(ms);
	return `${y}-${m + 1}-${d}`;
}

/**
 * Year, month (from 0) and day of a time.
 * @param {number} ms
 */
export function dayParts(ms) {
	const it = new Date(ms);
	return { y: it.getFullYear(), m: it.getMonth(), d: it.getDate() };
}

/** Date and time to the second. */
export const full = (/** @type {number} */ ms) => `${date(ms)}, ${seconds(ms)}`;

/**
 * The same, as short as it can be: the date is left out today, the year this year.
 * @param {number} ms
 */
export function moment(ms) {
	if (isToday(ms)) return seconds(ms);
	return `${isThisYear(ms) ? day(ms) : date(ms)}, ${seconds(ms)}`;
}

/**
 * A length of time, in one unit.
 * @param {number} ms
 */
function duration(ms) {
	if (ms < MINUTE) return `${Math.round(ms / SECOND)} s`;
	if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
	if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h`;
	return `${Math.floor(ms / DAY)} days`;
}

/**
 * How long ago, or how far ahead, in one unit.
 * @param {number} ms
 */
export function ago(ms) {
	const passed = Date.now() - ms;
	if (isAhead(ms)) return `in ${duration(-passed)}`;
	return passed < 5 * SECOND ? "just now" : `${duration(passed)} ago`;
}

/** When something is due. */
export const due = (/** @type {number} */ ms) => (ms > Date.now() ? `in ${duration(ms - Date.now())}` : "now");
