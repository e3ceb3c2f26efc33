// Variables and secrets that no setting is called, but that were meant for one: a misspelt name would be passed over in
// silence. The Worker's own rule is src/config/unknown.rs; both read names.json, and are tested with the same vectors.

import { readFileSync } from "node:fs";
import { join } from "node:path";

/** @type {{ names: string[], per_app: string[], prefixes: string[] }} */
const NAMES = JSON.parse(readFileSync(join(import.meta.dirname, "../src/config/names.json"), "utf8"));

/**
 * How many letters have to be added, dropped, changed or swapped with the next to make one text of the other.
 * @param {string} one
 * @param {string} other
 */
function distance(one, other) {
	/** @type {number[][]} */
	const rows = [Array.from({ length: other.length + 1 }, (_, column) => column)];
	for (let row = 1; row <= one.length; row++) {
		rows.push([row]);
		for (let column = 1; column <= other.length; column++) {
			const isSame = one[row - 1] === other[column - 1];
			const ways = [rows[row - 1][column] + 1, rows[row][column - 1] + 1, rows[row - 1][column - 1] + (isSame ? 0 : 1)];
			if (one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1] && row > 1 && column > 1) {
				ways.push(rows[row - 2][column - 2] + 1);
			}
			rows[row].push(Math.min(...ways));
		}
	}
	return rows[one.length][other.length];
}

/**
 * How many letters a name may be from a setting's to be meant for it: two, and less where two would be half of it.
 * @param {string} setting
 */
const lettersOff = ({ length }) => (length <= 3 ? 0 : length <= 5 ? 1 : 2);

/**
 * Those of `names` that are no setting's, and look as if they were meant for one, sorted.
 * @param {string[]} names
 * @param {string[]} apps the SDKAppIDs, which may have tokens of their own
 */
export function unknownSettings(names, apps) {
	const ofApps = NAMES.per_app.flatMap((setting) => apps.map((app) => setting.replace("{SdkAppid}", app)));
	const isMeant = (/** @type {string} */ name) =>
		NAMES.prefixes.some((prefix) => name.startsWith(prefix)) ||
		NAMES.names.some((setting) => distance(name, setting) <= lettersOff(setting));
	return names
		.filter((name) => !NAMES.names.includes(name) && !ofApps.includes(name) && isMeant(name.toUpperCase()))
		.sort();
}

/**
 * The warning about such a name, as a sentence.
 * @param {string} name
 */
export const unknownWarning = (name) => `${name} is no setting, and does nothing: see docs/settings.md for the names`;
