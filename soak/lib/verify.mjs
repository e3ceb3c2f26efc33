// Searches each sink for every event that was acknowledged, byte for byte, and checks what must hold besides.

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { APP } from "./events.mjs";

/** What is found: how many events each sink has, those that are lost, and what else is wrong. */
export function verify({ folder, count, eventOf, acknowledged, origin, queue }) {
	const kv = new DatabaseSync(join(folder, "kv.sqlite"), { readOnly: true });
	const d1 = new DatabaseSync(join(folder, "d1.sqlite"), { readOnly: true });
	const record = kv.prepare("SELECT value FROM entries WHERE key = ?");
	const row = d1.prepare("SELECT body, record FROM events WHERE app = ? AND kind = ? AND event_time = ? AND hash = ?");
	const stored = { kv: 0, d1: 0, origin: 0 };
	const unacknowledged = { kv: 0, d1: 0, origin: 0 };
	const lost = [];
	const wrong = [];
	let targets = 0;
	for (let number = 0; number < count; number++) {
		const { kind, time, hash, id, body, targets: distinct } = eventOf(number);
		const value = record.get(`event/${APP}/${id}`)?.value;
		const logged = row.get(Number(APP), kind, time, hash);
		const found = {
			kv: value?.slice(value.indexOf(',"body":') + ',"body":'.length, -1),
			d1: logged?.body,
			origin: origin.delivered.get(id),
		};
		if (logged) targets += distinct;
		for (const [sink, text] of Object.entries(found)) {
			if (text === undefined) {
				if (acknowledged.has(number)) lost.push(`${sink} ${number}`);
				continue;
			}
			if (text !== body) wrong.push(`event ${number} is in ${sink}, but not as it was sent`);
			(acknowledged.has(number) ? stored : unacknowledged)[sink]++;
		}
	}
	const one = (database, sql) => Object.values(database.prepare(sql).get())[0];
	const check = (what, is, expected) => is === expected || wrong.push(`${what}: ${is}, not ${expected}`);
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
