// How a UserID is shown: exactly. What cannot be seen gets a visible mark, and remains what it is for a search or a copy.

import { el } from "./dom.js";

/** Controls, line ends, formats such as U+202E, and all spaces but the plain one. */
const INVISIBLE = String.raw`[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Cn}\u{a0}\u{1680}\u{2000}-\u{200a}\u{202f}\u{205f}\u{3000}\u{115f}\u{1160}\u{2800}\u{3164}\u{ffa0}\u{fe00}-\u{fe0f}]`;
/** Plain spaces too, where they are easily overlooked: at the ends, and several in a row. */
const MARKED = new RegExp(`${INVISIBLE}|^ +| +$| {2,}`, "gu");
const ESCAPED = new RegExp(INVISIBLE, "gu");

const MARKS = { " ": "␣", "\n": "LF", "\r": "CR", "\t": "TAB" };

const mark = (character) =>
	MARKS[character] ?? `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;

/** A user id as an element whose text is the id. It cannot reorder the text around it. */
export function user(id, properties = {}) {
	const parts = [];
	let end = 0;
	for (const { 0: found, index } of id.matchAll(MARKED)) {
		parts.push(id.slice(end, index));
		for (const character of found) {
			parts.push(el("span", { className: "invisible", dataset: { mark: mark(character) } }, character));
		}
		end = index + found.length;
	}
	return el("bdi", { className: "user", ...properties }, ...parts, id.slice(end));
}

/** A user id as a text, for labels. */
export const userText = (id) => id.replace(MARKED, (found) => [...found].map((it) => `[${mark(it)}]`).join(""));

/** A link to a user's view. Where the id has what cannot be seen, its title tells it in words. */
export function userLink(id, href, { testid, className = "", ...properties } = {}) {
	const text = userText(id);
	const title = text === id ? "" : text;
	return el(
		"a",
		{ ...properties, href, title, className: `user-link ${className}`, testid, dataset: { user: id } },
		user(id),
	);
}

/** JSON with escapes for what cannot be seen or would reorder what is around it: the same JSON to any reader. */
export function visibleJson(json) {
	const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
	// JSON.stringify escapes line ends within texts; those that are left are its own.
	return json.replace(ESCAPED, (found) => (found === "\n" ? found : found.split("").map(escaped).join("")));
}

/** What is copied of a user id is the id: browsers turn a no-break space into a plain one. */
export function copyExactly() {
	document.addEventListener("copy", (event) => {
		const selection = getSelection();
		if (selection.rangeCount !== 1) return;
		const range = selection.getRangeAt(0);
		const container = range.commonAncestorContainer;
		const element = container.nodeType === Node.ELEMENT_NODE ? container : container.parentElement;
		if (!element.closest(".user")) return;
		event.clipboardData.setData("text/plain", range.toString());
		event.preventDefault();
	});
}
