// What a start costs, and the first call after it, by turns: in CPU time, and by the clock.

import { setTimeout as pause } from "node:timers/promises";
import { calls } from "./calls.mjs";
import { cpuTime } from "./cpu.mjs";
import { Connection } from "./load.mjs";
import { Served } from "./workerd.mjs";

/** @import { Name, Prepared } from "./variants.mjs" */
/**
 * What one start took, in ms.
 * @typedef {object} Start
 * @property {number} cpu CPU time until workerd listens and is idle
 * @property {number} call CPU time of the first call, until workerd is idle again
 * @property {number} wall from the spawn of a process to its response to a call that it gets at once
 */

/** workerd is idle if it spends nothing for so long, in ms. */
const IDLE_MS = 20;
const IDLE_WITHIN_MS = 5000;

/**
 * For each of `names`, `count` starts, of which the stored event is the first call.
 * @param {Prepared} prepared
 * @param {Name[]} names
 * @param {number} count
 */
export async function starts(prepared, names, count) {
	/** @type {Record<string, Start[]>} */
	const found = Object.fromEntries(names.map((name) => [name, []]));
	for (let turn = 0; turn < count; turn++) {
		for (const name of turn % 2 === 0 ? names : names.toReversed()) found[name].push(await start(prepared[name].path));
	}
	return found;
}

/**
 * @param {string} path of the config
 * @returns {Promise<Start>}
 */
async function start(path) {
	return { ...(await apart(path)), wall: await together(path) };
}

/** @param {string} path of the config */
async function apart(path) {
	const served = await Served.start(path);
	const cpu = await idle(served.pid);
	await call(served);
	const both = await idle(served.pid);
	await served.stop();
	return { cpu, call: both - cpu };
}

/** @param {string} path of the config */
async function together(path) {
	const begun = performance.now();
	const served = await Served.start(path);
	await call(served);
	const ms = performance.now() - begun;
	await served.stop();
	return ms;
}

/** @param {Served} served */
async function call({ ports }) {
	const [request] = calls(1);
	const connection = await Connection.open(ports.variant);
	const { status } = await connection.send(request);
	connection.close();
	if (status !== 200) throw new Error(`the first call got ${status}`);
}

/**
 * The CPU time that the process has spent once it is idle, in ms.
 * @param {number} pid
 */
async function idle(pid) {
	const late = performance.now() + IDLE_WITHIN_MS;
	let spent = cpuTime(pid);
	while (performance.now() < late) {
		await pause(IDLE_MS);
		const now = cpuTime(pid);
		if (now === spent) return now / 1e6;
		spent = now;
	}
	throw new Error("workerd is not idle");
}
