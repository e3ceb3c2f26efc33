// A log of many events, the same for the same number: 31 days up to now, targets with a long tail, actors that are alike. One event in
// twelve is a follow.

const DAY = 24 * 60 * 60 * 1000;

export const APP = 1400000000;

/** How many events go into the log with one statement. */
const BATCH = 500;

/**
 * Numbers from 0 to below 1, the same for the same seed. [mulberry32]
 *
 * @param {number} seed
 */
function random(seed) {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
	};
}

/**
 * Rows of `events` as arrays, oldest first, in batches.
 *
 * @param {number} count how many
 * @param {number} until when the last one happened, in Unix ms
 */
export function* batches(count, until) {
	const next = random(count);
	const [targets, actors] = [Math.max(50, count / 20), Math.max(50, count / 5)];
	const step = (31 * DAY) / count;
	const hex = () =>
		Math.floor(next() * 0x100000000)
			.toString(16)
			.padStart(8, "0");
	let batch = [];
	for (let number = 0; number < count; number++) {
		// The rank of a target is spread evenly on a logarithmic scale: the first has a tenth of all, or so.
		const target = `anchor-${String(Math.floor(targets ** next())).padStart(6, "0")}`;
		const actor = `viewer-${String(Math.floor(actors * next())).padStart(7, "0")}`;
		const kind = next() < 1 / 12 ? "follow" : "unfollow";
		const time = Math.floor(until - (count - number) * step);
		const hash = hex() + hex() + hex() + hex();
		const id = `${String(9999999999999 - time).padStart(13, "0")}-${hash}`;
		const query = `SdkAppid=${APP}&CallbackCommand=Follow.CallbackAfterFollow${kind === "unfollow" ? "Delete" : "Add"}&contenttype=json&ClientIP=203.0.113.7&OptPlatform=iOS`;
		const record = {
			...{ id, sdk_app_id: APP, kind, from_account: actor, to_accounts: [target], event_time: time },
			...{ received_at: time + 150, opt_platform: "iOS", client_ip: "203.0.113.7", request_id: null },
		};
		const body = { From_Account: actor, To_Account: [target], EventTime: time };
		batch.push([APP, kind, time, hash, JSON.stringify(record), query, JSON.stringify(body)]);
		if (batch.length === BATCH || number === count - 1) {
			yield batch;
			batch = [];
		}
	}
}

/** The statement that takes a batch, as the parameter ?1. */
export const INSERT = `INSERT INTO events (app, kind, event_time, hash, record, query, body, kv_until)
	SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, 0 FROM json_each(?1) WHERE true
	ON CONFLICT DO NOTHING`;
