// The receiver as a good engineer writes it by hand in JavaScript: the steps, checks, record, log line and deadline of
// ours, with what the platform has (URL, JSON.parse, crypto.subtle). Two things JSON.parse cannot tell: that a
// member stands twice, and how a number is spelt.

import { Line } from "./rules/line.js";
import { isConfidential } from "./rules/loopback.js";
import { receive } from "./rules/receive.js";
import { Refusal } from "./rules/refusal.js";
import { settingsOf } from "./rules/settings.js";

const OK = '{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}';
const HEADERS = { "content-type": "application/json", "cache-control": "no-store" };

export default {
	async fetch(request, env, ctx) {
		const arrived = Date.now();
		const line = new Line(arrived);
		try {
			const outcome = await steps(request, { settings: settingsOf(env), ctx, line, arrived });
			line.write(outcome);
			return new Response(OK, { headers: HEADERS });
		} catch (error) {
			if (!(error instanceof Refusal)) throw error;
			line.write(error);
			return new Response(error.body, { status: error.status, headers: { ...HEADERS, ...error.headers } });
		}
	},
};

function steps(request, call) {
	if (!call.settings) throw new Refusal("settings");
	const url = new URL(request.url);
	if (url.pathname !== call.settings.path) throw new Refusal("not_found");
	if (!isConfidential(url)) throw new Refusal("insecure");
	if (request.method !== "POST") throw new Refusal("method");
	return receive(request, url, call);
}
