// The floor, which no receiver can go below: it reads the body, puts it and responds. It checks nothing.

const OK = '{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}';
const HEADERS = { "content-type": "application/json", "cache-control": "no-store" };

/** @type {ExportedHandler<{ EVENTS: KVNamespace }>} */
export default {
	async fetch(request, env) {
		await env.EVENTS.put("event", await request.text());
		return new Response(OK, { headers: HEADERS });
	},
};
