// The app's backend: it flaps as the seed says, and remembers each event that it has.

import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { numberIn } from "./events.mjs";
import { HANG_MS } from "./faults.mjs";
import { ORIGIN_SECRET } from "./worker.mjs";

const KEY = Buffer.from(ORIGIN_SECRET.slice("whsec_".length), "base64");

export class Origin {
	#faults;
	#attempts = new Map();
	#server;
	/** The bodies by the ids of their events: the first of each. */
	delivered = new Map();
	/** Deliveries of what was delivered before. */
	repeated = 0;
	/** Deliveries with another body, or a wrong signature. */
	wrong = 0;
	/** How often each fault was met. */
	met = {};

	constructor(faults) {
		this.#faults = faults;
	}

	/** Resolves to its port. */
	start() {
		this.#server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
			const pieces = [];
			request.on("data", (piece) => pieces.push(piece));
			request.on("end", () => this.#answer(request, response, Buffer.concat(pieces).toString()));
		});
		return new Promise((resolve) => this.#server.listen(0, "127.0.0.1", () => resolve(this.#server.address().port)));
	}

	/** Ends all incidents. */
	repair() {
		this.#faults.repair();
	}

	#answer(request, response, body) {
		const { "webhook-id": id, "webhook-timestamp": time, "webhook-signature": signature } = request.headers;
		const number = numberIn(body);
		const attempt = (this.#attempts.get(id) ?? 0) + 1;
		this.#attempts.set(id, attempt);
		const fault = this.#faults.of("origin", number, "deliver", attempt);
		if (fault) this.met[fault] = (this.met[fault] ?? 0) + 1;
		const end = (status, headers) => response.writeHead(status, { "content-length": 0, ...headers }).end();
		switch (fault) {
			case "refuse":
				return end(500);
			case "busy":
				return end(503, { "retry-after": "2" });
			case "loop":
				return end(508);
			case "break":
				return request.socket.destroy();
			case "hang":
				return setTimeout(() => request.socket.destroy(), HANG_MS);
		}
		const expected = `v1,${createHmac("sha256", KEY).update(`${id}.${time}.${body}`).digest("base64")}`;
		const before = this.delivered.get(id);
		if (signature !== expected || (before ?? body) !== body) this.wrong++;
		if (before === undefined) this.delivered.set(id, body);
		else this.repeated++;
		if (fault === "unanswered") return request.socket.destroy();
		end(200);
	}
}
