// The Worker's API as the page calls it. The token goes nowhere but into the Authorization header of calls to our own
// host.

import type { components, operations, paths } from "../../target/types/openapi.d.ts";

type Schemas = components["schemas"];
export type Bucket = Schemas["Bucket"];
export type CallCount = Schemas["Calls"]["hours"][number];
export type DeadLetter = Schemas["DeadLetter"];
export type Delivery = Schemas["Delivery"];
export type DeliveryPage = Schemas["DeliveryPage"];
export type EventPage = Schemas["EventPage"];
export type EventRecord = Schemas["EventRecord"];
export type InvalidSetting = Schemas["InvalidSetting"];
export type Kind = Schemas["Kind"];
export type ListedEvent = Schemas["ListedEvent"];
export type Role = Schemas["Role"];
export type Status = Schemas["Status"];
export type TopUser = Schemas["TopUser"];
export type User = Schemas["User"];
export type Ranking = NonNullable<NonNullable<operations["top"]["parameters"]["query"]>["by"]>;

type Path = keyof paths;
type Method = "get" | "post" | "delete";
/** An operation, as openapi.json describes it. */
type Operation<P extends Path, M extends Method> = NonNullable<paths[P][M]>;
/** The JSON of a success; undefined where the response has no body. */
type Answer<P extends Path, M extends Method> =
	Operation<P, M> extends { responses: { 200: { content: { "application/json": infer Json } } } } ? Json : undefined;
/** The parameters of the query. What is null or empty is left out. */
type Query<P extends Path, M extends Method> =
	Operation<P, M> extends { parameters: { query?: infer Query } }
		? { [Name in keyof Query]: Query[Name] | null }
		: never;
/** The same, without the app. */
type Rest<P extends Path> = Omit<Query<P, "get">, "app">;
/** The parameters of the path, where it has some. */
type InPath<P extends Path, M extends Method> =
	Operation<P, M> extends { parameters: { path: infer Path } } ? { path: Path } : { path?: undefined };
/** What is asked for: the parameters, and what aborts the call. */
type Asked<P extends Path, M extends Method> = InPath<P, M> & { query?: Query<P, M>; signal?: AbortSignal };

/** Ms after which a call is aborted. */
const PATIENCE = 20_000;

/** Most events of a page. */
export const PAGE_MAX = 1000;

/** Why a call did not succeed; the message is a sentence for the operator. */
export class Problem extends Error {
	/** The HTTP status; 0 where there was no response. */
	readonly status: number;
	/** Ms to wait before a retry, where the response says so; else 0. */
	readonly retryAfter: number;

	constructor(status: number, message: string, retryAfter = 0) {
		super(message);
		this.status = status;
		this.retryAfter = retryAfter;
	}
}

const UNREACHABLE = "The Worker cannot be reached.";

/** What is said by the status, whatever the response says. */
const SENTENCES: Record<number, string> = {
	401: "The token was rejected.",
	429: "The Worker is called too often.",
};

/** The API with one token. Each method resolves to the JSON of the response or rejects with a `Problem`. */
export class Api {
	readonly #token: string;

	constructor(token: string) {
		this.#token = token;
	}

	apps(signal?: AbortSignal) {
		return this.#call("get", "/v1/apps", { signal });
	}

	/** Version, sinks, and the invalid settings. */
	status(signal?: AbortSignal) {
		return this.#call("get", "/v1/status", { signal });
	}

	events(app: number, query: Rest<"/v1/events">, signal?: AbortSignal) {
		return this.#call("get", "/v1/events", { query: { app, ...query }, signal });
	}

	/** The full record, as text: its body may hold numbers that JavaScript cannot. */
	async record(app: number, id: string, signal?: AbortSignal): Promise<string> {
		const { text } = await this.#send("get", "/v1/events/{app}/{id}", { path: { app, id }, signal });
		return text;
	}

	deleteEvent(app: number, id: string) {
		return this.#call("delete", "/v1/events/{app}/{id}", { path: { app, id } });
	}

	replayEvent(app: number, id: string) {
		return this.#call("post", "/v1/events/{app}/{id}/replay", { path: { app, id } });
	}

	/** The counts of each hour, of the app or of one user as target. */
	stats(app: number, query: Rest<"/v1/stats">, signal?: AbortSignal) {
		return this.#call("get", "/v1/stats", { query: { app, ...query }, signal });
	}

	/** Who lost or gained most followers. */
	top(app: number, query: Rest<"/v1/top">, signal?: AbortSignal) {
		return this.#call("get", "/v1/top", { query: { app, ...query }, signal });
	}

	/** A user's totals. */
	user(app: number, user: string, signal?: AbortSignal) {
		return this.#call("get", "/v1/users/{app}", { path: { app }, query: { user }, signal });
	}

	/** Erases some of a user's events; to be called until `more` is false. */
	eraseUser(app: number, user: string) {
		return this.#call("delete", "/v1/users/{app}", { path: { app }, query: { user } });
	}

	/** How many calls there were, by outcome; of all apps unless one is given. */
	calls(query: Query<"/v1/calls", "get">, signal?: AbortSignal) {
		return this.#call("get", "/v1/calls", { query, signal });
	}

	deliveries(app: number, query: Rest<"/v1/deliveries">, signal?: AbortSignal) {
		return this.#call("get", "/v1/deliveries", { query: { app, ...query }, signal });
	}

	/** App 0 has the dead letters whose messages could not be read. */
	deadLetters(app: number, signal?: AbortSignal) {
		return this.#call("get", "/v1/dead-letters", { query: { app }, signal });
	}

	discardDeadLetter(app: number, id: string) {
		return this.#call("delete", "/v1/dead-letters/{app}/{id}", { path: { app, id } });
	}

	replayDeadLetter(app: number, id: string) {
		return this.#call("post", "/v1/dead-letters/{app}/{id}/replay", { path: { app, id } });
	}

	/** Replays some of an app's dead letters; `cursor` is that of the response before, null at first. */
	replayDeadLetters(app: number, cursor: string | null) {
		return this.#call("post", "/v1/dead-letters/{app}/replay", { path: { app }, query: { cursor } });
	}

	async #call<P extends Path, M extends Method>(method: M, path: P, asked: Asked<P, M>): Promise<Answer<P, M>> {
		const { response, text } = await this.#send(method, path, asked);
		const json = parse(text);
		if (json === undefined && response.status !== 204) throw problem(response, json);
		return json as Answer<P, M>;
	}

	async #send<P extends Path, M extends Method>(method: M, path: P, asked: Asked<P, M>) {
		const { signal } = asked;
		const encoded = (value: unknown) => encodeURIComponent(String(value));
		const inPath = new Map(Object.entries(asked.path ?? {}));
		const filled = path.replace(/\{(\w+)\}/g, (_, name) => encoded(inPath.get(name)));
		// Not URLSearchParams: it writes a space as a plus sign, which the API takes for a plus sign.
		const pairs = Object.entries(asked.query ?? {})
			.filter(([, value]) => value !== undefined && value !== null && value !== "")
			.map(([name, value]) => `${name}=${encoded(value)}`);
		const url = `${filled}${pairs.length > 0 ? "?" : ""}${pairs.join("&")}`;
		const timeout = AbortSignal.timeout(PATIENCE);
		let response: Response;
		let text: string;
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

/** The invalid settings as the Worker tells them without a token; empty where it tells none. */
export async function invalidSettings(): Promise<InvalidSetting[]> {
	try {
		const response = await fetch("/healthz", {
			cache: "no-store",
			credentials: "omit",
			signal: AbortSignal.timeout(PATIENCE),
		});
		const health: Schemas["Healthy"] | Schemas["Unhealthy"] = await response.json();
		return "settings" in health ? health.settings : [];
	} catch {
		return [];
	}
}

/** The sentence of what was thrown. */
export const sentenceOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** @param json what the response says, if it is JSON */
function problem(response: Response, json: unknown): Problem {
	const { status } = response;
	const plain = response.ok ? "The Worker's response cannot be read." : `The Worker answered ${status}.`;
	const { detail } = (json ?? {}) as Partial<Schemas["Problem"]>;
	const sentence = SENTENCES[status] ?? detail ?? plain;
	const seconds = Number(response.headers.get("retry-after"));
	return new Problem(status, sentence, seconds > 0 ? seconds * 1000 : 0);
}

/** Undefined where it is no JSON. */
function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}
