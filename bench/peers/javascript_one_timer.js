// The hand-written receiver with one timer a call, as ours has: so that ours is not fast by the other's second timer.

import { Alarm } from "./rules/alarm.js";
import { LogRecord } from "./rules/log_record.js";
import { isConfidential } from "./rules/loopback.js";
import { receive } from "./rules/receive.js";
import { Rejection } from "./rules/rejection.js";
import { settingsOf } from "./rules/settings.js";

const OK = '{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}';
const HEADERS = { "content-type": "application/json", "cache-control": "no-store" };

/** @import { Call } from "./rules/receive.js" */
/** @import { Env } from "./rules/settings.js" */

/** @type {ExportedHandler<Env>} */
export default {
	async fetch(request, env, ctx) {
		const arrived = Date.now();
		const log = new LogRecord(arrived);
		const alarm = new Alarm();
		try {
			const settings = settingsOf(env);
			if (!settings) throw new Rejection("settings");
			const outcome = await steps(request, { settings, ctx, log, arrived, within: alarm.within });
			log.write(outcome);
			return new Response(OK, { headers: HEADERS });
		} catch (error) {
			if (!(error instanceof Rejection)) throw error;
			log.write(error);
			return new Response(error.body, { status: error.status, headers: { ...HEADERS, ...error.headers } });
		} finally {
			alarm.end();
		}
	},
};

/**
 * @param {Request} request
 * @param {Call} call
 */
function steps(request, call) {
	const url = new URL(request.url);
	if (url.pathname !== call.settings.path) throw new Rejection("not_found");
	if (!isConfidential(url)) throw new Rejection("insecure");
	if (request.method !== "POST") throw new Rejection("method");
	return receive(request, url, call);
}
