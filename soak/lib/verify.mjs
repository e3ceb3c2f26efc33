// Searches each sink for every event that was acknowledged, byte for byte, and checks what must hold besides.

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { APP } from "./events.mjs";

/** @import { EventOf } from "./events.mjs" */
/** @import { Origin } from "./origin.mjs" */
/** @import { Counts } from "../storage.mjs" */
/** @typedef {Record<"kv" | "d1" | "origin", number>} BySink how many events each has */
/**
 * @typedef {object} Found
 * @property {BySink} stored of those that were acknowledged
 * @property {BySink} unacknowledged
 * @property {string[]} lost sink and number of each
 * @property {string[]} wrong what else is wrong, in a sentence each
 */

/**
 * Looks for each event.
 * @typedef {object} Searched
 * @property {string} folder
 * @property {number} count of events
 * @property {EventOf} eventOf
 * @property {Set<number>} acknowledged
 * @property {Origin} origin
 * @property {Counts} queue
 *
 * @param {Searched} searched
 * @returns {Found}
 */
export function verify({ folder, count, eventOf, acknowledged, origin, queue }) {
	const kv = new DatabaseSync(join(folder, "kv.sqlite"), { readOnly: true });
	const d1 = new DatabaseSync(join(folder, "d1.sqlite"), { readOnly: true });
	const record = kv.prepare("SELECT value FROM entries WHERE key = ?");
	const row = d1.prepare("SELECT body, record FROM events WHERE app = ? AND kind = ? AND event_time = ? AND hash = ?");
	const stored = { kv: 0, d1: 0, origin: 0 };
	const unacknowledged = { kv: 0, d1: 0, origin: 0 };
	/** @type {string[]} */
	const lost = [];
	/** @type {string[]} */
	const wrong = [];
	let targets = 0;
	for (let number = 0; number < count; number++) {
		const { kind, time, hash, id, body, targets: distinct } = eventOf(number);
		const { value } = /** @type {{ value?: string }} */ (record.get(`event/${APP}/${id}`) ?? {});
		const logged = row.get(Number(APP), kind, time, hash);
		const found = {
			kv: value?.slice(value.indexOf(',"body":') + ',"body":'.length, -1),
			d1: logged?.body,
			origin: origin.delivered.get(id),
		};
		if (logged) targets += distinct;
		for (const sink of /** @type {const} */ (["kv", "d1", "origin"])) {
			const text = found[sink];
			if (text === undefined) {
				if (acknowledged.has(number)) lost.push(`${sink} ${number}`);
				continue;
			}
			if (text !== body) wrong.push(`event ${number} is in ${sink}, but not as it was sent`);
			(acknowledged.has(number) ? stored : unacknowledged)[sink]++;
		}
	}
	const one = (/** @type {DatabaseSync} */ database, /** @type {string} */ sql) =>
		Object.values(database.prepare(sql).get() ?? {})[0];
	/** @type {(what: string, is: unknown, expected: number) => void} */
	const check = (what, is, expected) => {
		if (is !== expected) wrong.push(`${what}: ${is}, not ${expected}`);
	};
	check("dead letters left", one(kv, "SELECT count(*) FROM entries WHERE key LIKE 'dead/%'"), 0);
	check(
		"keys of events in KV",
		one(kv, "SELECT count(*) FROM entries WHERE key LIKE 'event/%'"),
		stored.kv + unacknowledged.kv,
	);
	check("rows of events in D1", one(d1, "SELECT count(*) FROM events"), stored.d1 + unacknowledged.d1);
	check("targets by the hour in D1", one(d1, "SELECT sum(unfollows + follows) FROM hourly_totals"), targets);
	check("targets by the user in D1", one(d1, "SELECT sum(unfollows + follows) FROM hourly_counts"), targets);
	check("different events at the origin", origin.delivered.size, stored.origin + unacknowledged.origin);
	check("deliveries with a wrong body or signature", origin.wrong, 0);
	check("messages that a queue has dropped", queue.dropped, 0);
	return { stored, unacknowledged, lost, wrong };
}
