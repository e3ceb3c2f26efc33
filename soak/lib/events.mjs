// The events of a run: what Tencent would send for each number, and where it must be found again.

import { createHash } from "node:crypto";
import { chanceOf, pick } from "./chance.mjs";

export const APP = "1400000000";
export const TOKEN = "xxxxyyyy";

const COMMANDS = { unfollow: "Follow.CallbackAfterFollowDelete", follow: "Follow.CallbackAfterFollowAdd" };

/** `EventTime` of the first event, in Unix ms; the others follow. No two are the same, so that each event has an id of its own. */
const FIRST_TIME = 1_760_000_000_000;
const TIME_STEP = 37;

const EVENT_TIME_MAX = 9_999_999_999_999;

/** UserIDs of all kinds: of one letter, with escapes, of other scripts, the longest that Tencent allows. */
const TARGETS = [
	"b",
	"bob",
	"UserID_002",
	'quo"te\\',
	"微信用户",
	"🙂",
	"a/b?c=d&e",
	"x".repeat(32),
	"\u0001",
	"user-7",
];

/** The number of the event of this `EventTime`. */
export const numberAt = (/** @type {number} */ time) => (time - FIRST_TIME) / TIME_STEP;

/**
 * The number of the event whose JSON this is, or has in it, also as a text.
 * @param {string} text
 */
export function numberIn(text) {
	const actor = /\\?"(?:from_account|From_Account)\\?"\s*:\s*\\?"user-(\d+)\\?"/.exec(text);
	return actor ? Number(actor[1]) : undefined;
}

/**
 * An event, and where it must be found again.
 * @typedef {object} SoakEvent
 * @property {number} number
 * @property {"unfollow" | "follow"} kind
 * @property {string} body of the call
 * @property {number} time in Unix ms
 * @property {string} hash
 * @property {string} id
 * @property {string} command
 * @property {number} targets how many different ones
 */
/** @typedef {(number: number) => SoakEvent} EventOf */

/**
 * Makes events by `seed`.
 * @param {number} seed
 * @returns {EventOf}
 */
export function eventsOf(seed) {
	const chance = chanceOf(seed);
	return (number) => {
		const kind = chance("kind", number) < 0.7 ? "unfollow" : "follow";
		const count = chance("many targets", number) < 0.02 ? 20 : 1 + Math.floor(chance("targets", number) * 3);
		const targets = Array.from(
			{ length: count },
			(_, at) => `${pick(TARGETS, chance("target", number, at))}${at || ""}`,
		);
		const time = FIRST_TIME + number * TIME_STEP;
		const event = {
			CallbackCommand: COMMANDS[kind],
			From_Account: `user-${number}`,
			...(kind === "unfollow"
				? { To_Account: targets }
				: { FollowList: targets.map((target) => ({ To_Account: target })) }),
			EventTime: chance("time as text", number) < 0.1 ? String(time) : time,
			...(chance("another member", number) < 0.1 ? { Operator: "admin", deep: [[[{ x: 1e300 }]]] } : {}),
		};
		const body = JSON.stringify(event, null, pick([0, 0, 1, "\t"], chance("white space", number)));
		const hash = hashOf([APP, COMMANDS[kind], event.From_Account, ...targets, String(time)]);
		const id = `${String(EVENT_TIME_MAX - time).padStart(13, "0")}-${hash}`;
		return { number, kind, body, time, hash, id, command: COMMANDS[kind], targets: new Set(targets).size };
	};
}

/**
 * As `docs/data.md` has it: SHA-256 over netstrings, cut to 128 bits.
 * @param {string[]} parts
 */
function hashOf(parts) {
	const netstrings = parts.map((part) => `${Buffer.byteLength(part)}:${part},`).join("");
	return createHash("sha256").update(netstrings).digest("hex").slice(0, 32);
}

/**
 * The query of a call made now.
 * @param {string} command
 */
export function queryOf(command) {
	const time = String(Math.floor(Date.now() / 1000));
	const sign = createHash("sha256")
		.update(TOKEN + time)
		.digest("hex");
	return `SdkAppid=${APP}&CallbackCommand=${command}&contenttype=json&ClientIP=127.0.0.1&OptPlatform=iOS&Sign=${sign}&RequestTime=${time}`;
}
