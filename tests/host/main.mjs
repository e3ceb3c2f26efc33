// Serves Workers for the tests in Rust: one JSON object a line. A request is {id, method, worker, ...parameters}, and gets
// {id, result} or {id, error}; what a Worker logs comes as {worker, log}. It ends with its input, and all Workers with it.

import { createInterface } from "node:readline";
import { Host } from "./host.mjs";

/** @typedef {{ id: number, method: string, worker: number } & Record<string, any>} Request */

/** @type {Map<number, Host>} */
const hosts = new Map();

/** @param {object} message */
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

/** @param {number} worker */
function host(worker) {
	const found = hosts.get(worker);
	if (found === undefined) throw new Error(`no Worker ${worker}`);
	return found;
}

/** @type {Record<string, (request: Request) => Promise<unknown>>} */
const methods = {
	async start({ worker, configs, state, migrate }) {
		const started = await Host.start({ configs, state, onLog: (log) => say({ worker, log }) });
		hosts.set(worker, started);
		if (migrate) await started.migrate();
		return started.url;
	},
	async stop({ worker }) {
		await host(worker).stop();
		hosts.delete(worker);
	},
	migrate: ({ worker }) => host(worker).migrate(),
	keys: ({ worker }) => host(worker).kv.keys(),
	values: ({ worker, keys }) => host(worker).kv.values(keys),
	put: ({ worker, key, value }) => host(worker).kv.put(key, value),
	sql: ({ worker, statement }) => host(worker).sql(statement),
	scheduled: ({ worker, cron, time }) => host(worker).scheduled(cron, time),
};

for await (const line of createInterface({ input: process.stdin })) {
	/** @type {Request} */
	const request = JSON.parse(line);
	// Each in its own time: a request does not wait for the one before it.
	methods[request.method](request).then(
		(result) => say({ id: request.id, result: result ?? null }),
		(error) => say({ id: request.id, error: String(error?.stack ?? error) }),
	);
}
await Promise.all([...hosts.values()].map((started) => started.stop()));
process.exit();
