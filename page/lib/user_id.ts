// How a UserID is shown: exactly. What cannot be seen gets a visible mark, and remains what it is for a search or a copy.

/** Controls, line ends, formats such as U+202E, and all spaces but the plain one. */
const INVISIBLE = String.raw`[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Cn}\u{a0}\u{1680}\u{2000}-\u{200a}\u{202f}\u{205f}\u{3000}\u{115f}\u{1160}\u{2800}\u{3164}\u{ffa0}\u{fe00}-\u{fe0f}]`;
/** Plain spaces too, where they are easily overlooked: at the ends, and several in a row. */
const MARKED = new RegExp(`${INVISIBLE}|^ +| +$| {2,}`, "gu");
const ESCAPED = new RegExp(INVISIBLE, "gu");

const MARKS: Record<string, string> = { " ": "␣", "\n": "LF", "\r": "CR", "\t": "TAB" };

/** A part of an id: a text as it is, or one character that cannot be seen, with its mark. */
export type Part = string | { character: string; mark: string };

const mark = (character: string) =>
	MARKS[character] ?? `U+${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}`;

export function partsOf(id: string): Part[] {
	const parts: Part[] = [];
	let end = 0;
	for (const { 0: found, index } of id.matchAll(MARKED)) {
		if (index > end) parts.push(id.slice(end, index));
		for (const character of found) parts.push({ character, mark: mark(character) });
		end = index + found.length;
	}
	if (end < id.length) parts.push(id.slice(end));
	return parts;
}

/** A user id as a text, for labels. */
export const userText = (id: string) => id.replace(MARKED, (found) => [...found].map((it) => `[${mark(it)}]`).join(""));

/** JSON with escapes for what cannot be seen or would reorder what is around it: the same JSON to any reader. */
export function visibleJson(json: string): string {
	const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
	// JSON.stringify escapes line ends within texts; those that are left are its own.
	return json.replace(ESCAPED, (found) => (found === "\n" ? found : found.split("").map(escaped).join("")));
}
