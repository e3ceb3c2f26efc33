// The queues: messages on disk, handed to the Worker concurrently, one at a time or in batches, retried after a delay, and moved to
// the dead-letter queue after too many retries. Now and then one is handed out twice. Cloudflare's do the same.

import { randomUUID } from "node:crypto";
import { Agent, request } from "node:http";
import { DatabaseSync } from "node:sqlite";
import { chanceOf } from "./chance.mjs";
import { numberIn } from "./events.mjs";

/** How long a second of a delay lasts here, in ms: the Worker's waits double up to an hour. */
const SECOND_MS = 20;

/** Invocations of the Worker at a time; Cloudflare allows 250. */
const CONCURRENCY = 200;

/** @import { IncomingMessage } from "node:http" */
/** @import { Answer, Operation } from "../storage.mjs" */
/** @typedef {{ id: string, queue: string, body: string, sent_at: number, attempts: number }} Message sent at Unix ms */
/**
 * How the Worker settled messages, as workerd tells it.
 * @typedef {object} Settled
 * @property {string} outcome
 * @property {{ msgId: string, delaySeconds?: number }[]} [retryMessages]
 * @property {{ retry: boolean }} [retryBatch]
 */

/** @type {Record<string, { batch: number, waitMs: number, maxRetries: number, retryDelay: number, deadLetterQueue?: string }>} */
const CONSUMERS = {
	"unfollow-deliveries": {
		batch: 1,
		waitMs: 0,
		maxRetries: 10,
		retryDelay: 60,
		deadLetterQueue: "unfollow-dead-letters",
	},
	"unfollow-dead-letters": { batch: 1, waitMs: 0, maxRetries: 100, retryDelay: 60 },
	"unfollow-event-log": {
		batch: 100,
		waitMs: 500,
		maxRetries: 100,
		retryDelay: 10,
		deadLetterQueue: "unfollow-dead-letters",
	},
};

/** How likely a message is to be handed out again although it was acknowledged. */
const REPEATED = 0.003;

/** How many messages that are due are looked at: more than there are invocations, as one may take many. */
const LOOKED_AT = 1_000;

/** How often messages that have become due are looked for, in ms. */
const POLL_MS = 10;

/** What a producer is answered; workerd reads the metrics. */
const SENT = JSON.stringify({ metadata: { metrics: { backlogCount: 0, backlogBytes: 0, oldestMessageTimestamp: 0 } } });

export class Queues {
	#statements;
	#database;
	#chance;
	#agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });
	/** The port where the Worker takes messages; 0 where there is no Worker. */
	#front = 0;
	#inFlight = 0;
	#counts = { sent: 0, retried: 0, broken_off: 0, repeated: 0, moved_to_dead_letters: 0, dropped: 0 };

	/**
	 * @param {string} path
	 * @param {string} seed
	 */
	constructor(path, seed) {
		this.#chance = chanceOf(seed);
		this.#database = new DatabaseSync(path);
		this.#database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
			CREATE TABLE messages (id TEXT PRIMARY KEY, queue TEXT NOT NULL, body TEXT NOT NULL, sent_at INTEGER NOT NULL,
				attempts INTEGER NOT NULL, visible_at INTEGER NOT NULL, is_leased INTEGER NOT NULL);
			CREATE INDEX due ON messages (is_leased, visible_at)`);
		const prepare = (/** @type {string} */ sql) => this.#database.prepare(sql);
		this.#statements = {
			send: prepare("INSERT INTO messages VALUES (?, ?, ?, ?, 0, ?, 0)"),
			due: prepare("SELECT * FROM messages WHERE is_leased = 0 AND visible_at <= ? ORDER BY visible_at LIMIT ?"),
			lease: prepare("UPDATE messages SET is_leased = 1, attempts = attempts + 1 WHERE id = ?"),
			again: prepare("UPDATE messages SET is_leased = 0, visible_at = ? WHERE id = ?"),
			move: prepare("UPDATE messages SET is_leased = 0, visible_at = ?, queue = ?, attempts = 0 WHERE id = ?"),
			delete: prepare("DELETE FROM messages WHERE id = ?"),
			count: prepare("SELECT count(*) AS count FROM messages"),
		};
		setInterval(() => this.#deliver(), POLL_MS);
	}

	/**
	 * What a producer's request asks for.
	 * @param {IncomingMessage} request
	 * @param {Buffer} bytes
	 * @returns {Operation}
	 */
	read({ headers }, bytes) {
		const body = bytes.toString();
		const job = /"job":"(\w+)"/.exec(body)?.[1];
		return { number: numberIn(body), purpose: job, run: () => this.#send(String(headers.engine), body) };
	}

	/** @returns {Answer} */
	refusal() {
		return { status: 500, reason: "Internal Server Error" };
	}

	/** @param {number} port where the Worker takes messages; 0 where there is no Worker */
	deliverTo(port) {
		this.#front = port;
	}

	counts() {
		return { ...this.#counts, pending: Number(this.#statements.count.get()?.count) };
	}

	/**
	 * @param {string} queue
	 * @param {string} body
	 * @returns {Answer}
	 */
	#send(queue, body) {
		const now = Date.now();
		const { waitMs } = CONSUMERS[queue];
		// Together with what else comes until then.
		const due = waitMs ? Math.ceil(now / waitMs) * waitMs : now;
		this.#statements.send.run(randomUUID(), queue, body, now, due);
		this.#counts.sent++;
		setImmediate(() => this.#deliver());
		return { status: 200, headers: { "content-type": "application/json" }, body: SENT };
	}

	#deliver() {
		if (!this.#front || this.#inFlight >= CONCURRENCY) return;
		const due = /** @type {Message[]} */ (this.#statements.due.all(Date.now(), LOOKED_AT));
		for (const [queue, { batch }] of Object.entries(CONSUMERS)) {
			const messages = due.filter((message) => message.queue === queue);
			for (let from = 0; from < messages.length && this.#inFlight < CONCURRENCY; from += batch) {
				const batched = messages.slice(from, from + batch);
				for (const { id } of batched) this.#statements.lease.run(id);
				this.#inFlight++;
				const taken = batched.map((message) => ({ ...message, attempts: message.attempts + 1 }));
				void this.#invoke(queue, taken).finally(() => {
					this.#inFlight--;
					setImmediate(() => this.#deliver());
				});
			}
		}
	}

	/**
	 * @param {string} queue
	 * @param {Message[]} messages
	 */
	async #invoke(queue, messages) {
		/** @type {Settled} */
		let result;
		try {
			const batch = messages.map(({ id, sent_at, body, attempts }) => ({ id, timestamp: sent_at, body, attempts }));
			result = await this.#post(`/${queue}`, JSON.stringify(batch));
		} catch {
			// The Worker was killed, or ended the invocation.
			this.#counts.broken_off++;
			result = { outcome: "exception" };
		}
		for (const message of messages) this.#settle(message, result);
	}

	/**
	 * @param {Message} message
	 * @param {Settled} result of its invocation
	 */
	#settle({ id, queue, body, attempts }, result) {
		const { maxRetries, retryDelay, deadLetterQueue } = CONSUMERS[queue];
		const retry = result.retryMessages?.find(({ msgId }) => msgId === id);
		const now = Date.now();
		if (result.outcome === "ok" && !retry && !result.retryBatch?.retry) {
			if (this.#chance("handed out again", String(numberIn(body)), queue, attempts) >= REPEATED) {
				this.#statements.delete.run(id);
				return;
			}
			this.#counts.repeated++;
			this.#statements.again.run(now, id);
		} else if (attempts <= maxRetries) {
			this.#counts.retried++;
			this.#statements.again.run(now + (retry?.delaySeconds ?? retryDelay) * SECOND_MS, id);
		} else if (deadLetterQueue) {
			this.#counts.moved_to_dead_letters++;
			this.#statements.move.run(now, deadLetterQueue, id);
		} else {
			this.#counts.dropped++;
			this.#statements.delete.run(id);
		}
	}

	/**
	 * @param {string} path
	 * @param {string} body
	 * @returns {Promise<Settled>}
	 */
	#post(path, body) {
		return new Promise((resolve, reject) => {
			const options = { port: this.#front, host: "127.0.0.1", method: "POST", path, agent: this.#agent };
			const sent = request({ ...options, headers: { "content-length": Buffer.byteLength(body) } }, (response) => {
				/** @type {Buffer[]} */
				const pieces = [];
				response.on("data", (piece) => pieces.push(piece));
				response.on("error", reject);
				response.on("end", () => {
					if (response.statusCode !== 200) return reject(new Error(`status ${response.statusCode}`));
					resolve(JSON.parse(Buffer.concat(pieces).toString()));
				});
			});
			sent.on("error", reject);
			sent.end(body);
		});
	}
}
