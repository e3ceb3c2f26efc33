// The log: one record of JSON for each call, on one line.

import { Rejection } from "./rejection.js";

/** @import { Query } from "./query.js" */

const TEXT_MAX = 128;
// C0 and C1 controls, line separators, and marks that change the direction of writing.
// biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what it is to find.
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const cut = (/** @type {string | undefined} */ text) =>
	text ? text.replace(CONTROLS, "?").slice(0, TEXT_MAX) : undefined;

/** What the log says of one call, filled in step by step. */
export class LogRecord {
	#arrived;
	/** @type {Partial<Query>} */
	#query = {};
	/** @type {number | undefined} */
	#targets;

	/** @param {number} arrived in Unix ms */
	constructor(arrived) {
		this.#arrived = arrived;
	}

	/** @param {Query} query */
	describe(query) {
		this.#query = query;
	}

	/** @param {number} targets */
	count(targets) {
		this.#targets = targets;
	}

	/**
	 * Writes the record.
	 * @param {string | Rejection} outcome the word for what was done, or the rejection
	 */
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
