// The rounds: in each, every variant gets the same calls, one variant after the other in an order drawn anew.

import { calls } from "./calls.mjs";
import { cpuTime } from "./cpu.mjs";
import { getJson, Load } from "./load.mjs";
import { D1_VARIANTS, REJECTING, VARIANTS } from "./variants.mjs";
import { Served } from "./workerd.mjs";

/** @import { Name, Prepared } from "./variants.mjs" */
/**
 * What was measured of one variant.
 * @typedef {object} Measured
 * @property {number[]} cpu µs a call, one value a round
 * @property {number[]} rate calls a second, one value a round
 * @property {number} puts into KV, as the stub counted them, a call
 * @property {number} inserts into D1, likewise
 */
/** @typedef {Record<string, Measured>} Results by the names of the variants */
/** @typedef {typeof STORED & { results: Results }} Kind of calls */

/** As many calls are under way at once. */
export const CONNECTIONS = 16;

/**
 * After so many rounds, every variant gets a new process: two processes of identical code differ by some percent for as
 * long as they live.
 */
export const ROUNDS_A_PROCESS = 4;

/** Calls before the first round of a process, so that V8 has compiled what it will. */
const WARM_UP_CALLS = 3000;

/**
 * The kinds of calls, each with the response's status, the token that signs them if it is not the right one, and how many puts
 * into KV and inserts into D1 they take.
 */
const STORED = { status: 200, token: /** @type {string | undefined} */ (undefined), puts: 1, inserts: 0 };
const REJECTED = { status: 401, token: "not the token", puts: 0, inserts: 0 };
const STORED_IN_BOTH = { status: 200, token: undefined, puts: 1, inserts: 1 };

/**
 * Measures `rounds` rounds of `count` calls: of those that are stored in KV, rejected, and stored in KV and D1.
 * @param {Prepared} prepared
 * @param {{ rounds: number, count: number, progress: (rounds: number) => void }} options
 */
export async function measure(prepared, { rounds, count, progress }) {
	const [stored, rejected, storedInBoth] = [VARIANTS, REJECTING, D1_VARIANTS].map(empty);
	/** @type {Kind[]} */
	const kinds = [
		{ ...STORED, results: stored },
		{ ...REJECTED, results: rejected },
		{ ...STORED_IN_BOTH, results: storedInBoth },
	];
	/** @type {Record<string, Served>} */
	let served = {};
	for (let round = 0; round < rounds; round++) {
		if (round % ROUNDS_A_PROCESS === 0) {
			await stop(served);
			served = await start(prepared, kinds);
		}
		for (const { status, token, results } of kinds) {
			const requests = calls(count, token);
			for (const name of shuffled(Object.keys(results))) {
				const { cpu, ms, puts, inserts } = await run(served[name], requests, status);
				results[name].cpu.push(cpu / 1000 / count);
				results[name].rate.push((count / ms) * 1000);
				results[name].puts += puts / count / rounds;
				results[name].inserts += inserts / count / rounds;
			}
		}
		progress(round + 1);
	}
	await stop(served);
	kinds.forEach(checkCounts);
	return { stored, rejected, storedInBoth };
}

/**
 * All variants, served and warm.
 * @param {Prepared} prepared
 * @param {Kind[]} kinds
 */
async function start(prepared, kinds) {
	/** @type {Record<string, Served>} */
	const served = {};
	for (const name of [...VARIANTS, ...D1_VARIANTS]) served[name] = await Served.start(prepared[name].path);
	for (const { status, token, results } of kinds) {
		const requests = calls(WARM_UP_CALLS, token);
		for (const name in results) await run(served[name], requests, status);
	}
	return served;
}

/** @param {Record<string, Served>} served */
async function stop(served) {
	for (const name in served) await served[name].stop();
}

/** @type {(names: Name[]) => Results} */
const empty = (names) => Object.fromEntries(names.map((name) => [name, { cpu: [], rate: [], puts: 0, inserts: 0 }]));

/**
 * Each event that was acknowledged must have been stored once in each sink, and nothing else.
 * @param {Kind} kind
 */
function checkCounts({ results, ...expected }) {
	for (const [name, counted] of Object.entries(results)) {
		for (const what of /** @type {const} */ (["puts", "inserts"])) {
			if (Math.abs(counted[what] - expected[what]) > 1e-6) {
				throw new Error(`${name}: ${counted[what]} ${what} a call, not ${expected[what]}`);
			}
		}
	}
}

/** @param {string[]} names */
function shuffled(names) {
	const drawn = names.map((name) => ({ lot: Math.random(), name }));
	return drawn.sort((a, b) => a.lot - b.lot).map(({ name }) => name);
}

/**
 * Sends `requests`; CPU time in ns, time in ms, and how many puts and inserts there were by the last response.
 * @param {Served} served
 * @param {Buffer[]} requests
 * @param {number} status
 */
async function run({ pid, ports }, requests, status) {
	const earlier = await getJson(ports.storage);
	const load = await Load.open(ports.variant, CONNECTIONS);
	const before = cpuTime(pid);
	const ms = await load.send(requests, status);
	const cpu = cpuTime(pid) - before;
	load.close();
	const { puts, inserts } = await getJson(ports.storage);
	return { cpu, ms, puts: puts - earlier.puts, inserts: inserts - earlier.inserts };
}
