// The least there is: a constant answer, nothing read and nothing kept.

const OK = '{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}';
const HEADERS = { "content-type": "application/json", "cache-control": "no-store" };

export default {
	fetch() {
		return new Response(OK, { headers: HEADERS });
	},
};
