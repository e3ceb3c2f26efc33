// KV: values with metadata by key, and one write to a key in a second.

import { DatabaseSync } from "node:sqlite";
import { numberIn } from "./events.mjs";

/** How long KV refuses a second write to a key, in ms. */
const SAME_KEY_PAUSE_MS = 1000;
const METADATA_MAX = 1024;

/**
 * @import { IncomingMessage } from "node:http"
 * @import { Answer, Operation } from "../storage.mjs"
 * @import { Fault } from "./faults.mjs"
 */
/** @typedef {{ key: string, value: string, metadata: string | null }} Entry */

const PAUSE = { status: 429, reason: "Too Many Requests" };

/** @type {Partial<Record<Fault, Answer>>} */
const REFUSALS = {
	refuse: { status: 500, reason: "Internal Server Error" },
	pause: PAUSE,
	day_limit: { status: 429, reason: "KV put() limit exceeded for the day." },
};

export class Kv {
	/** @type {Map<string, number>} in Unix ms, by key */
	#writtenAt = new Map();
	/** @type {Set<string>} their keys */
	#deadLetters = new Set();
	#replayed = 0;
	#statements;

	/** @param {string} path */
	constructor(path) {
		const database = new DatabaseSync(path);
		database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
			CREATE TABLE entries (key TEXT PRIMARY KEY, value TEXT NOT NULL, metadata TEXT) WITHOUT ROWID`);
		this.#statements = {
			put: database.prepare("INSERT OR REPLACE INTO entries VALUES (?, ?, ?)"),
			get: database.prepare("SELECT value, metadata FROM entries WHERE key = ?"),
			delete: database.prepare("DELETE FROM entries WHERE key = ?"),
			list: database.prepare(
				"SELECT key, metadata FROM entries WHERE key > ? AND key >= ? AND key < ? || char(0x10ffff) ORDER BY key LIMIT ?",
			),
		};
	}

	/**
	 * What a request asks for: for which event, and what does it. Only a put meets faults.
	 * @param {IncomingMessage} request
	 * @param {Buffer} bytes
	 * @returns {Operation}
	 */
	read({ method, url = "", headers }, bytes) {
		const { pathname, searchParams } = new URL(url, "http://kv");
		const key = decodeURIComponent(pathname.slice(1));
		if (method !== "PUT") return { run: () => this.#answer(method, key, searchParams) };
		const value = bytes.toString();
		const metadata = headers["cf-kv-metadata"]?.toString() ?? null;
		const purpose = key.startsWith("event/") ? "event" : key;
		return { number: numberIn(value), purpose, run: () => this.#put(key, value, metadata) };
	}

	/** @param {Fault} fault */
	refusal(fault) {
		const refusal = REFUSALS[fault];
		if (refusal === undefined) throw new Error(`KV has no refusal for ${fault}`);
		return refusal;
	}

	/** How many different dead letters there have ever been, and how many have gone: only a replay deletes one here. */
	counts() {
		return { dead_lettered: this.#deadLetters.size, replayed: this.#replayed };
	}

	/**
	 * @param {string} key
	 * @param {string} value
	 * @param {string | null} metadata as JSON
	 * @returns {Answer}
	 */
	#put(key, value, metadata) {
		if (Buffer.byteLength(metadata ?? "") > METADATA_MAX) return { status: 413, reason: "Payload Too Large" };
		const now = Date.now();
		if (now - (this.#writtenAt.get(key) ?? 0) < SAME_KEY_PAUSE_MS) return PAUSE;
		this.#writtenAt.set(key, now);
		this.#statements.put.run(key, value, metadata);
		if (key.startsWith("dead/")) this.#deadLetters.add(key);
		return { status: 200 };
	}

	/**
	 * @param {string | undefined} method
	 * @param {string} key
	 * @param {URLSearchParams} parameters
	 * @returns {Answer}
	 */
	#answer(method, key, parameters) {
		if (method === "DELETE") {
			const { changes } = this.#statements.delete.run(key);
			if (key.startsWith("dead/")) this.#replayed += Number(changes);
			return { status: 200 };
		}
		if (key !== "") {
			const entry = /** @type {Entry | undefined} */ (this.#statements.get.get(key));
			if (!entry) return { status: 404, reason: "Not Found" };
			return { status: 200, headers: entry.metadata ? { "cf-kv-metadata": entry.metadata } : {}, body: entry.value };
		}
		const limit = Number(parameters.get("key_count_limit") ?? 1000);
		const prefix = parameters.get("prefix") ?? "";
		const rows = this.#statements.list.all(parameters.get("cursor") ?? "", prefix, prefix, limit + 1);
		const keys = /** @type {Entry[]} */ (rows)
			.slice(0, limit)
			.map((row) => ({ name: row.key, metadata: row.metadata ?? undefined }));
		const list_complete = rows.length <= limit;
		const cursor = list_complete ? undefined : keys.at(-1)?.name;
		return { status: 200, body: JSON.stringify({ keys, list_complete, cursor, cacheStatus: null }) };
	}
}
