// The log: one record of JSON for each call, on one line.

import { Rejection } from "./rejection.js";

const TEXT_MAX = 128;
// C0 and C1 controls, line separators, and marks that change the direction of writing.
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const cut = (text) => (text ? text.replace(CONTROLS, "?").slice(0, TEXT_MAX) : undefined);

/** What the log says of one call, filled in step by step. */
export class LogRecord {
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

	/** Writes the record. `outcome` is the word for what was done, or the rejection. */
	write(outcome) {
		const rejection = outcome instanceof Rejection ? outcome : undefined;
		const status = rejection?.status ?? 200;
		const word = !rejection ? outcome : status >= 500 ? "failed" : "rejected";
		const { sdkAppId, command, optPlatform, requestId } = this.#query;
		const text = JSON.stringify({
			outcome: word,
			reason: rejection?.reason,
			status,
			app: cut(sdkAppId),
			command: cut(command),
			targets: this.#targets,
			platform: cut(optPlatform),
			request_id: cut(requestId),
			duration_ms: Date.now() - this.#arrived,
		});
		if (!rejection) console.log(text);
		else if (status >= 500) console.error(text);
		else console.warn(text);
	}
}
