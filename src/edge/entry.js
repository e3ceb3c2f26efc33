// The Worker's doors, as the runtime knows them. worker-build's entry wraps each call in Proxies that start the wasm again
// after a panic; wasm-bindgen's own functions do so too, and for less.
import { fetch, queue, ring, settle } from "./index.js";
import { connect } from "./runtime.js";

connect({ ring, settle });

export default { fetch, queue };
