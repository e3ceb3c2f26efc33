// The Worker's API as the page calls it. The token goes nowhere but into the Authorization header of calls to our own
// host.

/** @import { components, paths } from "../target/types/openapi.d.ts" */
/** @typedef {components["schemas"]["ListedEvent"]} ListedEvent */
/** @typedef {components["schemas"]["EventPage"]} EventPage */
/** @typedef {components["schemas"]["InvalidSetting"]} InvalidSetting */
/** @typedef {"get" | "post" | "delete"} Method */
/**
 * An operation, as openapi.json describes it.
 * @template {keyof paths} P
 * @template {Method} M
 * @typedef {NonNullable<paths[P][M]>} Operation
 */
/**
 * The JSON of a success; undefined where the response has no body.
 * @template {keyof paths} P
 * @template {Method} M
 * @typedef {Operation<P, M> extends { responses: { 200: { content: { "application/json": infer Json } } } } ? Json : undefined} Answer
 */
/**
 * The parameters of the query. What is null or empty is left out.
 * @template {keyof paths} P
 * @template {Method} M
 * @typedef {Operation<P, M> extends { parameters: { query?: infer Query } } ? { [Name in keyof Query]: Query[Name] | null } : never} Query
 */
/**
 * The parameters of the path, where it has some.
 * @template {keyof paths} P
 * @template {Method} M
 * @typedef {Operation<P, M> extends { parameters: { path: infer Path } } ? { path: Path } : { path?: undefined }} InPath
 */
/**
 * What is asked for: the parameters, and what aborts the call.
 * @template {keyof paths} P
 * @template {Method} M
 * @typedef {InPath<P, M> & { query?: Query<P, M>, signal?: AbortSignal }} Asked
 */

/** Ms after which a call is aborted. */
const PATIENCE = 20_000;

/** Most events of a page. */
export const PAGE_MAX = 1000;

/** Why a call did not succeed; the message is a sentence for the operator. */
export class Problem extends Error {
	/**
	 * @param {number} status the HTTP status; 0 where there was no response
	 * @param {string} message
	 * @param {number} retryAfter ms to wait before a retry, where the response says so; else 0
	 */
	constructor(status, message, retryAfter = 0) {
		super(message);
		this.status = status;
		this.retryAfter = retryAfter;
	}
}

const UNREACHABLE = "The Worker cannot be reached.";

/**
 * What is said by the status, whatever the response says.
 * @type {Record<number, string>}
 */
const SENTENCES = {
	401: "The token was rejected.",
	429: "The Worker is called too often.",
};

/** The API with one token. Each method resolves to the JSON of the response or rejects with a `Problem`. */
export class Api {
	#token;

	/** @param {string} token */
	constructor(token) {
		this.#token = token;
	}

	/** @param {AbortSignal} [signal] */
	apps(signal) {
		return this.#call("get", "/v1/apps", { signal });
	}

	/**
	 * Version, sinks, and the invalid settings.
	 * @param {AbortSignal} [signal]
	 */
	status(signal) {
		return this.#call("get", "/v1/status", { signal });
	}

	/**
	 * @param {number} app
	 * @param {Omit<Query<"/v1/events", "get">, "app">} query
	 * @param {AbortSignal} [signal]
	 */
	events(app, query, signal) {
		return this.#call("get", "/v1/events", { query: { app, ...query }, signal });
	}

	/**
	 * The full record, as text: its body may hold numbers that JavaScript cannot.
	 * @param {number} app
	 * @param {string} id
	 * @param {AbortSignal} [signal]
	 */
	async record(app, id, signal) {
		const { text } = await this.#send("get", "/v1/events/{app}/{id}", { path: { app, id }, signal });
		return text;
	}

	/**
	 * @param {number} app
	 * @param {string} id
	 */
	deleteEvent(app, id) {
		return this.#call("delete", "/v1/events/{app}/{id}", { path: { app, id } });
	}

	/**
	 * @param {number} app
	 * @param {string} id
	 */
	replayEvent(app, id) {
		return this.#call("post", "/v1/events/{app}/{id}/replay", { path: { app, id } });
	}

	/**
	 * The counts of each hour, of the app or of one user as target.
	 * @param {number} app
	 * @param {Omit<Query<"/v1/stats", "get">, "app">} query
	 * @param {AbortSignal} [signal]
	 */
	stats(app, query, signal) {
		return this.#call("get", "/v1/stats", { query: { app, ...query }, signal });
	}

	/**
	 * Who lost or gained most followers.
	 * @param {number} app
	 * @param {Omit<Query<"/v1/top", "get">, "app">} query
	 * @param {AbortSignal} [signal]
	 */
	top(app, query, signal) {
		return this.#call("get", "/v1/top", { query: { app, ...query }, signal });
	}

	/**
	 * A user's totals.
	 * @param {number} app
	 * @param {string} user
	 * @param {AbortSignal} [signal]
	 */
	user(app, user, signal) {
		return this.#call("get", "/v1/users/{app}", { path: { app }, query: { user }, signal });
	}

	/**
	 * Erases some of a user's events; to be called until `more` is false.
	 * @param {number} app
	 * @param {string} user
	 */
	eraseUser(app, user) {
		return this.#call("delete", "/v1/users/{app}", { path: { app }, query: { user } });
	}

	/**
	 * How many calls there were, by outcome; of all apps unless one is given.
	 * @param {Query<"/v1/calls", "get">} query
	 * @param {AbortSignal} [signal]
	 */
	calls(query, signal) {
		return this.#call("get", "/v1/calls", { query, signal });
	}

	/**
	 * @param {number} app
	 * @param {Omit<Query<"/v1/deliveries", "get">, "app">} query
	 * @param {AbortSignal} [signal]
	 */
	deliveries(app, query, signal) {
		return this.#call("get", "/v1/deliveries", { query: { app, ...query }, signal });
	}

	/**
	 * App 0 has the dead letters whose messages could not be read.
	 * @param {number} app
	 * @param {AbortSignal} [signal]
	 */
	deadLetters(app, signal) {
		return this.#call("get", "/v1/dead-letters", { query: { app }, signal });
	}

	/**
	 * @param {number} app
	 * @param {string} id
	 */
	discardDeadLetter(app, id) {
		return this.#call("delete", "/v1/dead-letters/{app}/{id}", { path: { app, id } });
	}

	/**
	 * @param {number} app
	 * @param {string} id
	 */
	replayDeadLetter(app, id) {
		return this.#call("post", "/v1/dead-letters/{app}/{id}/replay", { path: { app, id } });
	}

	/**
	 * Replays some of an app's dead letters.
	 * @param {number} app
	 * @param {string | null} cursor of the response before; null at first
	 */
	replayDeadLetters(app, cursor) {
		return this.#call("post", "/v1/dead-letters/{app}/replay", { path: { app }, query: { cursor } });
	}

	/**
	 * @template {keyof paths} P
	 * @template {Method} M
	 * @param {M} method
	 * @param {P} path
	 * @param {Asked<P, M>} asked
	 * @returns {Promise<Answer<P, M>>}
	 */
	async #call(method, path, asked) {
		const { response, text } = await this.#send(method, path, asked);
		const json = parse(text);
		if (json === undefined && response.status !== 204) throw problem(response, json);
		return /** @type {Answer<P, M>} */ (json);
	}

	/**
	 * @template {keyof paths} P
	 * @template {Method} M
	 * @param {M} method
	 * @param {P} path
	 * @param {Asked<P, M>} asked
	 */
	async #send(method, path, asked) {
		const { signal } = asked;
		const encoded = (/** @type {unknown} */ value) => encodeURIComponent(String(value));
		const inPath = new Map(Object.entries(asked.path ?? {}));
		const filled = path.replace(/\{(\w+)\}/g, (_, name) => encoded(inPath.get(name)));
		// Not URLSearchParams: it writes a space as a plus sign, which the API takes for a plus sign.
		const pairs = Object.entries(asked.query ?? {})
			.filter(([, value]) => value !== undefined && value !== null && value !== "")
			.map(([name, value]) => `${name}=${encoded(value)}`);
		const url = `${filled}${pairs.length > 0 ? "?" : ""}${pairs.join("&")}`;
		const timeout = AbortSignal.timeout(PATIENCE);
		let response;
		let text;
		try {
			response = await fetch(url, {
				method: method.toUpperCase(),
				headers: { authorization: `Bearer ${this.#token}` },
				cache: "no-store",
				credentials: "omit",
				redirect: "error",
				signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
			});
			text = await response.text();
		} catch (error) {
			// Aborted by this page: no problem to report.
			if (signal?.aborted) throw error;
			throw new Problem(0, UNREACHABLE);
		}
		if (!response.ok) throw problem(response, parse(text));
		return { response, text };
	}
}

/**
 * The invalid settings as the Worker tells them without a token; empty where it tells none.
 * @returns {Promise<InvalidSetting[]>}
 */
export async function invalidSettings() {
	try {
		const response = await fetch("/healthz", {
			cache: "no-store",
			credentials: "omit",
			signal: AbortSignal.timeout(PATIENCE),
		});
		/** @type {components["schemas"]["Healthy"] | components["schemas"]["Unhealthy"]} */
		const health = await response.json();
		return "settings" in health ? health.settings : [];
	} catch {
		return [];
	}
}

/**
 * @param {Response} response
 * @param {unknown} json what it says, if it is JSON
 */
function problem(response, json) {
	const { status } = response;
	const plain = response.ok ? "The Worker's response cannot be read." : `The Worker answered ${status}.`;
	const { detail } = /** @type {Partial<components["schemas"]["Problem"]>} */ (json ?? {});
	const sentence = SENTENCES[status] ?? detail ?? plain;
	const seconds = Number(response.headers.get("retry-after"));
	return new Problem(status, sentence, seconds > 0 ? seconds * 1000 : 0);
}

/**
 * @param {string} text
 * @returns {unknown} undefined where it is no JSON
 */
function parse(text) {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}
