// The stub behind the KV binding: workerd makes each `put` an HTTP PUT to it. It counts them, and remembers only the
// last; `GET /` returns both.

let puts = 0;
let last = null;

export default {
	async fetch(request) {
		if (request.method === "GET") {
			const { url, metadata, value } = last ?? {};
			return Response.json({ puts, key: url && keyOf(url), metadata, value: value && (await value) });
		}
		puts += 1;
		last = { url: request.url, metadata: request.headers.get("cf-kv-metadata"), value: request.text() };
		await last.value;
		return new Response(null);
	},
};

function keyOf(url) {
	return decodeURIComponent(new URL(url).pathname.slice(1));
}
