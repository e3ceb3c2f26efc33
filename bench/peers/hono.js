// The same receiver on Hono: its router, middleware and context around the same rules. The webhook's path is the
// route.

import { Hono } from "hono";
import { LogRecord } from "./rules/log_record.js";
import { isConfidential } from "./rules/loopback.js";
import { receive } from "./rules/receive.js";
import { Rejection } from "./rules/rejection.js";
import { settingsOf } from "./rules/settings.js";

const OK = '{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}';
const HEADERS = { "content-type": "application/json", "cache-control": "no-store" };

/** @import { ContentfulStatusCode } from "hono/utils/http-status" */
/** @import { Call } from "./rules/receive.js" */
/** @import { Env } from "./rules/settings.js" */

/** @type {Hono<{ Bindings: Env, Variables: { call: Call, outcome: string } }>} */
const app = new Hono();

// A rejection is not an Error, so Hono's own error handler does not see it.
app.use(async (c, next) => {
	const arrived = Date.now();
	const log = new LogRecord(arrived);
	try {
		const settings = settingsOf(c.env);
		if (!settings) throw new Rejection("settings");
		c.set("call", { settings, ctx: c.executionCtx, log, arrived });
		await next();
		log.write(c.get("outcome"));
	} catch (error) {
		if (!(error instanceof Rejection)) throw error;
		log.write(error);
		return c.body(error.body, /** @type {ContentfulStatusCode} */ (error.status), { ...HEADERS, ...error.headers });
	}
});

app.all("/", async (c) => {
	const url = new URL(c.req.url);
	if (!isConfidential(url)) throw new Rejection("insecure");
	if (c.req.method !== "POST") throw new Rejection("method");
	c.set("outcome", await receive(c.req.raw, url, c.get("call")));
	return c.body(OK, 200, HEADERS);
});

app.notFound(() => {
	throw new Rejection("not_found");
});

export default app;
