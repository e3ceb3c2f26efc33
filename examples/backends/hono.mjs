// A backend for unfollow-webhook, with Hono 4: README.md says how to run it, and docs/backend.md why it is so.

import { createHash, timingSafeEqual } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { Webhook } from "standardwebhooks";

const { CALLBACK_TOKEN, CALLBACK_TOKEN_PREVIOUS, ORIGIN_SECRET, ORIGIN_SECRET_PREVIOUS } = process.env;
const { DATABASE = "events.db", PORT = "8000" } = process.env;
if (!CALLBACK_TOKEN || !ORIGIN_SECRET) throw new Error("CALLBACK_TOKEN and ORIGIN_SECRET have to be set");

// The previous ones are accepted during a change.
const tokens = [CALLBACK_TOKEN, CALLBACK_TOKEN_PREVIOUS].filter(Boolean);
const webhooks = [ORIGIN_SECRET, ORIGIN_SECRET_PREVIOUS].filter(Boolean).map((secret) => new Webhook(secret));

const database = new DatabaseSync(DATABASE);
database.exec("CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, body TEXT NOT NULL)");
const store = database.prepare("INSERT INTO events (id, body) VALUES (?, ?) ON CONFLICT (id) DO NOTHING");

/** Whether a secret of ours has signed this text within the last five minutes. */
function isDelivery(headers, body) {
	return webhooks.some((webhook) => {
		try {
			webhook.verify(body, headers);
			return true;
		} catch {
			return false;
		}
	});
}

/** Whether who made the call knew the callback token within the last five minutes. The body is not proved. */
function isTencents({ Sign = "", RequestTime = "" }) {
	const sign = Buffer.from(Sign, "hex");
	const isFresh = Math.abs(Date.now() / 1000 - Number(RequestTime)) <= 300;
	const digests = tokens.map((token) => createHash("sha256").update(`${token}${RequestTime}`).digest());
	return isFresh && digests.some((digest) => digest.length === sign.length && timingSafeEqual(digest, sign));
}

const OK = { ActionStatus: "OK", ErrorCode: 0, ErrorInfo: "" };
const REFUSED = { ActionStatus: "FAIL", ErrorCode: 1, ErrorInfo: "wrong signature" };

const app = new Hono();
app.post("/hook", async (context) => {
	// The text as it came: JSON that was parsed and written again has another signature.
	const body = await context.req.text();
	// An object: the library finds nothing in a `Headers`, such as context.req.raw.headers.
	const headers = context.req.header();
	if (headers["webhook-id"] !== undefined) {
		if (!isDelivery(headers, body)) return context.json(REFUSED, 401);
		// What throws here is answered with 500, and the delivery comes again.
		store.run(headers["webhook-id"], body);
		return context.json(OK);
	}
	if (!isTencents(context.req.query())) return context.json(REFUSED, 401);
	// Your own handling of context.req.query("CallbackCommand"). To a command "before" something, OK says: go on.
	return context.json(OK);
});
serve({ fetch: app.fetch, port: Number(PORT) }, () => console.log(`listening on port ${PORT}`));
