// A stand-in for Cloudflare Access in front of a Worker: without the cookie, a request of what it protects is sent to the login
// page of another origin, which comes back by `/cdn-cgi/access/authorized`. There the cookie is set. [Authorization cookie]

import { once } from "node:events";
import { createServer, request as forward, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const COOKIE = "CF_Authorization";
const AUTHORIZED = "/cdn-cgi/access/authorized";

const urlOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

async function listening(server: Server): Promise<Server> {
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	return server;
}

async function closed(server: Server): Promise<void> {
	server.closeAllConnections();
	server.close();
	await once(server, "close");
}

export class Gate {
	readonly #server: Server;
	readonly #login: Server;
	/** The sessions that are valid. */
	readonly #sessions = new Set<string>();
	/** How a call without a session is answered: as one of a browser, or as one that has the headers of a service token. */
	answer: "redirect" | 401 | 403 = "redirect";
	/** How many logins there were. */
	logins = 0;

	private constructor(server: Server, login: Server) {
		this.#server = server;
		this.#login = login;
	}

	/** @param worker the URL of the Worker that it protects: the page, its description and the API, not the webhook */
	static async start(worker: string): Promise<Gate> {
		const server = await listening(createServer());
		const login = await listening(createServer());
		const gate = new Gate(server, login);
		login.on("request", ({ url }: IncomingMessage, response: ServerResponse) => {
			gate.logins += 1;
			response.writeHead(302, { location: `${gate.url}${AUTHORIZED}${url}` }).end();
		});
		server.on("request", (request: IncomingMessage, response: ServerResponse) => gate.#pass(worker, request, response));
		return gate;
	}

	get url(): string {
		return urlOf(this.#server);
	}

	/** Ends all sessions. */
	expire(): void {
		this.#sessions.clear();
	}

	async stop(): Promise<void> {
		await closed(this.#server);
		await closed(this.#login);
	}

	#pass(worker: string, request: IncomingMessage, response: ServerResponse): void {
		const { url = "/", method, headers } = request;
		if (url.startsWith(AUTHORIZED)) {
			const session = String(this.logins);
			this.#sessions.add(session);
			const cookie = `${COOKIE}=${session}; HttpOnly; Path=/; SameSite=Lax`;
			response.writeHead(302, { "set-cookie": cookie, location: url.slice(AUTHORIZED.length) }).end();
			return;
		}
		const session = new RegExp(`\\b${COOKIE}=(\\w+)`).exec(headers.cookie ?? "")?.[1] ?? "";
		if (/^\/(dashboard|v1|openapi\.json)\b/.test(url) && !this.#sessions.has(session)) {
			if (this.answer === "redirect") response.writeHead(302, { location: `${urlOf(this.#login)}${url}` }).end();
			else response.writeHead(this.answer, { "content-type": "text/html" }).end("<h1>Forbidden</h1>");
			return;
		}
		const passed = forward(`${worker}${url}`, { method, headers }, (answer) => {
			response.writeHead(answer.statusCode ?? 502, answer.headers);
			answer.pipe(response);
		});
		request.pipe(passed);
	}
}
