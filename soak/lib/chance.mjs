// What one seed decides: a number from 0 to below 1 for anything that has a name. It depends on nothing else, neither on the time
// nor on what was decided before, so that a run is repeated by its seed although its calls are concurrent.

/** @typedef {(...parts: (string | number)[]) => number} Chance the number of what the parts name */

/**
 * @param {number | string} seed
 * @returns {Chance}
 */
export function chanceOf(seed) {
	return (...parts) => hash(`${seed} ${parts.join(" ")}`) / 2 ** 32;
}

/**
 * FNV-1a with 32 bits, and the last steps of MurmurHash3, which spread what differs in the last character alone.
 * @param {string} text
 */
function hash(text) {
	let bits = 0x811c9dc5;
	for (let at = 0; at < text.length; at++) bits = Math.imul(bits ^ text.charCodeAt(at), 0x01000193);
	bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
	bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
	return (bits ^ (bits >>> 16)) >>> 0;
}

/**
 * The item of `list` that this number chooses.
 * @template T
 * @param {T[]} list
 * @param {number} number
 */
export const pick = (list, number) => list[Math.floor(number * list.length)];
