// The calls that are sent: Tencent's sample, signed like Tencent's.

import { createHash } from "node:crypto";
import { post } from "./load.mjs";
import { APP, TOKEN } from "./workerd.mjs";

const UNFOLLOW = "Follow.CallbackAfterFollowDelete";
const EVENT_TIME = 1702018343678;

/** `Sign` and `RequestTime` of a call made now, as parameters of a query. */
export function signature(token = TOKEN) {
	const time = String(Math.floor(Date.now() / 1000));
	return `Sign=${createHash("sha256")
		.update(token + time)
		.digest("hex")}&RequestTime=${time}`;
}

const query = (/** @type {string} */ signature) =>
	`SdkAppid=${APP}&CallbackCommand=${UNFOLLOW}&contenttype=json&ClientIP=127.0.0.1&OptPlatform=iOS&${signature}`;

/**
 * The body in Tencent's page, white space included, at a time of its own.
 * @param {number} eventTime in Unix ms
 */
const body = (eventTime) => `{
"CallbackCommand": "${UNFOLLOW}",
"From_Account": "UserID_001",
"To_Account": [
"UserID_002",
"UserID_003"
],
"EventTime": ${eventTime}
}`;

/**
 * `count` calls, each with an event of its own; those signed with another token than `TOKEN` are to be rejected.
 * @param {number} count
 * @param {string} [token]
 */
export function calls(count, token) {
	const signed = query(signature(token));
	return Array.from({ length: count }, (_, number) => post(signed, body(EVENT_TIME + number)));
}
