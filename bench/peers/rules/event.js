// The record of an event: its id, what KV stores, and what D1 stores.

/** @import { Follow } from "./body.js" */
/** @import { Query } from "./query.js" */
/** @import { App } from "./settings.js" */
/**
 * What KV stores as metadata.
 * @typedef {object} Summary
 * @property {Follow["kind"]} kind
 * @property {string} from_account
 * @property {string[]} to_accounts
 * @property {number} received_at in Unix ms
 * @property {string | null} opt_platform
 * @property {string | null} client_ip
 * @property {string | null} request_id
 */

const EVENT_TIME_CEILING = 9_999_999_999_999;
const HASH_BYTES = 16;
const METADATA_MAX = 1024;
const CUT_TEXT_MAX = 64;

const encoder = new TextEncoder();

const byteLength = (/** @type {string} */ text) => encoder.encode(text).length;

/**
 * An event: its KV `key`, `value` and `metadata`, and its `row` in D1's table `events`.
 * @param {App} app
 * @param {Query} query
 * @param {Follow} follow
 * @param {number} receivedAt in Unix ms
 */
export async function eventOf(app, query, follow, receivedAt) {
	const hash = await hashOf(app, follow);
	const { kind, fromAccount, toAccounts, eventTime, text } = follow;
	const id = `${String(EVENT_TIME_CEILING - eventTime).padStart(13, "0")}-${hash}`;
	/** @type {Summary} */
	const summary = {
		kind,
		from_account: fromAccount,
		to_accounts: toAccounts,
		received_at: receivedAt,
		opt_platform: query.optPlatform || null,
		client_ip: query.clientIp || null,
		request_id: query.requestId || null,
	};
	const record = JSON.stringify({
		id,
		sdk_app_id: app.id,
		kind,
		from_account: fromAccount,
		to_accounts: toAccounts,
		event_time: eventTime,
		received_at: receivedAt,
		opt_platform: summary.opt_platform,
		client_ip: summary.client_ip,
		request_id: summary.request_id,
	});
	return {
		// The time is counted down, so that the newest sorts first.
		key: `event/${app.id}/${id}`,
		// The body goes in byte for byte.
		value: `${record.slice(0, -1)},"query":${JSON.stringify(query.unsigned)},"body":${text}}`,
		metadata: byteLength(JSON.stringify(summary)) <= METADATA_MAX ? summary : cut(summary),
		row: [app.id, kind, eventTime, hash, record, query.unsigned, text],
	};
}

/**
 * The hash of netstrings of what identifies the event, in hex.
 * @param {App} app
 * @param {Follow} follow
 */
async function hashOf(app, { command, fromAccount, toAccounts, eventTime }) {
	const parts = [String(app.id), command, fromAccount, ...toAccounts, String(eventTime)];
	const netstrings = parts.map((part) => `${byteLength(part)}:${part},`).join("");
	const hash = await crypto.subtle.digest("SHA-256", encoder.encode(netstrings));
	return new Uint8Array(hash, 0, HASH_BYTES).toHex();
}

/**
 * What fits into KV's metadata: texts are cut, as many targets remain as fit, and two more members say so.
 * @param {Summary} summary
 */
function cut(summary) {
	/** @type {Summary & { to_accounts_total: number, truncated: true }} */
	const short = {
		...summary,
		from_account: cutText(summary.from_account),
		to_accounts: [],
		opt_platform: summary.opt_platform && cutText(summary.opt_platform),
		client_ip: summary.client_ip && cutText(summary.client_ip),
		request_id: summary.request_id && cutText(summary.request_id),
		to_accounts_total: summary.to_accounts.length,
		truncated: true,
	};
	// One more than there is, because the first target has no comma before it.
	let left = METADATA_MAX + 1 - byteLength(JSON.stringify(short));
	for (const target of summary.to_accounts) {
		left -= byteLength(JSON.stringify(target)) + 1;
		if (left < 0) break;
		short.to_accounts.push(target);
	}
	return short;
}

/**
 * The longest beginning of `text` that is short enough as JSON.
 * @param {string} text
 */
function cutText(text) {
	let length = 2; // the quotes
	let end = 0;
	for (const char of text) {
		length += byteLength(JSON.stringify(char)) - 2;
		if (length > CUT_TEXT_MAX) break;
		end += char.length;
	}
	return text.slice(0, end);
}
