// Before the Worker: hands it the messages of a queue, as Cloudflare's queues do, and says how each was settled.

/** @typedef {{ id: string, timestamp: number, body: string, attempts: number }} Message whose time is in Unix ms */

/**
 * The Worker, as the flag service_binding_extra_handlers shows it.
 * @typedef {object} Ours
 * @property {(queue: string, messages: object[]) => Promise<Record<string, unknown>>} queue
 */

/** @type {ExportedHandler<{ OURS: Ours }>} */
export default {
	async fetch(request, env) {
		const queue = new URL(request.url).pathname.slice(1);
		/** @type {Message[]} */
		const posted = await request.json();
		const messages = posted.map((message) => ({ ...message, timestamp: new Date(message.timestamp) }));
		const { outcome, ackAll, explicitAcks, retryBatch, retryMessages } = await env.OURS.queue(queue, messages);
		return Response.json({ outcome, ackAll, explicitAcks, retryBatch, retryMessages });
	},
};
