// A store that does what the event's From_Account says, in the place of a KV namespace. It logs what it took.
import { WorkerEntrypoint } from "cloudflare:workers";

const attempts = new Map();

export class Store extends WorkerEntrypoint {
	async put(key, value) {
		const behaviour = JSON.parse(value).from_account;
		const attempt = (attempts.get(key) ?? 0) + 1;
		attempts.set(key, attempt);
		const [, wait] = /^answers-after-(\d+)/.exec(behaviour) ?? [];
		if (wait) await new Promise((resolve) => setTimeout(resolve, Number(wait)));
		if (behaviour === "fails") throw new Error("KV PUT failed: 500 Internal Server Error");
		if (behaviour === "fails-once" && attempt === 1) throw new Error("KV PUT failed: 500 Internal Server Error");
		if (behaviour === "too-many-once" && attempt === 1) throw new Error("KV PUT failed: 429 Too Many Requests");
		if (behaviour === "hangs-once" && attempt === 1) await new Promise((resolve) => setTimeout(resolve, 20_000));
		console.log(JSON.stringify({ outcome: "taken", request_id: key, attempt }));
	}
}

export default { fetch: () => new Response("not for requests", { status: 404 }) };
