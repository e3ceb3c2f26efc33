// The app's own backend: a real HTTP server on a free port that records what it was sent.

import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect } from "@playwright/test";

export class Origin {
	/** What `ORIGIN_URL` has to be. */
	readonly url: string;
	readonly #server: Server;
	readonly #bodies: string[];

	private constructor(server: Server, bodies: string[]) {
		this.#server = server;
		this.#bodies = bodies;
		this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
	}

	static async start(): Promise<Origin> {
		const bodies: string[] = [];
		const server = createServer(async (request, response) => {
			const body = await text(request);
			bodies.push(body);
			answer(response, body, bodies.filter((it) => it === body).length);
		});
		server.listen(0, "127.0.0.1");
		await once(server, "listening");
		return new Origin(server, bodies);
	}

	async stop(): Promise<void> {
		this.#server.closeAllConnections();
		this.#server.close();
		await once(this.#server, "close");
	}

	/** How often this body has arrived. */
	countOf(body: string): number {
		return this.#bodies.filter((it) => it === body).length;
	}

	/** Waits until this body has arrived so often, at least. */
	async waitFor(body: string, count: number): Promise<void> {
		await expect.poll(() => this.countOf(body), { message: `times of ${body}` }).toBeGreaterThanOrEqual(count);
	}
}

/** Behaves as the body's `From_Account` says at its beginning, like the store and the queue of `stand_ins.js`. */
function answer(response: ServerResponse, body: string, nth: number): void {
	const from: string = JSON.parse(body).From_Account;
	const [, failures] = /^fails-(\d+)-times/.exec(from) ?? [];
	const status = /^is-answered-(\d+)/.exec(from)?.[1];
	if (status !== undefined && nth === 1) {
		response.writeHead(Number(status), { "retry-after": "7200" }).end();
	} else if (failures !== undefined && nth <= Number(failures)) {
		response.writeHead(500).end("{}");
	} else if (from.startsWith("gives-up") && nth === 1) {
		// Longer than a delivery is retried.
		response.writeHead(500, { "retry-after": "7200" }).end();
	} else if (from.startsWith("says-fail")) {
		response.writeHead(200).end('{"ActionStatus":"FAIL","ErrorInfo":"no such \u202euser"}');
	} else {
		const headers = { "content-type": "application/json" };
		response.writeHead(200, headers).end('{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}');
	}
}
