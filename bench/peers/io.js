// The same input and output as the Worker, and nothing between them: the head, the body, a timer, a put of a record with
// metadata, a log line. No check, no signature, no parsing but for the time that makes the key another one each time.

const OK = '{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}';
const HEADERS = { "content-type": "application/json", "cache-control": "no-store" };
const METADATA =
	'{"kind":"unfollow","from_account":"UserID_001","to_accounts":["UserID_002","UserID_003"],' +
	'"received_at":1702018344000,"opt_platform":"iOS","client_ip":"127.0.0.1","request_id":null}';
const LINE =
	'{"outcome":"kept","status":200,"app":"1400000000","command":"Follow.CallbackAfterFollowDelete",' +
	'"targets":2,"platform":"iOS","duration_ms":1}';

const decoder = new TextDecoder();

export default {
	async fetch(request, env) {
		const head = `${request.method} ${request.headers.get("content-length")} ${request.url}`;
		const timer = setTimeout(() => {}, 500);
		const body = decoder.decode(await request.arrayBuffer());
		const record = METADATA.slice(0, -1) + `,"query":"${head}","body":${body}}`;
		const key = `event/1400000000/${body.slice(-14, -1)}-4291e1af60c1595d47059136803c0cb2`;
		await env.EVENTS.put(key, record, { metadata: JSON.parse(METADATA) });
		console.log(LINE);
		clearTimeout(timer);
		return new Response(OK, { headers: HEADERS });
	},
};
