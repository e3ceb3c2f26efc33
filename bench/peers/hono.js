// The same receiver on Hono: its router, middleware and context around the same rules. The webhook's path is the
// route.

import { Hono } from "hono";
import { Line } from "./rules/line.js";
import { isConfidential } from "./rules/loopback.js";
import { receive } from "./rules/receive.js";
import { Refusal } from "./rules/refusal.js";
import { settingsOf } from "./rules/settings.js";

const OK = '{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}';
const HEADERS = { "content-type": "application/json", "cache-control": "no-store" };

const app = new Hono();

// A refusal is no Error, so that Hono's own error handler does not see it.
app.use(async (c, next) => {
	const arrived = Date.now();
	const line = new Line(arrived);
	try {
		const settings = settingsOf(c.env);
		if (!settings) throw new Refusal("settings");
		c.set("call", { settings, ctx: c.executionCtx, line, arrived });
		await next();
		line.write(c.get("outcome"));
	} catch (error) {
		if (!(error instanceof Refusal)) throw error;
		line.write(error);
		return c.body(error.body, error.status, { ...HEADERS, ...error.headers });
	}
});

app.all("/", async (c) => {
	const url = new URL(c.req.url);
	if (!isConfidential(url)) throw new Refusal("insecure");
	if (c.req.method !== "POST") throw new Refusal("method");
	c.set("outcome", await receive(c.req.raw, url, c.get("call")));
	return c.body(OK, 200, HEADERS);
});

app.notFound(() => {
	throw new Refusal("not_found");
});

export default app;
