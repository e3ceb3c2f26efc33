// How many storage round trips a call waits for: with a stub that takes its time, the time to the response tells.

import { calls } from "./calls.mjs";
import { Connection, getJson } from "./load.mjs";
import { median } from "./stats.mjs";
import { Served } from "./workerd.mjs";

/** How long the stub takes for each request, in ms: long beside the rest of a call, but too short for a second attempt. */
export const DELAY_MS = 200;

const CALLS = 5;

/**
 * How many storage round trips there are, one after the other, before the variant at `path` acknowledges an event.
 * @param {string} path
 */
export async function roundTrips(path) {
	const served = await Served.start(path);
	await getJson(served.ports.storage, `/?delay=${DELAY_MS}`);
	const connection = await Connection.open(served.ports.variant);
	const times = [];
	for (const request of calls(CALLS)) {
		const begun = performance.now();
		const { status } = await connection.send(request);
		times.push(performance.now() - begun);
		if (status !== 200) throw new Error(`status ${status}, not 200`);
	}
	connection.close();
	await served.stop();
	return Math.round(median(times) / DELAY_MS);
}
