// Writes all events of the event log in D1 to a file, one a line: the row as JSON, each text byte for byte. For `import`.

import { closeSync, existsSync, openSync, renameSync, writeSync } from "node:fs";
import { Refusal, refusable } from "./config.mjs";
import { checkEnvironment } from "./database.mjs";
import { checkEventLog, eventId, problem, query, readArguments, readSchema, sqlText } from "./event_rows.mjs";

/** @import { Row } from "./event_rows.mjs" */

/** How much one query reads: so many events, and about so many bytes. */
const PAGE_EVENTS = 2000;
const PAGE_BYTES = 2_000_000;

const KEY = "app, kind, event_time, hash";

/**
 * The events after `last`, as many as fit on a page, and at least one if there is any.
 * @param {string} where
 * @param {Row | undefined} last
 * @returns {Row[]}
 */
function page(where, last) {
	const after = last && `(${last.app}, ${sqlText(last.kind)}, ${last.event_time}, ${sqlText(last.hash)})`;
	const rows = `SELECT * FROM events ${after ? `WHERE (${KEY}) > ${after}` : ""} ORDER BY ${KEY} LIMIT ${PAGE_EVENTS}`;
	const bytes = ["record", "query", "body"].map((column) => `length(CAST(${column} AS BLOB))`).join(" + ");
	const sums = `SELECT *, sum(${bytes}) OVER (ORDER BY ${KEY}) AS page_bytes, row_number() OVER (ORDER BY ${KEY}) AS page_row FROM (${rows})`;
	return query(where, `SELECT * FROM (${sums}) WHERE page_bytes <= ${PAGE_BYTES} OR page_row = 1 ORDER BY ${KEY}`).map(
		({ page_bytes: _, page_row: __, ...row }) => row,
	);
}

await refusable(() => {
	const { file, where } = readArguments("export");
	checkEnvironment();
	checkEventLog();
	if (existsSync(file)) throw new Refusal(`${file} is there already: name another file.`);
	readSchema(where);
	// What was broken off never looks whole.
	const part = `${file}.part`;
	const output = openSync(part, "w", 0o600);
	let events = 0;
	/** @type {string[]} */
	const damaged = [];
	/** @type {Row | undefined} */
	let last;
	for (;;) {
		const rows = page(where, last);
		if (rows.length === 0) break;
		writeSync(output, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
		damaged.push(...rows.filter(problem).map((row) => `${row.app}/${eventId(row)}: ${problem(row)}`));
		events += rows.length;
		last = rows.at(-1);
		console.error(`export: ${events} events`);
	}
	closeSync(output);
	renameSync(part, file);
	for (const line of damaged) console.error(`Warning: an event is damaged: ${line}.`);
	console.log(`${file} has ${events} events.`);
});
