// Elements. Input from outside becomes text here, never markup.

import { isDate, moment } from "./format.js";

export const $ = (id) => document.getElementById(id);

/** An element with properties and children; a string becomes a text node. `testid` is its data-testid. */
export function el(tag, properties = {}, ...children) {
	const { dataset, attributes, testid, ...rest } = properties;
	const element = Object.assign(document.createElement(tag), rest);
	Object.assign(element.dataset, dataset);
	if (testid) element.dataset.testid = testid;
	for (const [name, value] of Object.entries(attributes ?? {})) element.setAttribute(name, value);
	element.append(...children);
	return element;
}

export function button(text, className, properties = {}) {
	return el("button", { type: "button", className, ...properties }, text);
}

/** A time: local as text, in UTC as the tooltip. A time that is no date is shown as a number. */
export function time(ms, write = moment) {
	if (!isDate(ms)) return el("span", {}, String(ms));
	const iso = new Date(ms).toISOString();
	return el("time", { dateTime: iso, title: iso }, write(ms));
}

/** Shows one view of the page: the sign-in, the board, or what stands in their place. */
export function show(view) {
	document.body.dataset.view = view;
}

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

/** Replaces an element's children, and leaves alone what would not change: it may have the focus or a selection. */
export function update(element, ...children) {
	const next = document.createElement(element.localName);
	next.append(...children);
	if (next.innerHTML !== element.innerHTML) element.replaceChildren(...next.childNodes);
}

/** Lets a click on the backdrop of a modal dialog close it. */
export function closeOnBackdrop(dialog) {
	dialog.addEventListener("click", ({ target, detail, clientX: x, clientY: y }) => {
		const box = dialog.getBoundingClientRect();
		const isInside = x >= box.left && x <= box.right && y >= box.top && y <= box.bottom;
		// The children cover the dialog itself. A key press on a button is a click too, without a position.
		if (target === dialog && detail > 0 && !isInside) dialog.close();
	});
}
