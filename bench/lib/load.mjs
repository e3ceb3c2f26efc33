// The load: a fixed number of calls over a few connections, each kept alive and with one call at a time.
// It speaks HTTP over bare sockets, so that it takes little of the machine that it measures.

import { connect } from "node:net";

/** @import { Socket } from "node:net" */
/** @typedef {{ status: number, body: string }} Answer with the body in latin1 */

const RESPONSE_WITHIN_MS = 10_000;

/** Connections to one port of this machine, for use at once: workerd closes those that idle for some seconds. */
export class Load {
	/** @param {Connection[]} connections */
	constructor(connections) {
		this.connections = connections;
	}

	/**
	 * @param {number} port
	 * @param {number} connections how many
	 */
	static async open(port, connections) {
		return new Load(await Promise.all(Array.from({ length: connections }, () => Connection.open(port))));
	}

	/**
	 * Sends all of `requests`, each as soon as a connection is free, and returns how long it took in ms.
	 * Throws where a response has another status than `expected`.
	 * @param {Buffer[]} requests
	 * @param {number} expected
	 */
	async send(requests, expected) {
		let next = 0;
		const begun = performance.now();
		const work = async (/** @type {Connection} */ connection) => {
			while (next < requests.length) {
				const { status, body } = await connection.send(requests[next++]);
				if (status !== expected) throw new Error(`status ${status}, not ${expected}: ${body}`);
			}
		};
		await Promise.all(this.connections.map(work));
		return performance.now() - begun;
	}

	close() {
		for (const connection of this.connections) connection.close();
	}
}

/**
 * Requests `path` over a connection of its own, and returns the JSON of the response.
 * @param {number} port
 * @param {string} [path]
 */
export async function getJson(port, path = "/") {
	const connection = await Connection.open(port);
	const { body } = await connection.send(Buffer.from(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`));
	connection.close();
	return JSON.parse(body);
}

/**
 * A POST as it goes over the wire.
 * @param {string} query
 * @param {string | Buffer} body
 */
export function post(query, body) {
	const bytes = Buffer.from(body);
	const head =
		`POST /?${query} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n` +
		`Content-Length: ${bytes.length}\r\n\r\n`;
	return Buffer.concat([Buffer.from(head), bytes]);
}

/** One connection, for one call after the other. */
export class Connection {
	#socket;
	/** @type {{ resolve: (answer: Answer) => void, reject: (error: Error) => void } | null} */
	#pending = null;
	#received = "";

	/**
	 * @param {number} port
	 * @returns {Promise<Connection>}
	 */
	static open(port) {
		return new Promise((resolve, reject) => {
			const socket = connect({ port, host: "127.0.0.1", noDelay: true });
			socket.once("error", reject);
			socket.once("connect", () => {
				socket.off("error", reject);
				resolve(new Connection(socket));
			});
		});
	}

	/** @param {Socket} socket */
	constructor(socket) {
		this.#socket = socket;
		// latin1: a length in characters is then one in bytes.
		socket.setEncoding("latin1");
		socket.setTimeout(RESPONSE_WITHIN_MS);
		socket.on("data", (/** @type {string} */ piece) => this.#receive(piece));
		socket.on("error", (error) => this.#pending?.reject(error));
		socket.on("timeout", () => this.#pending && socket.destroy(new Error("no response")));
		socket.on("close", () => this.#pending?.reject(new Error("the connection was closed")));
	}

	/**
	 * Sends `request` and resolves to the response's status and body.
	 * @param {Buffer} request
	 * @returns {Promise<Answer>}
	 */
	send(request) {
		return new Promise((resolve, reject) => {
			if (this.#socket.destroyed) return reject(new Error("the connection was closed before the call"));
			this.#pending = { resolve, reject };
			this.#socket.write(request);
		});
	}

	close() {
		this.#socket.destroy();
	}

	/** @param {string} piece */
	#receive(piece) {
		this.#received += piece;
		const text = this.#received;
		const end = text.indexOf("\r\n\r\n");
		if (end < 0) return;
		const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, end));
		if (!length) return this.#pending?.reject(new Error(`a response without a length: ${text}`));
		if (text.length < end + 4 + Number(length[1])) return;
		const response = { status: Number(text.slice(9, 12)), body: text.slice(end + 4) };
		const pending = this.#pending;
		this.#received = "";
		this.#pending = null;
		pending?.resolve(response);
	}
}
