// Before the Worker under test, and between it and its D1 database: one statement that writes after the other, each of which takes 20 ms,
// as D1 has one writer. Over 100 that wait are refused, with D1's own words. All else is passed on.
import { RpcTarget, WorkerEntrypoint } from "cloudflare:workers";

/** @typedef {{ DB: D1Database, OURS: Fetcher }} Env */

const WRITE_MS = 20;
const WAITING_MAX = 100;

let waiting = 0;
/** @type {Promise<unknown>} */
let writer = Promise.resolve();

/**
 * @template T
 * @param {() => Promise<T>} write
 */
async function write(write) {
	if (waiting >= WAITING_MAX) throw new Error("D1_ERROR: D1 DB is overloaded. Too many requests queued.");
	waiting++;
	const done = writer.then(async () => {
		await scheduler.wait(WRITE_MS);
		waiting--;
		return write();
	});
	writer = done.catch(() => {});
	return done;
}

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
	/** @param {(string | number | null)[]} parameters */
	bind(...parameters) {
		return new Statement(this.#sql, this.#statement.bind(...parameters));
	}
	all() {
		return this.#run(() => this.#statement.all());
	}
	run() {
		return this.#run(() => this.#statement.run());
	}
	/**
	 * @template T
	 * @param {() => Promise<T>} run
	 */
	#run(run) {
		return /^\s*SELECT/.test(this.#sql) ? run() : write(run);
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
	fetch: (request, env) => env.OURS.fetch(request),
};
