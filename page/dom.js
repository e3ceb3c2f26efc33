// Elements, and how times and numbers are written. Input from outside becomes text here, never markup.

export const $ = (id) => document.getElementById(id);

/** An element with properties and children; a string becomes a text node. */
export function el(tag, properties = {}, ...children) {
	const { dataset, attributes, ...rest } = properties;
	const element = Object.assign(document.createElement(tag), rest);
	Object.assign(element.dataset, dataset);
	for (const [name, value] of Object.entries(attributes ?? {})) element.setAttribute(name, value);
	element.append(...children);
	return element;
}

/** A user id: isolated, so that its writing direction cannot reorder the text around it. */
export const user = (id) => el("bdi", { className: "user" }, id);

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const MOMENT = new Intl.DateTimeFormat(undefined, {
	hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const DATE = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const NUMBER = new Intl.NumberFormat();

/** Hours and minutes of a time in ms. */
export const clock = (ms) => CLOCK.format(ms);

export const day = (ms) => DAY.format(ms);

export const number = (n) => NUMBER.format(n);

const isToday = (ms) => DATE.format(ms) === DATE.format(Date.now());
const isThisYear = (ms) => new Date(ms).getFullYear() === new Date().getFullYear();

/** Date and time to the second. */
export const full = (ms) => `${DATE.format(ms)}, ${MOMENT.format(ms)}`;

/** The same, as short as it can be: the date is left out today, the year this year. */
export function moment(ms) {
	if (isToday(ms)) return MOMENT.format(ms);
	return `${(isThisYear(ms) ? DAY : DATE).format(ms)}, ${MOMENT.format(ms)}`;
}

/** A time: local as text, in UTC as the tooltip. A time that is no date is shown as a number. */
export function time(ms, write = moment) {
	if (!(Math.abs(ms) <= 8.64e15)) return el("span", {}, String(ms));
	const iso = new Date(ms).toISOString();
	return el("time", { dateTime: iso, title: iso }, write(ms));
}

/** How long ago, in one unit. */
export function ago(ms) {
	const seconds = Math.max(0, Math.round((Date.now() - ms) / 1000));
	if (seconds < 5) return "just now";
	if (seconds < 60) return `${seconds} s ago`;
	if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
	if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
	return `${Math.floor(seconds / 86400)} days ago`;
}

/** "1 event", "2 events". */
export const count = (n, noun) => `${number(n)} ${noun}${n === 1 ? "" : "s"}`;

/** Shows the part of a card that is for this state; an error has a sentence. */
export function setState(card, state, sentence = "") {
	card.dataset.state = state;
	card.setAttribute("aria-busy", String(state === "loading"));
	const problem = card.querySelector(":scope > .when-error");
	if (problem) problem.textContent = sentence;
}

/** Announces a change to screen readers. */
export function announce(sentence) {
	$("status").textContent = sentence;
}
