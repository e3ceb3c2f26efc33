// What `export` and `import` have in common: the command line, the table of events in D1, and its rows as lines of JSON.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { eventLog, Refusal, readConfig } from "./config.mjs";
import { arrayIn, CONFIG, capture, refuse } from "./wrangler.mjs";

/**
 * A row of the table `events`, by its columns: at least those of its key, and its texts.
 * @typedef {{ app: number, kind: string, event_time: number, hash: string, record: string, query: string, body: string }
 *   & Record<string, string | number | null>} Row
 */

const UNREADABLE = "The database could not be read";

/** The id of an event counts its time down from here. */
const COUNTDOWN = 9999999999999;

/**
 * Reads the command line: a file, whether the database is the local one, and other flags.
 * @template {string} [F=never]
 * @param {string} name the script's
 * @param {F[]} [flags] without their dashes
 */
export function readArguments(name, flags = []) {
	const usage = `Call it as npm run ${name} -- FILE [--local]${flags.map((flag) => ` [--${flag}]`).join("")}`;
	try {
		const options = Object.fromEntries(["local", "remote", ...flags].map((flag) => [flag, { type: "boolean" }]));
		const { values, positionals } = parseArgs({
			allowPositionals: true,
			options: /** @type {Record<string, { type: "boolean" }>} */ (options),
		});
		if (positionals.length !== 1) throw new Error("One file is needed.");
		if (values.local && values.remote) throw new Error("--local and --remote exclude each other.");
		return { file: positionals[0], where: values.local ? "--local" : "--remote", flags: values };
	} catch (error) {
		throw new Refusal(`${/** @type {Error} */ (error).message.split("\n")[0]} ${usage}, so nothing was done.`);
	}
}

/** Refuses where there is no event log. */
export function checkEventLog() {
	if (eventLog(readConfig(CONFIG)) === undefined)
		throw new Refusal("wrangler.toml binds no database to DB, so there is no event log.");
}

/**
 * Runs wrangler on the database, and gives what it says.
 * @param {string} where `--local` or `--remote`
 * @param {string[]} args
 * @param {string} failure
 */
export function execute(where, args, failure) {
	const { status, stdout, output } = capture([
		...["d1", "execute", "DB", where, "--json", "--yes"],
		...args,
		...["--config", CONFIG],
	]);
	const results = status === 0 ? arrayIn(stdout) : undefined;
	if (results === undefined) refuse(output, failure);
	return results;
}

/**
 * The rows of a query.
 * @param {string} where
 * @param {string} sql
 * @returns {any[]}
 */
export function query(where, sql) {
	const [{ results }] = execute(where, ["--command", sql], UNREADABLE);
	return results;
}

/**
 * The columns of the table, and what is not there of what the migrations make for it.
 * @param {string} where
 */
export function readSchema(where) {
	const [table, triggers] = execute(
		where,
		["--command", "PRAGMA table_info('events'); SELECT name FROM sqlite_master WHERE type = 'trigger'"],
		UNREADABLE,
	).map(({ results }) => results.map((/** @type {{ name: string }} */ { name }) => name));
	/** @type {string[]} */
	const columns = table;
	if (columns.length === 0) {
		const how = where === "--local" ? "`npm run dev` makes them" : "run `npm run migrate` first";
		throw new Refusal(`The database has no tables of ours: ${how}.`);
	}
	const folder = join(import.meta.dirname, "../migrations");
	const made = readdirSync(folder).flatMap((file) =>
		[...readFileSync(join(folder, file), "utf8").matchAll(/^CREATE TRIGGER (\w+)/gm)].map(([, name]) => name),
	);
	return { columns, missing: [...new Set(made)].filter((name) => !triggers.includes(name)) };
}

/**
 * A text as an expression of SQL, whatever is in it: neither wrangler nor D1 can take a part of it for the end of a statement.
 * @param {string | Buffer} text
 */
export function sqlText(text) {
	return `CAST(X'${Buffer.from(text).toString("hex")}' AS TEXT)`;
}

/**
 * The id of an event.
 * @param {Row} row
 */
export function eventId({ event_time: time, hash }) {
	return `${String(COUNTDOWN - time).padStart(13, "0")}-${hash}`;
}

/**
 * What a JSON text holds; undefined if it is no object.
 * @param {unknown} text
 * @returns {Record<string, unknown> | undefined}
 */
function objectIn(text) {
	try {
		const value = typeof text === "string" ? JSON.parse(text) : undefined;
		return typeof value === "object" && !Array.isArray(value) ? (value ?? undefined) : undefined;
	} catch {
		return undefined;
	}
}

/**
 * What is wrong with a row; undefined if it is an event as the Worker stores it.
 * @param {Record<string, unknown>} row
 */
export function problem(row) {
	const { app, kind, event_time: time, hash, record: text, query, body } = row;
	const isNumber = (/** @type {unknown} */ value) => Number.isSafeInteger(value) && Number(value) >= 0;
	if (!isNumber(app)) return "app is no SDKAppID";
	if (typeof kind !== "string" || !/^[a-z_]+$/.test(kind)) return "kind is no kind";
	if (!isNumber(time) || Number(time) > COUNTDOWN) return "event_time is no time in Unix ms";
	if (typeof hash !== "string" || !/^[0-9a-f]{32}$/.test(hash)) return "hash is no hash";
	const record = objectIn(text);
	if (record === undefined) return "record is no JSON object";
	const { from_account: actor, to_accounts: targets } = record;
	const isUser = (/** @type {unknown} */ user) => typeof user === "string";
	if (!isUser(actor) || !Array.isArray(targets) || targets.length === 0 || !targets.every(isUser))
		return "record has no actor, or no targets";
	if (record.sdk_app_id !== app || record.kind !== kind || record.id !== eventId(/** @type {Row} */ (row)))
		return "record is of another event";
	if (typeof query !== "string") return "query is no text";
	if (objectIn(body) === undefined) return "body is no JSON object";
	const other = Object.entries(row).find(
		([name, value]) => !/^\w+$/.test(name) || !(value === null || isUser(value) || Number.isFinite(value)),
	);
	if (other !== undefined) return `${other[0]} is no column`;
}
