// Bodies: reading one up to its size limit, and parsing a Follow webhook's.

import { Rejection } from "./rejection.js";

/** @typedef {"unfollow" | "follow"} Kind */
/** @typedef {{ text: string, object: Record<string, unknown> }} ObjectBody a JSON object */
/** @typedef {{ text: string | undefined, object: undefined }} OtherBody any other, without a text where it is not UTF-8 */
/** @typedef {ObjectBody | OtherBody} Body less the white space around it */
/**
 * What a Follow webhook says.
 * @typedef {object} Follow
 * @property {Kind} kind
 * @property {string} command
 * @property {string} fromAccount
 * @property {string[]} toAccounts
 * @property {number} eventTime in Unix ms
 * @property {string} text of the body
 */

const FOLLOW_BODY_MAX = 64 * 1024;
const OTHER_BODY_MAX = 1024 * 1024;
const TARGETS_MAX = 500;
/** 13 digits, in Unix ms. */
const EVENT_TIME_MAX = 9_999_999_999_999;
/** An EventTime of at most 10 digits is in Unix seconds. */
const EVENT_TIME_SECONDS_MAX = 9_999_999_999;

/** @type {Map<string, Kind>} */
const KINDS = new Map([
	["Follow.CallbackAfterFollowDelete", "unfollow"],
	["Follow.CallbackAfterFollowAdd", "follow"],
]);

// It also removes a byte-order mark.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/** `unfollow` or `follow`; `undefined` for every other command. */
export const kindOf = (/** @type {string} */ command) => KINDS.get(command);

/** Most bytes that the body of this command may have. */
export const bodyMax = (/** @type {string | undefined} */ command) =>
	KINDS.has(command ?? "") ? FOLLOW_BODY_MAX : OTHER_BODY_MAX;

/**
 * The declared length of a request's body, where it is declared.
 * @param {Request} request
 */
export function declaredLength(request) {
	const length = request.headers.get("content-length");
	return length === null ? undefined : Number(length);
}

/**
 * The body's bytes; throws where there are more than `max`.
 * @param {Request} request
 * @param {number} max
 * @returns {Promise<ArrayBuffer>}
 */
export async function readBody(request, max) {
	try {
		// HTTP holds a body to its declared length.
		if (declaredLength(request) !== undefined) return await request.arrayBuffer();
		const pieces = [];
		let length = 0;
		for await (const piece of request.body ?? []) {
			length += piece.length;
			if (length > max) throw new Rejection("body_too_large");
			pieces.push(piece);
		}
		return await new Blob(pieces).arrayBuffer();
	} catch (error) {
		throw error instanceof Rejection ? error : new Rejection("body_broken");
	}
}

/**
 * @param {ArrayBuffer} bytes
 * @returns {Body}
 */
export function parseBody(bytes) {
	/** @type {string | undefined} */
	let text;
	try {
		text = decoder.decode(bytes).replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");
		const value = JSON.parse(text);
		const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
		return { text, object: isObject ? value : undefined };
	} catch {
		return { text, object: undefined };
	}
}

/**
 * Whether this is the console's probe of the URL, which sends nothing, or nothing but a command.
 * @param {Body} body
 */
export function isContentless({ text, object }) {
	if (text === "") return true;
	if (object === undefined) return false;
	for (const name in object) if (name !== "CallbackCommand") return false;
	return true;
}

/**
 * The command that a body names.
 * @param {Body} body
 */
export function commandOf({ object }) {
	const command = object?.CallbackCommand;
	return isUserId(command) ? command : undefined;
}

/**
 * Throws where the body is not that of its command.
 * @param {string} command
 * @param {Kind} kind of the command
 * @param {Body} body
 * @returns {Follow}
 */
export function parseFollow(command, kind, { text, object }) {
	if (object === undefined) throw new Rejection("body_not_an_object");
	// `null` counts as absent.
	if ((object.CallbackCommand ?? command) !== command) throw new Rejection("command_mismatch");
	const fromAccount = object.From_Account;
	if (!isUserId(fromAccount)) throw new Rejection("from_account");
	const list = kind === "unfollow" ? object.To_Account : object.FollowList;
	if (!Array.isArray(list) || list.length === 0) throw new Rejection("targets");
	const toAccounts = kind === "unfollow" ? list : list.map((item) => item?.To_Account);
	if (!toAccounts.every(isUserId)) throw new Rejection("targets");
	if (toAccounts.length > TARGETS_MAX) throw new Rejection("too_many_targets");
	return { kind, command, fromAccount, toAccounts, eventTime: parseEventTime(object.EventTime), text };
}

/**
 * Half a surrogate pair is not a character.
 * @type {(value: unknown) => value is string}
 */
const isUserId = (value) => typeof value === "string" && value !== "" && value.isWellFormed();

/**
 * An EventTime in Unix ms: a number with an integral value, or a string of 1 to 13 digits, in ms or in seconds.
 * @param {unknown} value
 */
function parseEventTime(value) {
	const time = typeof value === "string" && /^[0-9]{1,13}$/.test(value) ? Number(value) : value;
	if (typeof time !== "number" || !Number.isInteger(time) || time < 0 || time > EVENT_TIME_MAX)
		throw new Rejection("event_time");
	return time <= EVENT_TIME_SECONDS_MAX ? time * 1000 : time;
}
