// Stands before the Worker under test. What is posted to /queue, a list of [content type, value], goes onto the queue as
// one batch; all else is handed on.
const body = {
	text: (value) => value,
	json: (value) => value,
	bytes: (value) => new TextEncoder().encode(value),
	// What JSON cannot say.
	v8: (value) => ({ value, number: 1n, itself: new Map([[1, value]]) }),
};

export default {
	async fetch(request, env) {
		if (new URL(request.url).pathname !== "/queue") return env.OURS.fetch(request);
		const messages = (await request.json()).map(([contentType, value]) => ({ contentType, body: body[contentType](value) }));
		await env.DELIVERIES.sendBatch(messages);
		return Response.json({ sent: messages.length });
	},
};
