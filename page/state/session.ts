// The way in: the token that this tab has or that is typed, and what is said where it opens nothing. The token is stored in
// this tab's session storage and nowhere else, until nobody has used the page for a while.

import { type Signal, signal } from "@preact/signals";
import { Api, invalidSettings, Problem, type Status, sentenceOf } from "../api/client.ts";
import { HOUR, MINUTE, SECOND } from "../lib/format.ts";
import { parse } from "../lib/router.ts";
import { t } from "../text/language.ts";
import { currentTime, isSynchronised, synchronise } from "./clock.ts";
import { moveFocus, places } from "./feedback.ts";
import { onUse } from "./poller.ts";
import { go } from "./route.ts";

/** In the session storage: the token, and when the page was last used, in Unix ms by the browser's clock. */
const [TOKEN, USED_AT] = ["token", "used-at"];
/** Hours without use after which the token is forgotten. */
export const UNUSED_MAX = 12;
const wasUnused: Said = () => t().stages.unused(UNUSED_MAX);
/** Ms of the longest pause after a wrong token. */
const PAUSE_MAX = MINUTE;

/** What an operator who has signed in may use. */
export interface Session {
	api: Api;
	/** The SDKAppIDs. */
	apps: number[];
	/** Those that were removed from the settings, and of which something is stored. */
	removed: number[];
	/** The Worker's state, and when it was asked for, in Unix ms. */
	status: Signal<{ data: Status; at: number }>;
}

/** A sentence, in the language that is shown when it is asked for. */
type Said = () => string;

/** What stands in the place of the board, with a sentence where something is wrong. */
export interface Stage {
	name: "opening" | "insecure" | "login" | "stuck" | "board";
	problem?: Said;
	/** Until when no token is taken, by `performance.now()`. */
	pausedUntil?: number;
}

export const stage = signal<Stage>({ name: "opening" });
export const session = signal<Session | null>(null);

/** Wrong tokens in a row. */
let rejections = 0;
/** When the page was last used: by `performance.now()`, which does not count sleep, and by the server's clock. */
let used = { at: 0, time: 0 };

/** Begins. Over plain HTTP, the page neither asks for the token nor sends it. Loopback is secure without HTTPS. */
export async function begin(): Promise<void> {
	if (!isSecureContext) {
		stage.value = { name: "insecure" };
		return;
	}
	// The pointer moves many times a second.
	onUse(() => forgetUnused() || (performance.now() - used.at > SECOND && renew()));
	setInterval(forgetUnused, MINUTE);
	await resume();
}

/** Signs in with the token that this tab has stored, if any. */
export async function resume(): Promise<void> {
	const token = sessionStorage.getItem(TOKEN);
	if (token === null) return signOut();
	// A browser may restore a tab of last week. A clock that was put back tells nothing.
	const unused = Math.abs(Date.now() - Number(sessionStorage.getItem(USED_AT)));
	if (unused >= UNUSED_MAX * HOUR) return signOut(wasUnused);
	stage.value = { name: "opening" };
	try {
		await enter(token);
	} catch (error) {
		const problem = await explain(error);
		if (error instanceof Problem && (error.status === 401 || error.status === 404)) signOut(problem);
		else stage.value = { name: "stuck", problem };
	}
}

/** Signs in with a token that was typed. After a wrong one there is a pause, each time twice as long. */
export async function signIn(typed: string): Promise<void> {
	const token = typed.trim();
	if (performance.now() < (stage.value.pausedUntil ?? 0)) return;
	// Other characters are invalid in a header; fetch would throw.
	if (!/^[!-~]([ -~]*[!-~])?$/.test(token)) return signOut(() => t().stages.malformed);
	try {
		await enter(token);
		sessionStorage.setItem(TOKEN, token);
		rejections = 0;
		moveFocus(places.board);
	} catch (error) {
		const isWrong = error instanceof Problem && error.status === 401;
		if (isWrong) rejections += 1;
		const pause = isWrong ? Math.min(SECOND * 2 ** (rejections - 1), PAUSE_MAX) : 0;
		const asked = error instanceof Problem ? error.retryAfter : 0;
		signOut(await explain(error), Math.max(pause, asked));
	}
}

/** Ends the session, and asks for a token; with a sentence where there is something to say, and after a pause of so many ms. */
export function signOut(problem?: Said, pause = 0): void {
	sessionStorage.clear();
	session.value = null;
	stage.value = { name: "login", problem, pausedUntil: performance.now() + pause };
}

/** Signs out where the page was not used for too long. Returns whether it was so. */
function forgetUnused(): boolean {
	const unused = Math.max(performance.now() - used.at, isSynchronised() ? currentTime() - used.time : 0);
	const isOver = session.value !== null && unused >= UNUSED_MAX * HOUR;
	if (isOver) signOut(wasUnused);
	return isOver;
}

/** Notes that the page is used. */
function renew(): void {
	used = { at: performance.now(), time: currentTime() };
	if (session.value !== null) sessionStorage.setItem(USED_AT, String(Date.now()));
}

/** Signs out, and lets the next operator begin anew. */
export function leave(): void {
	signOut();
	go(parse(""));
}

/** Rejects where the API does not answer. */
async function enter(token: string): Promise<void> {
	const api = new Api(token, synchronise);
	const [{ apps, removed }, status] = await Promise.all([api.get("/v1/apps", {}), api.get("/v1/status", {})]);
	session.value = { api, apps, removed: removed ?? [], status: signal({ data: status, at: currentTime() }) };
	renew();
	stage.value = { name: "board" };
}

/** Why the API does not let anybody in. Without a token, the Worker tells its invalid settings. */
async function explain(error: unknown): Promise<Said> {
	const status = error instanceof Problem ? error.status : 0;
	if (status !== 404 && status !== 503) return () => sentenceOf(error);
	const settings = await invalidSettings();
	const ofToken = settings.find(({ name }) => name === "ADMIN_TOKEN" || name === "VIEWER_TOKEN");
	if (status === 404) {
		return () => (ofToken ? t().stages.invalidToken(ofToken.name, ofToken.problem) : t().stages.noApi);
	}
	return () => (settings.length === 0 ? sentenceOf(error) : t().stages.invalidSettings(settings));
}
