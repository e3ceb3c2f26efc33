// Before the Worker under test, and between it and its D1 database. `/costs` returns the rows that were read and written
// since the last time, for each statement with its SQL; `/sql` runs statements as they are, and returns the rows of each, what it costs,
// and the size of the database; `/scheduled` is the cron trigger; `/fail` has each statement of the Worker fail with the text that is
// posted, until it is empty; all else is passed on.
import { RpcTarget, WorkerEntrypoint } from "cloudflare:workers";

/**
 * The Worker under test, as the flag service_binding_extra_handlers shows it.
 * @typedef {object} Ours
 * @property {(request: Request) => Promise<Response>} fetch
 * @property {(options: { scheduledTime: Date, cron: string }) => Promise<{ outcome: string }>} scheduled
 */
/** @typedef {{ DB: D1Database, OURS: Ours }} Env */
/** @typedef {string | number | null} Parameter */

/** @type {{ sql: string, read: number, written: number }[]} */
let costs = [];

/** What each statement says instead of its result; nothing if it is empty. */
let failure = "";

class Statement extends RpcTarget {
	#sql;
	#statement;

	/**
	 * @param {string} sql
	 * @param {D1PreparedStatement} statement
	 */
	constructor(sql, statement) {
		super();
		this.#sql = sql;
		this.#statement = statement;
	}
	/** @param {Parameter[]} parameters */
	bind(...parameters) {
		return new Statement(this.#sql, this.#statement.bind(...parameters));
	}
	all() {
		return this.#counted(this.#statement.all());
	}
	run() {
		return this.#counted(this.#statement.run());
	}
	/** @param {Promise<D1Result>} result */
	async #counted(result) {
		const { meta, ...rest } = await result;
		if (failure !== "") throw new Error(failure);
		costs.push({ sql: this.#sql, read: meta.rows_read, written: meta.rows_written });
		return { meta, ...rest };
	}
}

/** @extends {WorkerEntrypoint<Env>} */
export class DB extends WorkerEntrypoint {
	/** @param {string} sql */
	prepare(sql) {
		return new Statement(sql, this.env.DB.prepare(sql));
	}
	/** @param {Statement[]} statements */
	async batch(statements) {
		const results = [];
		for (const statement of statements) results.push(await statement.run());
		return results;
	}
}

/** @type {ExportedHandler<Env>} */
export default {
	async fetch(request, env) {
		const { pathname } = new URL(request.url);
		if (pathname === "/costs") {
			const since = costs;
			costs = [];
			return Response.json(since);
		}
		if (pathname === "/fail") {
			failure = await request.text();
			return Response.json(failure);
		}
		if (pathname === "/sql") {
			/** @type {[string, ...Parameter[]][]} */
			const asked = await request.json();
			const statements = asked.map(([sql, ...parameters]) => env.DB.prepare(sql).bind(...parameters));
			const results = await env.DB.batch(statements);
			return Response.json(
				results.map(({ meta, results: rows }) => ({
					read: meta.rows_read,
					written: meta.rows_written,
					size: meta.size_after,
					rows,
				})),
			);
		}
		if (pathname === "/scheduled") {
			const { outcome } = await env.OURS.scheduled({ scheduledTime: new Date(), cron: "17 * * * *" });
			return Response.json({ outcome });
		}
		return env.OURS.fetch(request);
	},
};
