// The Worker's API as the page calls it. The token goes nowhere but into the Authorization header of calls to our own
// host.

/** Ms after which a call is aborted. */
const PATIENCE = 20_000;

/** Most events of a page. */
export const PAGE_MAX = 1000;

/** Why a call did not succeed; the message is a sentence for the operator. */
export class Problem extends Error {
	/**
	 * @param {number} status the HTTP status; 0 where there was no response
	 * @param {number} retryAfter ms to wait before a retry, where the response says so; else 0
	 */
	constructor(status, message, retryAfter = 0) {
		super(message);
		this.status = status;
		this.retryAfter = retryAfter;
	}
}

const SENTENCES = {
	0: "The Worker cannot be reached.",
	401: "The token was rejected.",
	429: "The Worker is called too often.",
};

/** The API with one token. Each method resolves to the JSON of the response or rejects with a `Problem`. */
export class Api {
	#token;

	constructor(token) {
		this.#token = token;
	}

	apps(signal) {
		return this.#call("GET", "apps", { signal });
	}

	/** Version, sinks, and the invalid settings. */
	status(signal) {
		return this.#call("GET", "status", { signal });
	}

	/** @param query kind, user, role, since, until, limit, cursor; what is null or empty is left out */
	events(app, query, signal) {
		return this.#call("GET", "events", { query: { app, ...query }, signal });
	}

	/** The full record, as text: its body may hold numbers that JavaScript cannot. */
	record(app, id, signal) {
		return this.#call("GET", `events/${app}/${encodeURIComponent(id)}`, { signal, asText: true });
	}

	deleteEvent(app, id) {
		return this.#call("DELETE", `events/${app}/${encodeURIComponent(id)}`);
	}

	replayEvent(app, id) {
		return this.#call("POST", `events/${app}/${encodeURIComponent(id)}/replay`);
	}

	/** The counts of each hour, of the app or of one user as target. */
	stats(app, query, signal) {
		return this.#call("GET", "stats", { query: { app, ...query }, signal });
	}

	/** Who lost or gained most followers. */
	top(app, query, signal) {
		return this.#call("GET", "top", { query: { app, ...query }, signal });
	}

	/** A user's totals. */
	user(app, user, signal) {
		return this.#call("GET", `users/${app}`, { query: { user }, signal });
	}

	/** Erases some of a user's events; to be called until `more` is false. */
	eraseUser(app, user) {
		return this.#call("DELETE", `users/${app}`, { query: { user } });
	}

	/** How many calls there were, by outcome; of all apps unless one is given. */
	calls(query, signal) {
		return this.#call("GET", "calls", { query, signal });
	}

	deliveries(app, query, signal) {
		return this.#call("GET", "deliveries", { query: { app, ...query }, signal });
	}

	/** App 0 has the dead letters whose messages could not be read. */
	deadLetters(app, signal) {
		return this.#call("GET", "dead-letters", { query: { app }, signal });
	}

	discardDeadLetter(app, id) {
		return this.#call("DELETE", `dead-letters/${app}/${encodeURIComponent(id)}`);
	}

	replayDeadLetter(app, id) {
		return this.#call("POST", `dead-letters/${app}/${encodeURIComponent(id)}/replay`);
	}

	replayDeadLetters(app, cursor) {
		return this.#call("POST", `dead-letters/${app}/replay`, { query: { cursor } });
	}

	async #call(method, path, { query = {}, signal, asText = false } = {}) {
		const isGiven = ([, value]) => value !== undefined && value !== null && value !== "";
		// Not URLSearchParams: it writes a space as a plus sign, which the API takes for a plus sign.
		const pairs = Object.entries(query)
			.filter(isGiven)
			.map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
		const url = `/v1/${path}${pairs.length > 0 ? "?" : ""}${pairs.join("&")}`;
		const timeout = AbortSignal.timeout(PATIENCE);
		let response;
		let text;
		try {
			response = await fetch(url, {
				method,
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
			throw new Problem(0, SENTENCES[0]);
		}
		if (response.ok && asText) return text;
		const json = parse(text);
		if (response.ok && (json !== undefined || response.status === 204)) return json;
		throw problem(response, json);
	}
}

/** The invalid settings as the Worker tells them without a token; empty where it tells none. */
export async function invalidSettings() {
	try {
		const response = await fetch("/healthz", {
			cache: "no-store",
			credentials: "omit",
			signal: AbortSignal.timeout(PATIENCE),
		});
		return (await response.json()).settings ?? [];
	} catch {
		return [];
	}
}

function problem(response, json) {
	const { status } = response;
	const plain = response.ok ? "The Worker's response cannot be read." : `The Worker answered ${status}.`;
	const sentence = SENTENCES[status] ?? json?.detail ?? plain;
	const seconds = Number(response.headers.get("retry-after"));
	return new Problem(status, sentence, seconds > 0 ? seconds * 1000 : 0);
}

function parse(text) {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}
