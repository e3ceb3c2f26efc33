// Before the Worker: hands it the messages of a queue, as Cloudflare's queues do, and says how each was settled.

export default {
	async fetch(request, env) {
		const queue = new URL(request.url).pathname.slice(1);
		const messages = await request.json();
		for (const message of messages) message.timestamp = new Date(message.timestamp);
		const { outcome, ackAll, explicitAcks, retryBatch, retryMessages } = await env.OURS.queue(queue, messages);
		return Response.json({ outcome, ackAll, explicitAcks, retryBatch, retryMessages });
	},
};
