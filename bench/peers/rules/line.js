// The log: one line of JSON for each call.

import { Refusal } from "./refusal.js";

const TEXT_MAX = 128;
// Control characters, line separators, and what turns the direction of writing.
const ORDERS = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const cut = (text) => (text ? text.replace(ORDERS, "?").slice(0, TEXT_MAX) : undefined);

/** What the line says of one call, filled in step by step. */
export class Line {
	#arrived;
	#query = {};
	#targets;

	/** `arrived` is Unix ms. */
	constructor(arrived) {
		this.#arrived = arrived;
	}

	describe(query) {
		this.#query = query;
	}

	count(targets) {
		this.#targets = targets;
	}

	/** Writes the line. `outcome` is the word for what was done, or the refusal. */
	write(outcome) {
		const refusal = outcome instanceof Refusal ? outcome : undefined;
		const status = refusal?.status ?? 200;
		const word = !refusal ? outcome : status >= 500 ? "failed" : "refused";
		const { sdkAppId, command, optPlatform, requestId } = this.#query;
		const line = JSON.stringify({
			outcome: word,
			reason: refusal?.reason,
			status,
			app: cut(sdkAppId),
			command: cut(command),
			targets: this.#targets,
			platform: cut(optPlatform),
			request_id: cut(requestId),
			duration_ms: Date.now() - this.#arrived,
		});
		if (!refusal) console.log(line);
		else if (status >= 500) console.error(line);
		else console.warn(line);
	}
}
