// Calls as Tencent makes them, and calls of the Worker's API.

import { createHash } from "node:crypto";

/** The app of Tencent's sample request. */
export const APP = "1400000000";
export const ADMIN_TOKEN = "sixteen-characters-or-more";
/** Of those who may look and change nothing. */
export const VIEWER_TOKEN = "may-look-and-change-nothing";
/** The callback token of the Workers that accept signed calls only. */
export const CALLBACK_TOKEN = "xxxxyyyy";

export const UNFOLLOW = "Follow.CallbackAfterFollowDelete";
export const FOLLOW = "Follow.CallbackAfterFollowAdd";

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** The query of a call without a Sign. */
export function unsigned(app: string, command: string): string {
	return `SdkAppid=${app}&CallbackCommand=${command}&contenttype=json&ClientIP=127.0.0.1&OptPlatform=iOS`;
}

/** The query of a call that is signed with a token, now. */
export function signed(app: string, command: string, token: string): string {
	const time = Math.floor(Date.now() / SECOND);
	const sign = createHash("sha256").update(`${token}${time}`).digest("hex");
	return `${unsigned(app, command)}&Sign=${sign}&RequestTime=${time}`;
}

/** The body of an unfollow webhook. */
export function unfollow(from: string, to: string[], eventTime: number): string {
	return JSON.stringify({ CallbackCommand: UNFOLLOW, From_Account: from, To_Account: to, EventTime: eventTime });
}

/** The body of a follow webhook. */
export function follow(from: string, to: string[], eventTime: number): string {
	const list = to.map((target) => ({ To_Account: target }));
	return JSON.stringify({ CallbackCommand: FOLLOW, From_Account: from, FollowList: list, EventTime: eventTime });
}

/** Posts a body; gives the status. */
export async function post(url: string, query: string, body: string): Promise<number> {
	const response = await fetch(`${url}?${query}`, { method: "POST", body });
	await response.arrayBuffer();
	return response.status;
}

/** Posts a body, which has to be acknowledged as Tencent wants it. */
export async function send(url: string, query: string, body: string): Promise<void> {
	const response = await fetch(`${url}?${query}`, { method: "POST", body });
	const text = await response.text();
	if (response.status !== 200 || text !== '{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}') {
		throw new Error(`${url} answered ${response.status}: ${text}`);
	}
}

/** The JSON that the API answers. */
// biome-ignore lint/suspicious/noExplicitAny: JSON of any form.
export async function callApi(url: string, path: string): Promise<any> {
	const response = await fetch(`${url}/v1/${path}`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
	if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
	return await response.json();
}

/** Has a Worker rebuild its event log from KV: then the log is known to be complete. */
export async function reindex(url: string): Promise<void> {
	let cursor: string | null = null;
	do {
		const query: string = cursor === null ? "" : `?cursor=${encodeURIComponent(cursor)}`;
		const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
		const response = await fetch(`${url}/v1/reindex${query}`, { method: "POST", headers });
		if (!response.ok) throw new Error(`reindex answered ${response.status}: ${await response.text()}`);
		({ cursor } = await response.json());
	} while (cursor !== null);
}

/** Does so many things, a few at a time. */
export async function inParallel(count: number, action: (number: number) => Promise<void>): Promise<void> {
	let next = 0;
	const lane = async () => {
		while (next < count) await action(next++);
	};
	await Promise.all(Array.from({ length: 8 }, lane));
}
