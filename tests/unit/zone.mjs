/**
 * Runs `body` in another time zone. Formats that were made before stay in theirs; local times of a `Date` do not.
 * @param {string} zone
 * @param {() => void} body
 */
export function inZone(zone, body) {
	const before = process.env.TZ;
	process.env.TZ = zone;
	try {
		body();
	} finally {
		process.env.TZ = before;
	}
}
