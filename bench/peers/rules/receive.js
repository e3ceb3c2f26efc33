// One call whose path, scheme and method are right, through all further steps, in the order of docs/webhook-responses.md.

import { authenticate } from "./auth.js";
import { bodyMax, commandOf, declaredLength, isContentless, kindOf, parseBody, parseFollow, readBody } from "./body.js";
import { eventOf } from "./event.js";
import { persistAll, RESPOND_WITHIN_MS, within as withTimer } from "./persist.js";
import { parseQuery } from "./query.js";
import { Rejection } from "./rejection.js";

/** @import { LogRecord } from "./log_record.js" */
/** @import { Context, Sink, Within } from "./persist.js" */
/** @import { Settings } from "./settings.js" */
/**
 * @typedef {object} Call
 * @property {Settings} settings
 * @property {Context} ctx
 * @property {LogRecord} log
 * @property {number} arrived in Unix ms
 * @property {Within} [within] how a call waits; with a timer for each wait where it is not given
 */

const INSERT =
	"INSERT INTO events (app, kind, event_time, hash, record, query, body, kv_until) " +
	"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE SET kv_until = excluded.kv_until " +
	"WHERE kv_until IS NULL OR kv_until < excluded.kv_until";

/** That KV has the record for good, as there is no `RETENTION_DAYS` here. */
const IN_KV_FOR_GOOD = 9_999_999_999_999;

/**
 * What was done with the call, in a word; throws a Rejection.
 * @param {Request} request
 * @param {URL} url
 * @param {Call} call
 */
export async function receive(request, url, { settings, ctx, log, arrived, within = withTimer }) {
	const query = parseQuery(url.search.slice(1));
	log.describe(query);

	const app = query.sdkAppId ? settings.apps.get(query.sdkAppId) : undefined;
	if (query.sdkAppId && !app) throw new Rejection("sdk_app_id_foreign");
	if (!app && !query.sign) throw new Rejection("sdk_app_id_missing");
	await authenticate(query, app?.tokens ?? settings.allTokens, arrived);

	if (query.contentType && query.contentType.toLowerCase() !== "json") throw new Rejection("content_type");
	const max = bodyMax(query.command);
	if ((declaredLength(request) ?? 0) > max) throw new Rejection("body_too_large");

	const deadline = arrived + RESPOND_WITHIN_MS;
	const left = () => Math.max(0, deadline - Date.now());
	const bytes = await within(left(), readBody(request, max), () => {
		throw new Rejection("body_late");
	});
	const body = parseBody(bytes);
	if (isContentless(body)) return "probe";
	if (!app) throw new Rejection("sdk_app_id_missing");

	const command = query.command || commandOf(body);
	if (!command) throw new Rejection("command_missing");
	query.command = command;
	const kind = kindOf(command);
	if (!kind) return "unhandled";
	if (bytes.byteLength > bodyMax(command)) throw new Rejection("body_too_large");

	const follow = parseFollow(command, kind, body);
	const { key, value, metadata, row } = await eventOf(app, query, follow, arrived);
	log.count(follow.toAccounts.length);
	const { events, database } = settings;
	/** @type {Sink[]} */
	const sinks = [() => events.put(key, value, { metadata })];
	if (database)
		sinks.push(() =>
			database
				.prepare(INSERT)
				.bind(...row, IN_KV_FOR_GOOD)
				.run(),
		);
	await persistAll(sinks, deadline, ctx, within);
	return "stored";
}
