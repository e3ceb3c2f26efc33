// The Worker's event handlers. worker-build's entry wraps each call in Proxies that start the wasm again after a panic;
// wasm-bindgen's own functions do so too, and for less.
import { fetch, queue, scheduled } from "./index.js";

export default { fetch, queue, scheduled };
