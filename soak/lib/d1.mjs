// D1: SQLite with the project's own migrations.

import { readdirSync, readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { numberAt, numberIn } from "./events.mjs";

const MIGRATIONS = fileURLToPath(new URL("../../migrations/", import.meta.url));

/**
 * @import { IncomingMessage } from "node:http"
 * @import { SQLInputValue, StatementSync } from "node:sqlite"
 * @import { Answer, Operation } from "../storage.mjs"
 * @import { Fault } from "./faults.mjs"
 */
/** @typedef {{ sql: string, params?: SQLInputValue[] }} Statement as D1's client sends it */

/** @type {Partial<Record<Fault, string>>} */
const ERRORS = {
	overloaded: "D1 DB is overloaded. Too many requests queued.",
	full: "Exceeded maximum DB size.: SQLITE_FULL",
};

export class D1 {
	#database;
	/** @type {Map<string, { statement: StatementSync, columns: string[] }>} */
	#prepared = new Map();

	/** @param {string} path */
	constructor(path) {
		this.#database = new DatabaseSync(path);
		this.#database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
		for (const name of readdirSync(MIGRATIONS).sort()) this.#database.exec(readFileSync(MIGRATIONS + name, "utf8"));
	}

	/**
	 * What a request asks for: for which event, and what does it. Only what writes of an event meets faults.
	 * @param {IncomingMessage} _
	 * @param {Buffer} bytes
	 * @returns {Operation}
	 */
	read(_, bytes) {
		/** @type {Statement | Statement[]} */
		const asked = JSON.parse(bytes.toString());
		const statements = Array.isArray(asked) ? asked : [asked];
		const [{ sql, params = [] }] = statements;
		const run = () => this.#run(statements);
		// Of a batch, the first event decides.
		const event = params.length > 1 ? params[4] : params[0];
		if (sql.startsWith("INSERT INTO events")) return { number: numberIn(String(event)), purpose: "insert", run };
		if (sql.startsWith("INSERT INTO deliveries")) return { number: numberOfState(params), purpose: "state", run };
		return { run };
	}

	/**
	 * @param {Fault} fault
	 * @returns {Answer}
	 */
	refusal(fault) {
		if (!ERRORS[fault]) return { status: 500, reason: "Internal Server Error" };
		return json([{ success: false, error: ERRORS[fault] }]);
	}

	/** @param {Statement[]} statements */
	#run(statements) {
		this.#database.exec("BEGIN IMMEDIATE");
		try {
			const results = statements.map(({ sql, params = [] }) => {
				const { statement, columns } = this.#prepare(sql);
				return { success: true, results: { columns, rows: statement.all(...params) }, meta: { duration: 0 } };
			});
			this.#database.exec("COMMIT");
			return json(results);
		} catch (error) {
			this.#database.exec("ROLLBACK");
			const { message } = /** @type {Error} */ (error);
			return json([{ success: false, error: `${message}: SQLITE_ERROR` }]);
		}
	}

	/** @param {string} sql */
	#prepare(sql) {
		let prepared = this.#prepared.get(sql);
		if (!prepared) {
			const statement = this.#database.prepare(sql);
			statement.setReturnArrays(true);
			prepared = { statement, columns: statement.columns().map(({ name }) => name) };
			this.#prepared.set(sql, prepared);
		}
		return prepared;
	}
}

/**
 * The number of the event whose state is written: its time is among the parameters.
 * @param {SQLInputValue[]} params
 */
function numberOfState(params) {
	return params
		.map((parameter) => numberAt(Number(parameter)))
		.find((number) => Number.isInteger(number) && number >= 0);
}

/**
 * @param {object[]} results
 * @returns {Answer}
 */
function json(results) {
	return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(results) };
}
