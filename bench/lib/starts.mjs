// How long it takes from the start of the process to its first response, by turns.

import { calls } from "./calls.mjs";
import { Connection } from "./load.mjs";
import { Served } from "./workerd.mjs";

/** @import { Name, Prepared } from "./variants.mjs" */

/**
 * For each of `names`, `count` times in ms: from the spawn of workerd to the response to the first stored event.
 * @param {Prepared} prepared
 * @param {Name[]} names
 * @param {number} count
 */
export async function startTimes(prepared, names, count) {
	/** @type {Record<string, number[]>} */
	const times = Object.fromEntries(names.map((name) => [name, []]));
	for (let turn = 0; turn < count; turn++) {
		for (const name of turn % 2 === 0 ? names : names.toReversed()) times[name].push(await first(prepared[name].path));
	}
	return times;
}

/** @param {string} path of the config */
async function first(path) {
	const [request] = calls(1);
	const begun = performance.now();
	const served = await Served.start(path);
	const connection = await Connection.open(served.ports.variant);
	const { status } = await connection.send(request);
	const ms = performance.now() - begun;
	connection.close();
	await served.stop();
	if (status !== 200) throw new Error(`the first call got ${status}`);
	return ms;
}
