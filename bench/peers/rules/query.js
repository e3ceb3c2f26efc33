// The query that Tencent appends to the URL. Not URLSearchParams, which turns a `+` into a space and accepts an
// invalid encoding.

import { Rejection } from "./rejection.js";

const QUERY_MAX = 4096;

/**
 * The recognised parameters, decoded, each undefined where it is absent; an empty one counts as absent.
 * @typedef {object} Query
 * @property {string} [sdkAppId]
 * @property {string} [command]
 * @property {string} [contentType]
 * @property {string} [clientIp]
 * @property {string} [optPlatform]
 * @property {string} [sign]
 * @property {string} [requestTime]
 * @property {string} [requestId]
 * @property {string} unsigned the query as it came, without `Sign` and `RequestTime`
 */

/**
 * The recognised parameters, by their names in the query.
 * @type {Map<string, keyof Query>}
 */
const NAMES = new Map([
	["SdkAppid", "sdkAppId"],
	["SdkAppId", "sdkAppId"],
	["CallbackCommand", "command"],
	["contenttype", "contentType"],
	["ClientIP", "clientIp"],
	["OptPlatform", "optPlatform"],
	["Sign", "sign"],
	["RequestTime", "requestTime"],
	["RequestId", "requestId"],
	["RequestID", "requestId"],
]);

const SIGNATURE = new Set(["sign", "requestTime"]);

/**
 * Parses the text after the URL's `?`.
 * @param {string} raw
 */
export function parseQuery(raw) {
	if (raw.length > QUERY_MAX) throw new Rejection("query_too_long");
	/** @type {Query} */
	const query = {
		sdkAppId: undefined,
		command: undefined,
		contentType: undefined,
		clientIp: undefined,
		optPlatform: undefined,
		sign: undefined,
		requestTime: undefined,
		requestId: undefined,
		unsigned: "",
	};
	const unsigned = [];
	for (const segment of raw.split("&")) {
		const equals = segment.indexOf("=");
		const name = NAMES.get(decodedName(equals < 0 ? segment : segment.slice(0, equals)));
		if (name === undefined || !SIGNATURE.has(name)) unsigned.push(segment);
		if (name === undefined) continue;
		if (query[name] !== undefined) throw new Rejection("query_duplicate");
		query[name] = equals < 0 ? "" : decodedValue(segment.slice(equals + 1));
	}
	query.unsigned = unsigned.join("&");
	return query;
}

/** @param {string} name */
function decodedName(name) {
	if (!name.includes("%")) return name;
	try {
		return decodeURIComponent(name);
	} catch {
		return name;
	}
}

/** @param {string} value */
function decodedValue(value) {
	if (!value.includes("%")) return value;
	try {
		return decodeURIComponent(value);
	} catch {
		throw new Rejection("query_encoding");
	}
}
