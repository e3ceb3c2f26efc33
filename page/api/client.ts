// The Worker's API as the page calls it. The token goes nowhere but into the Authorization header of calls to our own
// host.

import type { components, operations, paths } from "../../target/types/openapi.d.ts";
import { t } from "../text/language.ts";

type Schemas = components["schemas"];
export type Alert = Schemas["Alert"];
export type Bucket = Schemas["Bucket"];
export type CallCount = Schemas["Calls"]["hours"][number];
export type DeadLetter = Schemas["DeadLetter"];
export type DeadLetterPage = Schemas["DeadLetterPage"];
export type Delivery = Schemas["Delivery"];
export type EventPage = Schemas["EventPage"];
export type EventRecord = Schemas["EventRecord"];
/** The form of an export. */
export type Format = NonNullable<Parameters<"/v1/export", "get">["format"]>;
type InvalidSetting = Schemas["InvalidSetting"];
export type Kind = Schemas["Kind"];
/** What the query of the list of events may have. */
export type EventQuery = Omit<Parameters<"/v1/events", "get">, "app">;
export type ListedEvent = Schemas["ListedEvent"];
export type Role = Schemas["Role"];
export type Status = Schemas["Status"];
export type TestedTarget = Schemas["TestedAlerts"]["targets"][number];
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
type InPath<P extends Path, M extends Method> =
	Operation<P, M> extends { parameters: { path: infer Names } } ? Names : unknown;
type InQuery<P extends Path, M extends Method> =
	Operation<P, M> extends { parameters: { query?: infer Names extends object } }
		? { [N in keyof Names]: Names[N] | null }
		: unknown;
/** The parameters of the path, and those of the query. What is null or empty is left out. */
export type Parameters<P extends Path, M extends Method> = InPath<P, M> & InQuery<P, M>;

/** Ms after which a call is aborted; one for a part of a file may have some MB to bring. */
const PATIENCE = 20_000;
const FILE_PATIENCE = 120_000;

/** Most events of a page. */
export const PAGE_MAX = 1000;

/** Why a call did not succeed. */
export class Problem extends Error {
	/** The HTTP status; 0 where there was no response of the Worker's. */
	readonly status: number;
	/** Whether the response is of what stands before the Worker, such as Cloudflare Access, and wants a sign-in. */
	readonly isGate: boolean = false;
	/** What the response says, in one English sentence; null where it says nothing. */
	readonly detail: string | null;
	/** Ms to wait before a retry, where the response says so; else 0. */
	readonly retryAfter: number;

	constructor(status: number, detail: string | null = null, retryAfter = 0, isGate = false) {
		super(`${status} ${detail ?? ""}`);
		this.isGate = isGate;
		this.status = status;
		this.detail = detail;
		this.retryAfter = retryAfter;
	}

	/** A sentence for the operator, in the language that is shown. */
	get sentence(): string {
		const { status, detail } = this;
		const { problems } = t();
		if (this.isGate) return problems.gate;
		// Whatever the response says.
		if (status === 0) return problems.unreachable;
		if (status === 401) return problems.unauthorized;
		if (status === 429) return problems.tooMany;
		if (detail !== null) return problems.detail(status, detail);
		return status < 400 ? problems.unreadable : problems.status(status);
	}
}

/** Is told the `Date` of each response, and when it was asked for, by `performance.now()`. */
type Clock = (date: string | null, askedAt: number) => void;

/** The API with one token. A call resolves to what the response has, or rejects with a `Problem`. */
export class Api {
	readonly #token: string;
	readonly #clock: Clock;

	constructor(token: string, clock: Clock) {
		this.#token = token;
		this.#clock = clock;
	}

	readonly get = this.#of("get");
	readonly post = this.#of("post");
	readonly delete = this.#of("delete");

	/** The response as text: the body of a record may hold numbers that JavaScript cannot. */
	async text<P extends Path>(path: P, parameters: Parameters<P, "get">, signal?: AbortSignal): Promise<string> {
		return (await this.#send("get", path, parameters, signal)).text;
	}

	/** A part of a file, character by character, and the `cursor` of the next part; null at the end. */
	async part<P extends Path>(path: P, parameters: Parameters<P, "get">, signal?: AbortSignal) {
		const { response, text } = await this.#send("get", path, parameters, signal, FILE_PATIENCE);
		return { text, next: response.headers.get("next-cursor") };
	}

	#of<M extends Method>(method: M) {
		return async <P extends Path>(
			path: P,
			parameters: Parameters<P, M>,
			signal?: AbortSignal,
		): Promise<Answer<P, M>> => {
			const { response, text } = await this.#send(method, path, parameters, signal);
			const json = parse(text);
			if (json === undefined && response.status !== 204) throw problem(response, json);
			return json as Answer<P, M>;
		};
	}

	async #send(method: Method, path: Path, parameters: unknown, signal?: AbortSignal, patience = PATIENCE) {
		const rest = new Map<string, unknown>(Object.entries(parameters ?? {}));
		const encoded = (value: unknown) => encodeURIComponent(String(value));
		const filled = path.replace(/\{(\w+)\}/g, (_, name) => {
			const value = encoded(rest.get(name));
			rest.delete(name);
			return value;
		});
		// Not URLSearchParams: it writes a space as a plus sign, which the API takes for a plus sign.
		const pairs = [...rest]
			.filter(([, value]) => value !== undefined && value !== null && value !== "")
			.map(([name, value]) => `${name}=${encoded(value)}`);
		const url = `${filled}${pairs.length > 0 ? "?" : ""}${pairs.join("&")}`;
		const limit = limited(patience, signal);
		const askedAt = performance.now();
		let response: Response;
		let text: string;
		try {
			response = await fetch(url, {
				method: method.toUpperCase(),
				headers: { authorization: `Bearer ${this.#token}` },
				cache: "no-store",
				// The cookie of what stands before the Worker, such as Cloudflare Access.
				credentials: "same-origin",
				redirect: "manual",
				signal: limit.signal,
			});
			this.#clock(response.headers.get("date"), askedAt);
			// Not `response.text()`: it drops the byte-order mark of a file.
			text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(await response.arrayBuffer());
		} catch (error) {
			// Aborted by this page: no problem to report.
			if (signal?.aborted) throw error;
			throw new Problem(0);
		} finally {
			limit.end();
		}
		if (!response.ok) throw problem(response, parse(text));
		return { response, text };
	}
}

/** The invalid settings as the Worker tells them without a token; empty where it tells none. */
export async function invalidSettings(): Promise<InvalidSetting[]> {
	try {
		const signal = AbortSignal.timeout(PATIENCE);
		const response = await fetch("/healthz", { cache: "no-store", credentials: "same-origin", signal });
		const health: Schemas["Healthy"] | Schemas["Unhealthy"] = await response.json();
		return "settings" in health ? health.settings : [];
	} catch {
		return [];
	}
}

/** The sentence of what was thrown, in the language that is shown; empty where nothing was. */
export function sentenceOf(error: unknown): string {
	if (error instanceof Problem) return error.sentence;
	return error instanceof Error ? error.message : String(error ?? "");
}

/** A signal that aborts with another one, or after so many ms; to be ended. `AbortSignal.any` is of 2024. */
function limited(patience: number, other?: AbortSignal) {
	const limit = new AbortController();
	const abort = () => limit.abort();
	const timer = setTimeout(abort, patience);
	if (other?.aborted) abort();
	other?.addEventListener("abort", abort);
	const end = () => {
		clearTimeout(timer);
		other?.removeEventListener("abort", abort);
	};
	return { signal: limit.signal, end };
}

/** @param json what the response says, if it is JSON */
function problem(response: Response, json: unknown): Problem {
	const { detail = null } = (json ?? {}) as Partial<Schemas["Problem"]>;
	// The Worker never redirects, and always says what is wrong.
	const isGate = response.type === "opaqueredirect" || ([401, 403].includes(response.status) && detail === null);
	if (isGate) return new Problem(0, null, 0, true);
	return new Problem(response.status, detail, retryAfterOf(response.headers));
}

/** Ms to wait by the `Retry-After`, which is of seconds, or a date by the server's clock; 0 without one. */
function retryAfterOf(headers: Headers): number {
	const after = headers.get("retry-after") ?? "";
	const time = () => Date.parse(after) - (Date.parse(headers.get("date") ?? "") || Date.now());
	const ms = /^\d+$/.test(after) ? Number(after) * 1000 : time();
	return Math.max(ms || 0, 0);
}

/** Undefined where it is no JSON. */
function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}
