// A store and a queue that replace the KV namespace and the queue, and behave as the event's From_Account says. They
// log what they stored.
import { WorkerEntrypoint } from "cloudflare:workers";

const attempts = new Map();

// `behaviour` is a list of words, separated by commas.
async function behave(key, behaviour) {
	const words = behaviour.split(",");
	const attempt = (attempts.get(key) ?? 0) + 1;
	attempts.set(key, attempt);
	const [, wait] = /answers-after-(\d+)/.exec(behaviour) ?? [];
	if (wait) await new Promise((resolve) => setTimeout(resolve, Number(wait)));
	const [, times] = /\bfails-(\d+)-times/.exec(behaviour) ?? [];
	if (words.includes("fails") || attempt <= Number(times ?? 0)) throw new Error("KV PUT failed: 500 Internal Server Error");
	if (words.includes("too-many-once") && attempt === 1) throw new Error("KV PUT failed: 429 Too Many Requests");
	if (words.includes("hangs") || (words.includes("hangs-once") && attempt === 1))
		await new Promise((resolve) => setTimeout(resolve, 20_000));
	return attempt;
}

export class EVENTS extends WorkerEntrypoint {
	async put(key, value) {
		const record = JSON.parse(value);
		const attempt = await behave(key, record.from_account ?? record.message.body.From_Account);
		console.log(JSON.stringify({ outcome: "taken", request_id: key, attempt, value: record }));
	}
}

export class DELIVERIES extends WorkerEntrypoint {
	async send(text, options) {
		const message = JSON.parse(text);
		const of_queue = message.body.From_Account.split(",").filter((word) => word.startsWith("queue-"));
		await behave(text, of_queue.map((word) => word.slice("queue-".length)).join(","));
		console.log(JSON.stringify({ outcome: "queued", options, message }));
	}
}

export default { fetch: () => new Response("not for requests", { status: 404 }) };
