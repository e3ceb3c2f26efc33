// The app's backend: it flaps as the seed says, and remembers each event that it has.

import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { numberIn } from "./events.mjs";
import { HANG_MS } from "./faults.mjs";
import { ORIGIN_SECRET } from "./worker.mjs";

/**
 * @import { IncomingMessage, ServerResponse } from "node:http"
 * @import { AddressInfo } from "node:net"
 * @import { Fault, Faults } from "./faults.mjs"
 */

const KEY = Buffer.from(ORIGIN_SECRET.slice("whsec_".length), "base64");

export class Origin {
	#faults;
	/** @type {Map<string, number>} by event id */
	#attempts = new Map();
	/**
	 * The bodies by the ids of their events: the first of each.
	 * @type {Map<string, string>}
	 */
	delivered = new Map();
	/** Deliveries of what was delivered before. */
	repeated = 0;
	/** Deliveries with another body, or a wrong signature. */
	wrong = 0;
	/**
	 * How often each fault was met.
	 * @type {Partial<Record<Fault, number>>}
	 */
	met = {};

	/** @param {Faults} faults */
	constructor(faults) {
		this.#faults = faults;
	}

	/**
	 * Resolves to its port.
	 * @returns {Promise<number>}
	 */
	start() {
		const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
			/** @type {Buffer[]} */
			const pieces = [];
			request.on("data", (piece) => pieces.push(piece));
			request.on("end", () => this.#answer(request, response, Buffer.concat(pieces).toString()));
		});
		return new Promise((resolve) => {
			server.listen(0, "127.0.0.1", () => resolve(/** @type {AddressInfo} */ (server.address()).port));
		});
	}

	/** Ends all incidents. */
	repair() {
		this.#faults.repair();
	}

	/**
	 * @param {IncomingMessage} request
	 * @param {ServerResponse} response
	 * @param {string} body of the request
	 */
	#answer(request, response, body) {
		const { "webhook-timestamp": time, "webhook-signature": signature } = request.headers;
		const id = String(request.headers["webhook-id"]);
		const number = numberIn(body);
		const attempt = (this.#attempts.get(id) ?? 0) + 1;
		this.#attempts.set(id, attempt);
		const fault = number === undefined ? undefined : this.#faults.of("origin", number, "deliver", attempt);
		if (fault) this.met[fault] = (this.met[fault] ?? 0) + 1;
		/** @type {(status: number, headers?: Record<string, string>) => ServerResponse} */
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
