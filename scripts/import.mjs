// Adds the events of a file that `export` has written to the event log in D1. An event that is there already changes nothing, so
// it may be run again, and goes on where it was broken off; one that is there otherwise becomes as the file has it. The triggers
// count, as for events that come by webhook.

import { createReadStream, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Refusal, refusable } from "./config.mjs";
import { checkEnvironment } from "./database.mjs";
import { checkEventLog, execute, problem, readArguments, readSchema, sqlText } from "./event_rows.mjs";

/** @import { Row } from "./event_rows.mjs" */

/** How much goes to D1 at once: so many events, and about so many bytes of SQL. */
const BATCH_EVENTS = 2000;
const BATCH_BYTES = 4_000_000;

/** Most bytes of an event, or of a part of one, in a statement: D1 takes 100,000, and in hexadecimal they are twice as many. */
const STATEMENT_BYTES = 40_000;

/** Most problems that are named. */
const PROBLEMS_MAX = 10;

const KEY = ["app", "kind", "event_time", "hash"];
/** An event that does not fit into one statement is put together here: its triggers need its record whole. */
const PARTS = "events_import";

/**
 * The lines of a file, with their numbers. Not those of `readline`, to which more characters than the line end are one.
 * @param {string} file
 * @returns {AsyncGenerator<[number, string]>}
 */
async function* linesOf(file) {
	let [number, rest] = [0, ""];
	for await (const chunk of createReadStream(file, "utf8")) {
		const lines = (rest + chunk).split("\n");
		rest = lines.pop() ?? "";
		for (const line of lines) yield [++number, line];
	}
	if (rest !== "") yield [++number, rest];
}

/**
 * The rows in a file, with what is wrong with each.
 * @param {string} file
 * @returns {AsyncGenerator<{ number: number, row: Row, wrong: string | undefined }>}
 */
async function* rowsOf(file) {
	for await (const [number, line] of linesOf(file)) {
		let row;
		try {
			row = JSON.parse(line);
		} catch {
			// As any other line that is no event.
		}
		const isObject = typeof row === "object" && row !== null;
		yield { number, row, wrong: isObject ? problem(row) : "no JSON object" };
	}
}

/**
 * A value as an expression of SQL.
 * @param {string | number | null} value
 */
const sqlValue = (value) => (typeof value === "string" ? sqlText(value) : String(value));

/**
 * What follows an INSERT: what is there as it should be costs no row.
 * @param {string[]} columns
 */
function orUpdate(columns) {
	const others = columns.filter((name) => !KEY.includes(name));
	const set = others.map((name) => `${name} = excluded.${name}`).join(", ");
	const differs = others.map((name) => `events.${name} IS NOT excluded.${name}`).join(" OR ");
	return `ON CONFLICT DO UPDATE SET ${set} WHERE ${differs}`;
}

/**
 * The statements that add an event.
 * @param {Row} row
 */
function statements(row) {
	const columns = Object.keys(row);
	const names = columns.join(", ");
	const texts = columns.filter((name) => typeof row[name] === "string").map((name) => Buffer.from(String(row[name])));
	if (texts.reduce((sum, text) => sum + text.length, 0) <= STATEMENT_BYTES) {
		const values = columns.map((name) => sqlValue(row[name])).join(", ");
		return [`INSERT INTO events (${names}) VALUES (${values}) ${orUpdate(columns)};`];
	}
	const parts = columns.flatMap((name) => {
		const value = row[name];
		if (typeof value !== "string") return [`UPDATE ${PARTS} SET ${name} = ${value};`];
		const bytes = Buffer.from(value);
		const count = Math.ceil(bytes.length / STATEMENT_BYTES);
		const part = (/** @type {number} */ at) => bytes.subarray(at * STATEMENT_BYTES, (at + 1) * STATEMENT_BYTES);
		return Array.from({ length: count }, (_, at) => {
			// Bytes: a part may begin within a character.
			return `UPDATE ${PARTS} SET ${name} = CAST(${name} || X'${part(at).toString("hex")}' AS BLOB);`;
		});
	});
	const whole = columns.map((name) => (typeof row[name] === "string" ? `CAST(${name} AS TEXT)` : name)).join(", ");
	const empty = columns.map((name) => (typeof row[name] === "string" ? "X''" : "NULL")).join(", ");
	return [
		`DROP TABLE IF EXISTS ${PARTS};`,
		`CREATE TABLE ${PARTS} (${names});`,
		`INSERT INTO ${PARTS} (${names}) VALUES (${empty});`,
		...parts,
		`INSERT INTO events (${names}) SELECT ${whole} FROM ${PARTS} WHERE true ${orUpdate(columns)};`,
		`DROP TABLE ${PARTS};`,
	];
}

/**
 * Refuses a file that is not what `export` writes, before anything is written. Gives how many events it has, and their columns.
 * @param {string} file
 * @param {boolean} skips whether invalid lines are passed over
 */
async function check(file, skips) {
	const problems = [];
	const used = new Set();
	let events = 0;
	for await (const { number, row, wrong } of rowsOf(file)) {
		if (wrong === undefined) {
			events++;
			for (const name of Object.keys(row)) used.add(name);
		} else problems.push(`line ${number}: ${wrong}`);
	}
	if (problems.length > 0) {
		const named = problems.slice(0, PROBLEMS_MAX).join("\n");
		const more = problems.length > PROBLEMS_MAX ? `\nand ${problems.length - PROBLEMS_MAX} more` : "";
		const list = `${file} has lines that are no events:\n${named}${more}\n`;
		if (!skips) throw new Refusal(`${list}Nothing was imported: with --skip-invalid, all others are.`);
		console.error(`${list}They are passed over.`);
	}
	return { events, used };
}

await refusable(async () => {
	const { file, where, flags } = readArguments("import", ["skip-invalid"]);
	checkEnvironment();
	checkEventLog();
	if (!existsSync(file)) throw new Refusal(`${file} is not there.`);
	const { events, used } = await check(file, flags["skip-invalid"] === true);
	const { columns, missing } = readSchema(where);
	const unknown = [...used].filter((name) => !columns.includes(name));
	if (unknown.length > 0) {
		throw new Refusal(
			`The events table has no column ${unknown.join(", ")}: run \`npm run migrate\` of a newer version.`,
		);
	}
	if (missing.length > 0) {
		throw new Refusal(
			`The database lacks the trigger ${missing.join(", ")}, so events would not be counted: import into a new database.`,
		);
	}
	const folder = mkdtempSync(join(tmpdir(), "import-"));
	let [done, batch, size, held] = [0, /** @type {string[]} */ ([]), 0, 0];
	const flush = () => {
		if (held === 0) return;
		const sql = join(folder, "batch.sql");
		writeFileSync(sql, batch.join("\n"), { mode: 0o600 });
		execute(where, ["--file", sql], `${done} of ${events} events were imported. Run it again to go on`);
		done += held;
		console.error(`import: ${done} of ${events} events`);
		[batch, size, held] = [[], 0, 0];
	};
	try {
		for await (const { row, wrong } of rowsOf(file)) {
			if (wrong !== undefined) continue;
			const sql = statements(row);
			batch.push(...sql);
			size += sql.reduce((sum, { length }) => sum + length, 0);
			held++;
			if (held >= BATCH_EVENTS || size >= BATCH_BYTES) flush();
		}
		flush();
	} finally {
		rmSync(folder, { recursive: true });
	}
	console.log(`${done} events of ${file} are in the event log.`);
});
