// Tencent's Sign: the hex SHA-256 of the callback token and RequestTime.

import { Rejection } from "./rejection.js";

const WINDOW_SECONDS = 60;

const encoder = new TextEncoder();

/**
 * Throws unless the call is signed with one of `tokens`, at a time close to `now`.
 * @param {import("./query.js").Query} query
 * @param {string[]} tokens
 * @param {number} now in Unix ms
 */
export async function authenticate({ sign, requestTime }, tokens, now) {
	if (!sign) throw new Rejection("sign_missing");
	if (!/^[0-9a-f]{64}$/i.test(sign)) throw new Rejection("sign_malformed");
	if (!requestTime) throw new Rejection("request_time_missing");
	if (!/^[0-9]{1,10}$/.test(requestTime)) throw new Rejection("request_time_malformed");
	if (Math.abs(Math.floor(now / 1000) - Number(requestTime)) > WINDOW_SECONDS) throw new Rejection("request_time_far");

	const given = Uint8Array.fromHex(sign);
	const digests = tokens.map((token) => crypto.subtle.digest("SHA-256", encoder.encode(token + requestTime)));
	// Every token is tried, whichever matches.
	let matches = false;
	for (const digest of await Promise.all(digests)) matches = crypto.subtle.timingSafeEqual(digest, given) || matches;
	if (!matches) throw new Rejection("sign_mismatch");
}
