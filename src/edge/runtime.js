// What the Worker asks of the Workers runtime: one function for each thing, so that each costs one crossing between wasm
// and JavaScript. Nothing is decided here.
//
// What takes time is begun with the slot that waits for it, and settles that slot when it is done (see executor.rs). A
// failure is told as its text.

// The Worker's own functions; entry.js connects them.
let worker;
export const connect = (exports) => (worker = exports);

// What answers each call under way, and the one timer that it has, by its task, which is a small number. Each instance of
// the wasm has lists of its own: after a panic there is a new one, and what the old one waited for must not settle anything
// in it.
let calls;
let timers;

export function begin() {
	calls = [];
	timers = [];
}

export function promise(task) {
	return new Promise((resolve, reject) => (calls[task] = { resolve, reject }));
}

export function answer(task, value) {
	const call = calls[task];
	clearTimeout(timers[task]);
	forget(task);
	call.resolve(value);
}

// Also of a call that its caller has given up.
export function forget(task) {
	calls[task] = timers[task] = undefined;
}

// Goes on with what waits, in the instance that it began in. To enter the wasm may be what starts the new instance, so it
// is asked before and after.
function check(mine) {
	if (mine !== calls) throw new Error("The Worker was started again after a panic.");
}

function settle(mine, slot, task, ok, value) {
	try {
		check(mine);
		worker.settle(slot, ok, value);
		check(mine);
	} catch (error) {
		mine[task]?.reject(error);
	}
}

function ring(mine, task) {
	try {
		check(mine);
		worker.ring(task);
		check(mine);
	} catch (error) {
		mine[task]?.reject(error);
	}
}

function hand(slot, task, begun) {
	const mine = calls;
	const failed = (error) => settle(mine, slot, task, false, String(error?.message ?? error));
	try {
		begun().then((value) => settle(mine, slot, task, true, value), failed);
	} catch (error) {
		queueMicrotask(() => failed(error));
	}
}

// ---- Time ----

export const now = Date.now;

// In the place of the task's timer before. It ends with the answer.
export function alarm(task, ms) {
	const mine = calls;
	clearTimeout(timers[task]);
	timers[task] = setTimeout(() => ring(mine, task), ms);
}

export const random = Math.random;

export const parse_date = Date.parse;

// ---- A request and its answer ----

// Joined, because wasm-bindgen reads a text character by character, which is slow in one that was put together otherwise.
export function head(request) {
	return [request.method, request.headers.get("content-length"), request.url].join("\n");
}

export function header(request, name) {
	return request.headers.get(name) ?? undefined;
}

export function body(slot, task, request) {
	hand(slot, task, () => request.arrayBuffer());
}

export function body_up_to(slot, task, request, max) {
	hand(slot, task, () => up_to(request.body, max));
}

// Reads a stream to its end, or until there are more than `max` bytes, and drops the rest unread.
async function up_to(stream, max) {
	const pieces = [];
	let length = 0;
	for await (const piece of stream ?? []) {
		pieces.push(piece);
		length += piece.byteLength;
		if (length > max) break;
	}
	return new Blob(pieces).arrayBuffer();
}

export const bytes = (buffer) => new Uint8Array(buffer);

// What a response is made with besides its body, by content type and status. To copy headers costs less than to read an
// object; a tenth of a refused call.
const usual = new Map();

export function respond(status, body, content_type, cache_control, name, value) {
	const kind = content_type + status;
	let init = usual.get(kind);
	if (!init) {
		const headers = new Headers({ "content-type": content_type, "cache-control": cache_control });
		init = { status, headers };
		usual.set(kind, init);
	}
	const response = new Response(body, init);
	if (name !== undefined) response.headers.set(name, value);
	return response;
}

export function respond_without_body(status, cache_control) {
	return new Response(null, { status, headers: { "cache-control": cache_control } });
}

export function wait_until(context, promise) {
	context.waitUntil(promise);
}

const levels = ["log", "warn", "error"];

export function log(level, line) {
	console[levels[level]](line);
}

// ---- The environment ----

// A binding, or undefined.
export function binding(env, name) {
	return typeof env[name] === "object" ? env[name] ?? undefined : undefined;
}

// A variable's text. A number or a boolean, which wrangler.toml allows, counts as it is written; anything else becomes the
// empty text, which no setting takes.
export function variable(env, name) {
	const value = env[name] ?? undefined;
	return typeof value === "object" ? "" : value?.toString();
}

// ---- KV ----

export function kv_put(slot, task, namespace, key, value, metadata, expiration) {
	hand(slot, task, () => namespace.put(key, value, { metadata: JSON.parse(metadata), expiration }));
}

export function kv_get(slot, task, namespace, key) {
	hand(slot, task, () => namespace.get(key));
}

// As one text: a crossing for each of a thousand keys would cost more than to read them again.
export function kv_list(slot, task, namespace, prefix, limit, cursor) {
	hand(slot, task, async () => JSON.stringify(await namespace.list({ prefix, limit, cursor })));
}

export function kv_delete(slot, task, namespace, key) {
	hand(slot, task, () => namespace.delete(key));
}

// ---- The cache ----

export function cache_find(slot, task, url) {
	hand(slot, task, async () => (await caches.default.match(url))?.text());
}

export function cache_keep(slot, task, url, text, seconds) {
	const response = new Response(text, { headers: { "cache-control": `max-age=${seconds}` } });
	hand(slot, task, () => caches.default.put(url, response));
}

// ---- Queues ----

// Text, because a message of another type could not be read as what it was written as.
export function queue_send(slot, task, queue, text) {
	hand(slot, task, () => queue.send(text, { contentType: "text" }));
}

export const batch_queue = (batch) => batch.queue;
export const batch_messages = (batch) => [...batch.messages];
export const message_id = (message) => message.id;
export const message_sent_at = (message) => message.timestamp.getTime();

export function message_text({ body }) {
	if (typeof body === "string") return body;
	try {
		return JSON.stringify(body) ?? "";
	} catch {
		return "";
	}
}

// An `ack` that fails is what the runtime would assume anyway.
export function message_ack(message) {
	try {
		message.ack();
	} catch {}
}

// A retry without a delay is better than none: a message that is left untouched counts as acknowledged.
export function message_retry(message, delaySeconds) {
	try {
		message.retry({ delaySeconds });
	} catch {
		message.retry();
	}
}

// ---- The app's origin ----

// Posts without following redirects, and reads at most `max` bytes of the answer, or none at 0. The value is the status, the
// Retry-After header and the body, which may be longer than `max`; a failure is "late" where the time was up.
export function origin_post(slot, task, url, headers, view, ms, max) {
	// A copy: what a view shows may be something else by the time that it is sent, where the call was given up.
	const body = view.slice();
	hand(slot, task, async () => {
		const signal = AbortSignal.timeout(ms);
		try {
			const init = { method: "POST", headers: JSON.parse(headers), body, redirect: "manual", signal };
			const response = await fetch(url, init);
			const answer = [response.status, response.headers.get("retry-after") ?? undefined];
			if (max > 0) return [...answer, await up_to(response.body, max)];
			// Nobody reads it: the connection is free for others.
			response.body?.cancel().catch(() => {});
			return [...answer, new ArrayBuffer(0)];
		} catch (error) {
			throw signal.aborted ? "late" : error;
		}
	});
}

export const origin_status = ([status]) => status;
export const origin_retry_after = ([, retry_after]) => retry_after;
export const origin_body = ([, , body]) => new Uint8Array(body);
