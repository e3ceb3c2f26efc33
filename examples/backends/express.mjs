// A backend for unfollow-webhook, with Express 5: README.md says how to run it, and docs/backend.md why it is so.

import { createHash, timingSafeEqual } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import express from "express";
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

/** Whether a secret of ours has signed these bytes within the last five minutes. */
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
function isTencents(query) {
	const [sign, time] = [Buffer.from(query.get("Sign") ?? "", "hex"), query.get("RequestTime")];
	const isFresh = Math.abs(Date.now() / 1000 - Number(time)) <= 300;
	const digests = tokens.map((token) => createHash("sha256").update(`${token}${time}`).digest());
	return isFresh && digests.some((digest) => digest.length === sign.length && timingSafeEqual(digest, sign));
}

const OK = { ActionStatus: "OK", ErrorCode: 0, ErrorInfo: "" };
const REFUSED = { ActionStatus: "FAIL", ErrorCode: 1, ErrorInfo: "wrong signature" };

const app = express();
// The raw bytes, whatever Content-Type says: JSON that was parsed and written again has another signature.
app.post("/hook", express.raw({ type: () => true, limit: "2mb" }), (request, response) => {
	if (request.headers["webhook-id"] !== undefined) {
		if (!isDelivery(request.headers, request.body)) return response.status(401).json(REFUSED);
		// What throws here is answered with 500, and the delivery comes again.
		store.run(request.headers["webhook-id"], request.body.toString());
		return response.json(OK);
	}
	const query = new URL(request.url, "http://localhost").searchParams;
	if (!isTencents(query)) return response.status(401).json(REFUSED);
	// Your own handling of query.get("CallbackCommand"). To a command "before" something, OK says: go on.
	response.json(OK);
});
app.listen(Number(PORT), () => console.log(`listening on port ${PORT}`));
