// A Worker before the Worker under test. A list of [content type, value] that is posted to /queue goes onto the queue
// as one batch. All other requests are passed on.
/** @typedef {{ DELIVERIES: Queue, OURS: Fetcher }} Env */

/** @type {Record<QueueContentType, (value: string) => unknown>} */
const body = {
	text: (value) => value,
	json: (value) => value,
	bytes: (value) => new TextEncoder().encode(value),
	// Values that JSON does not have.
	v8: (value) => ({ value, number: 1n, itself: new Map([[1, value]]) }),
};

/** @type {ExportedHandler<Env>} */
export default {
	async fetch(request, env) {
		if (new URL(request.url).pathname !== "/queue") return env.OURS.fetch(request);
		/** @type {[QueueContentType, string][]} */
		const asked = await request.json();
		const messages = asked.map(([contentType, value]) => ({
			contentType,
			body: body[contentType](value),
		}));
		await env.DELIVERIES.sendBatch(messages);
		return Response.json({ sent: messages.length });
	},
};
