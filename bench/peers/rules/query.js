// The query that Tencent appends to the URL. Not URLSearchParams, which takes a `+` for a space and broken encoding for
// text.

import { Refusal } from "./refusal.js";

const QUERY_MAX = 4096;

/** The parameters that are read, by their names in the query. */
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
 * The parameters that are read, decoded, of the text behind the URL's `?`; an empty one counts as absent. `unsigned` is
 * the query as it came, less `Sign` and `RequestTime`.
 */
export function parseQuery(raw) {
	if (raw.length > QUERY_MAX) throw new Refusal("query_too_long");
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
		if (!SIGNATURE.has(name)) unsigned.push(segment);
		if (name === undefined) continue;
		if (query[name] !== undefined) throw new Refusal("query_duplicate");
		query[name] = equals < 0 ? "" : decodedValue(segment.slice(equals + 1));
	}
	query.unsigned = unsigned.join("&");
	return query;
}

function decodedName(name) {
	if (!name.includes("%")) return name;
	try {
		return decodeURIComponent(name);
	} catch {
		return name;
	}
}

function decodedValue(value) {
	if (!value.includes("%")) return value;
	try {
		return decodeURIComponent(value);
	} catch {
		throw new Refusal("query_encoding");
	}
}
