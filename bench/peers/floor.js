// The floor: what no receiver can do without. It reads the body, puts it and answers; it checks nothing.

const OK = '{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}';
const HEADERS = { "content-type": "application/json", "cache-control": "no-store" };

export default {
	async fetch(request, env) {
		await env.EVENTS.put("event", await request.text());
		return new Response(OK, { headers: HEADERS });
	},
};
