// Medians and quartiles, which a single slow round does not move.

/** @typedef {{ q1: number, median: number, q3: number }} Spread */

/**
 * The value below which the part `share` (0 to 1) of `values` lies, interpolated between neighbours.
 * @param {number[]} values
 * @param {number} share
 */
function quantile(values, share) {
	const sorted = values.toSorted((a, b) => a - b);
	const at = (sorted.length - 1) * share;
	const below = sorted[Math.floor(at)];
	return below + (sorted[Math.ceil(at)] - below) * (at - Math.floor(at));
}

export const median = (/** @type {number[]} */ values) => quantile(values, 0.5);

/**
 * The median, with the quartiles around it.
 * @param {number[]} values
 * @returns {Spread}
 */
export function spread(values) {
	return { q1: quantile(values, 0.25), median: median(values), q3: quantile(values, 0.75) };
}

/**
 * `a / b`, round by round: what a round is slowed by, it is slowed by for both.
 * @param {number[]} a
 * @param {number[]} b
 */
export function pairedRatios(a, b) {
	return spread(a.map((value, round) => value / b[round]));
}
