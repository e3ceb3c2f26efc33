// The Worker's event handlers. worker-build's entry wraps each call in Proxies that start the wasm again after a panic;
// wasm-bindgen's own functions do so too, and for less.
import { fetch, queue, scheduled } from "./index.js";

export default {
	fetch(request, env, ctx) {
		const response = fetch(request, env, ctx);
		// When a sender breaks off, the runtime drops what its call waits for and tells nobody, so that the call would stay in
		// memory. This lets it end in its own time.
		ctx.waitUntil(response);
		return response;
	},
	queue,
	scheduled,
};
