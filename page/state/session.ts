// The way in: the token that this tab has or that is typed, and what is said where it opens nothing. The token is stored in
// this tab's session storage and nowhere else.

import { type Signal, signal } from "@preact/signals";
import { Api, invalidSettings, Problem, type Status, sentenceOf } from "../api/client.ts";
import { parse } from "../lib/router.ts";
import { currentTime } from "./clock.ts";
import { moveFocus, places } from "./feedback.ts";
import { go } from "./route.ts";

const KEY = "admin-token";

/** What an operator who has signed in may use. */
export interface Session {
	api: Api;
	/** The SDKAppIDs. */
	apps: number[];
	/** The Worker's state, and when it was asked for, in Unix ms. */
	status: Signal<{ data: Status; at: number }>;
}

/** What stands in the place of the board, with a sentence where something is wrong. */
export interface Stage {
	name: "opening" | "insecure" | "login" | "stuck" | "board";
	problem?: string;
}

export const stage = signal<Stage>({ name: "opening" });
export const session = signal<Session | null>(null);

/** Begins. Over plain HTTP, the page neither asks for the token nor sends it. Loopback is secure without HTTPS. */
export async function begin(): Promise<void> {
	if (isSecureContext) await resume();
	else stage.value = { name: "insecure" };
}

/** Signs in with the token that this tab has stored, if any. */
export async function resume(): Promise<void> {
	const token = sessionStorage.getItem(KEY);
	if (token === null) return signOut();
	stage.value = { name: "opening" };
	try {
		await enter(new Api(token));
	} catch (error) {
		const problem = await explain(error);
		if (error instanceof Problem && (error.status === 401 || error.status === 404)) signOut(problem);
		else stage.value = { name: "stuck", problem };
	}
}

/** Signs in with a token that was typed. */
export async function signIn(typed: string): Promise<void> {
	const token = typed.trim();
	// Other characters are invalid in a header; fetch would throw.
	if (!/^[!-~]([ -~]*[!-~])?$/.test(token)) {
		return signOut("A token is made of letters, digits and signs, without spaces at its ends.");
	}
	try {
		await enter(new Api(token));
		sessionStorage.setItem(KEY, token);
		moveFocus(places.board);
	} catch (error) {
		signOut(await explain(error));
	}
}

/** Ends the session, and asks for a token; with a sentence where there is something to say. */
export function signOut(problem = ""): void {
	sessionStorage.removeItem(KEY);
	session.value = null;
	stage.value = { name: "login", problem };
}

/** Signs out, and lets the next operator begin anew. */
export function leave(): void {
	signOut();
	go(parse(""));
}

/** Rejects where the API does not answer. */
async function enter(api: Api): Promise<void> {
	const [{ apps }, status] = await Promise.all([api.get("/v1/apps", {}), api.get("/v1/status", {})]);
	session.value = { api, apps, status: signal({ data: status, at: currentTime() }) };
	stage.value = { name: "board" };
}

/** Why the API does not let anybody in. Without a token, the Worker tells its invalid settings. */
async function explain(error: unknown): Promise<string> {
	const status = error instanceof Problem ? error.status : 0;
	if (status !== 404 && status !== 503) return sentenceOf(error);
	const settings = await invalidSettings();
	const ofToken = settings.find(({ name }) => name === "ADMIN_TOKEN");
	if (status === 404) {
		return ofToken
			? `This Worker has no API, because its secret ADMIN_TOKEN is invalid: it ${ofToken.problem}.`
			: "This Worker has no API: set its secret ADMIN_TOKEN.";
	}
	if (settings.length === 0) return sentenceOf(error);
	return `Invalid settings: ${settings.map(({ name, problem }) => `${name} ${problem}`).join("; ")}.`;
}
