// The process of what is behind the Worker's bindings: KV, D1 and the queues, over the protocols of workerd's own clients. It writes
// to disk and is never killed. Each request meets the fault that the seed has for it. Arguments: folder, seed.

import { createServer } from "node:http";
import { join } from "node:path";
import { D1 } from "./lib/d1.mjs";
import { faultsOf, HANG_MS, SLOW_MS } from "./lib/faults.mjs";
import { Kv } from "./lib/kv.mjs";
import { Queues } from "./lib/queues.mjs";

const [folder, seed] = process.argv.slice(2);
const faults = faultsOf(seed);
const kv = new Kv(join(folder, "kv.sqlite"));
const d1 = new D1(join(folder, "d1.sqlite"));
const queues = new Queues(join(folder, "queues.sqlite"), seed);
const engines = {
	kv: { name: "kv", serves: kv },
	d1: { name: "d1", serves: d1 },
	"unfollow-deliveries": { name: "queue", serves: queues },
	"unfollow-dead-letters": { name: "queue", serves: queues },
};

/** How often each fault of each engine was met. */
const met = {};
/** The attempts so far, by engine and what they are for. */
const attempts = new Map();

function faultFor(engine, { number, purpose }) {
	if (number === undefined) return undefined;
	const key = `${engine} ${number} ${purpose}`;
	const attempt = (attempts.get(key) ?? 0) + 1;
	attempts.set(key, attempt);
	const fault = faults.of(engine, number, purpose, attempt);
	if (fault) (met[engine] ??= {})[fault] = (met[engine][fault] ?? 0) + 1;
	return fault;
}

function answer(request, response, body) {
	const { name, serves } = engines[request.headers.engine];
	const operation = serves.read(request, body);
	const fault = faultFor(name, operation);
	const send = ({ status, reason, headers, body: text = "" }) =>
		response.writeHead(status, reason, { "content-length": Buffer.byteLength(text), ...headers }).end(text);
	const serve = () => send(operation.run());
	switch (fault) {
		case undefined:
			return serve();
		case "slow":
			return setTimeout(serve, SLOW_MS);
		case "hang":
			return setTimeout(() => request.socket.destroy(), HANG_MS);
		case "unanswered":
			operation.run();
			return request.socket.destroy();
		default:
			return send(serves.refusal(fault));
	}
}

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
	const pieces = [];
	request.on("data", (piece) => pieces.push(piece));
	request.on("end", () => answer(request, response, Buffer.concat(pieces)));
});
server.listen(0, "127.0.0.1", () => process.send({ port: server.address().port }));

process.on("message", ({ front, repair, ask }) => {
	if (front !== undefined) queues.deliverTo(front);
	if (repair) faults.repair();
	if (ask) process.send({ counts: { ...queues.counts(), ...kv.counts(), met } });
});
// It does not outlive the run.
process.on("disconnect", () => process.exit());
