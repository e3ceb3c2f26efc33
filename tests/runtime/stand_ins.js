// A store, a database and a queue that replace KV, D1 and the queue, and behave as the event's From_Account says. They log
// what they stored.
import { RpcTarget, WorkerEntrypoint } from "cloudflare:workers";

/** @type {Map<string, number>} */
const attempts = new Map();

/**
 * @param {string} key
 * @param {string} behaviour a list of words, separated by commas
 */
async function behave(key, behaviour) {
	const words = behaviour.split(",");
	const attempt = (attempts.get(key) ?? 0) + 1;
	attempts.set(key, attempt);
	const [, wait] = /answers-after-(\d+)/.exec(behaviour) ?? [];
	if (wait) await new Promise((resolve) => setTimeout(resolve, Number(wait)));
	const [, times] = /\bfails-(\d+)-times/.exec(behaviour) ?? [];
	if (words.includes("fails") || attempt <= Number(times ?? 0))
		throw new Error("KV PUT failed: 500 Internal Server Error");
	if (words.includes("too-many-once") && attempt === 1) throw new Error("KV PUT failed: 429 Too Many Requests");
	if (words.includes("hangs") || (words.includes("hangs-once") && attempt === 1))
		await new Promise((resolve) => setTimeout(resolve, 20_000));
	return attempt;
}

export class EVENTS extends WorkerEntrypoint {
	/**
	 * @param {string} key
	 * @param {string} value
	 */
	async put(key, value) {
		const record = JSON.parse(value);
		const attempt = await behave(key, record.from_account ?? record.message.body.From_Account);
		console.log(JSON.stringify({ outcome: "taken", request_id: key, attempt, value: record }));
	}
}

/**
 * The words of a behaviour that are for one of them.
 * @type {(prefix: string, behaviour: string) => string}
 */
const wordsFor = (prefix, behaviour) =>
	behaviour
		.split(",")
		.filter((word) => word.startsWith(prefix))
		.map((word) => word.slice(prefix.length))
		.join(",");

/** @type {Record<string, string>} by the word for it */
const D1_ERRORS = {
	overloaded: "D1_ERROR: D1 DB is overloaded. Too many requests queued.",
	"no-schema": "D1_ERROR: no such table: events: SQLITE_ERROR",
};

class Statement extends RpcTarget {
	#parameters;

	/** @param {string[]} parameters */
	constructor(parameters = []) {
		super();
		this.#parameters = parameters;
	}
	/** @param {string[]} parameters */
	bind(...parameters) {
		return new Statement(parameters);
	}
	async run() {
		const [, , , hash, record] = this.#parameters;
		const behaviour = wordsFor("d1-", JSON.parse(record).from_account);
		console.log(JSON.stringify({ outcome: "insert begun", request_id: hash }));
		if (D1_ERRORS[behaviour]) throw new Error(D1_ERRORS[behaviour]);
		const attempt = await behave(`d1 ${hash}`, behaviour);
		console.log(JSON.stringify({ outcome: "inserted", request_id: hash, attempt }));
		return { success: true, meta: {}, results: [] };
	}
}

export class DB extends WorkerEntrypoint {
	prepare() {
		return new Statement();
	}
}

export class DELIVERIES extends WorkerEntrypoint {
	/**
	 * @param {string} text
	 * @param {QueueSendOptions} options
	 */
	async send(text, options) {
		const message = JSON.parse(text);
		await behave(text, wordsFor("queue-", message.body.From_Account));
		console.log(JSON.stringify({ outcome: "queued", options, message }));
	}
}

export default { fetch: () => new Response("not for requests", { status: 404 }) };
