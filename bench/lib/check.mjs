// Before anything is measured: the receivers agree. Each gets the calls of tests/vectors/, and must give the same
// response, put the same entry into KV under the same key, run the same statement with the same parameters in D1, where
// that is a sink, and write the same log record.

import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { signature } from "./calls.mjs";
import { Connection, getJson, post } from "./load.mjs";
import { D1_RECEIVERS, RECEIVERS } from "./variants.mjs";
import { APP, Served, TOKEN } from "./workerd.mjs";

/** @import { Name, Prepared } from "./variants.mjs" */
/** @import { Answer } from "./load.mjs" */
/** @typedef {keyof typeof COMMANDS} Follow a kind of event */
/**
 * A call of tests/vectors/, as far as it is read here.
 * @typedef {Record<typeof CIRCUMSTANCES[number], unknown> & Call} Vector
 * @typedef {object} Call
 * @property {string} why
 * @property {string} url
 * @property {string} body
 * @property {string} [body_hex] the body, where it is no text
 * @property {number} [status]
 * @property {string} [reason] of the rejection
 */
/** @typedef {{ puts: number, inserts: number }} Storage what the stub has counted, beside the last of each */
/** @typedef {{ response: Answer, record: object, storage: Storage }} Seen what must be the same for all receivers */

const VECTORS = new URL("../../tests/vectors/", import.meta.url);
const COMMANDS = { unfollow: "Follow.CallbackAfterFollowDelete", follow: "Follow.CallbackAfterFollowAdd" };

/** What may be unusual about a call. */
const CIRCUMSTANCES = /** @type {const} */ (["settings", "bindings", "store", "method", "pad_to", "content_length"]);

/** What JSON.parse does not show, by the row's `why`. Ours alone can tell. */
const OURS_ALONE = /duplicate member/;

/** How long a log record may take to arrive, in ms. */
const LOG_WITHIN_MS = 5000;

/**
 * Throws where two receivers with the same sinks differ. Returns on how many calls they agree, and how many of these they
 * reject.
 * @param {Prepared} prepared
 */
export async function check(prepared) {
	const count = await checkAll(prepared, RECEIVERS, { insertsAPut: 0 });
	await checkAll(prepared, D1_RECEIVERS, { insertsAPut: 1 });
	return count;
}

/**
 * Compares receivers.
 * @param {Prepared} prepared
 * @param {Name[]} names ours is the last
 * @param {{ insertsAPut: number }} expected
 */
async function checkAll(prepared, names, { insertsAPut }) {
	const receivers = await Promise.all(names.map((name) => Receiver.start(name, prepared[name].path)));
	const count = { agreed: 0, rejected: 0 };
	for (const call of vectors()) {
		// Signed anew for each call, the same for all receivers.
		const request = post(call.query(), call.body);
		const [ours, ...peers] = await Promise.all(receivers.toReversed().map((receiver) => receiver.call(request)));
		for (const peer of peers) {
			if (!isDeepStrictEqual(peer.seen, ours.seen)) {
				throw new Error(`${peer.name} differs from ours: ${call.why}\n${show(peer.seen)}\n${show(ours.seen)}`);
			}
		}
		const { response, storage } = ours.seen;
		if (storage.inserts !== storage.puts * insertsAPut) {
			throw new Error(`${call.why}: ${storage.inserts} inserts into D1, ${storage.puts} puts into KV`);
		}
		const { status } = response;
		if (call.status !== undefined && call.status !== status) {
			throw new Error(`${call.why}: status ${status}, not ${call.status}`);
		}
		count.agreed += 1;
		count.rejected += status >= 400 ? 1 : 0;
	}
	await Promise.all(receivers.map((receiver) => receiver.stop()));
	return count;
}

const show = (/** @type {Seen} */ seen) => JSON.stringify(seen, null, "\t");

const read = (/** @type {string} */ name) => JSON.parse(readFileSync(new URL(name, VECTORS), "utf8"));

/**
 * The vectors that fit the settings here.
 * @returns {Generator<{ why: string, query: () => string, body: string | Buffer, status?: number }>} `query` is made when it
 * is sent
 */
function* vectors() {
	/** @type {{ events: { why: string, kind: Follow, sdk_app_id: string, body: string }[] }} */
	const { events } = read("event-id.json");
	for (const { why, kind, sdk_app_id, body } of events) {
		if (sdk_app_id !== APP) continue;
		const query = () => `SdkAppid=${APP}&CallbackCommand=${COMMANDS[kind]}&${signature()}`;
		yield { why, query, body, status: 200 };
	}
	/** @type {{ defaults: Vector, calls: Partial<Vector>[] }} */
	const { defaults, calls } = read("calls.json");
	/** @type {{ entries: Partial<Vector>[] }} */
	const { entries } = read("entry.json");
	const [signed, requestTime] = /Sign=.*(RequestTime=.*)/.exec(new URL(defaults.url).search) ?? [];
	if (signed === undefined) throw new Error("the vectors have no Sign");
	for (const call of [...calls, ...entries]) {
		const vector = { ...defaults, ...call };
		const { why, url, body_hex, status = 200 } = vector;
		const body = body_hex === undefined ? vector.body : Buffer.from(body_hex, "hex");
		const usual = CIRCUMSTANCES.every((name) => isDeepStrictEqual(vector[name], defaults[name]));
		const fits = usual && url.startsWith("https://www.example.com/?");
		if (!fits || OURS_ALONE.test(why)) continue;
		const raw = url.slice(url.indexOf("?") + 1);
		if (/\s/.test(raw) || raw.includes("#")) continue;
		// The Sign of long ago is replaced by a current one. One that is wrong on purpose stays wrong, at the current time.
		const query = () => {
			const now = signature(TOKEN);
			return raw.replace(signed, now).replace(requestTime, now.slice(now.indexOf("RequestTime")));
		};
		const isCurrent = raw.includes(signed) || call.reason === "sign_mismatch";
		yield { why, query, body, status: isCurrent ? status : undefined };
	}
}

/** One receiver, and what it does with a call. */
class Receiver {
	/**
	 * @param {Name} name
	 * @param {Served} served
	 * @param {Connection} connection
	 */
	constructor(name, served, connection) {
		this.name = name;
		this.served = served;
		this.connection = connection;
	}

	/**
	 * @param {Name} name
	 * @param {string} path of the config
	 */
	static async start(name, path) {
		const served = await Served.start(path, { captureLog: true });
		return new Receiver(name, served, await Connection.open(served.ports.variant));
	}

	/**
	 * Sends `request`, and returns what must be the same for all receivers: response, log record and what was stored.
	 * @param {Buffer} request
	 * @returns {Promise<{ name: Name, seen: Seen }>}
	 */
	async call(request) {
		const { served } = this;
		served.log = "";
		const response = await this.connection.send(request);
		const record = JSON.parse(await recordOf(served));
		delete record.duration_ms;
		const storage = timeless(await getJson(served.ports.storage));
		return { name: this.name, seen: { response, record, storage } };
	}

	async stop() {
		this.connection.close();
		await this.served.stop();
	}
}

/**
 * `value` with each `received_at` in its texts set to 0.
 * @template T
 * @param {T} value
 * @returns {T}
 */
function timeless(value) {
	const reset = (/** @type {string} */ text) => text.replace(/"received_at":[0-9]+/, '"received_at":0');
	return JSON.parse(JSON.stringify(value), (_, part) => (typeof part === "string" ? reset(part) : part));
}

/**
 * The record that was logged. It does not arrive with the response.
 * @param {Served} served
 */
async function recordOf(served) {
	const deadline = performance.now() + LOG_WITHIN_MS;
	while (!served.log.endsWith("\n")) {
		if (performance.now() > deadline) throw new Error("no log record");
		await new Promise((resolve) => setTimeout(resolve, 1));
	}
	return served.log;
}
