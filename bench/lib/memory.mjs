// How much memory a process has after many calls.

import { readFileSync } from "node:fs";
import { calls } from "./calls.mjs";
import { Load } from "./load.mjs";
import { CONNECTIONS } from "./rounds.mjs";
import { Served } from "./workerd.mjs";

/** @import { Name, Prepared } from "./variants.mjs" */

export const CALLS = 10_000;

/**
 * The resident memory of each variant's process after [`CALLS`] stored events, in bytes.
 * @param {Prepared} prepared
 * @param {Name[]} names
 */
export async function memory(prepared, names) {
	/** @type {Record<string, number>} */
	const found = {};
	for (const name of names) {
		const served = await Served.start(prepared[name].path);
		const load = await Load.open(served.ports.variant, CONNECTIONS);
		await load.send(calls(CALLS), 200);
		load.close();
		found[name] = resident(served.pid);
		await served.stop();
	}
	return found;
}

/** @param {number} pid */
function resident(pid) {
	const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
	return Number(kib?.[1]) * 1024;
}
