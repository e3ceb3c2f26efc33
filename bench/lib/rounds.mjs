// The rounds: in each, every variant gets the same calls, one variant after the other in an order drawn anew.

import { calls } from "./calls.mjs";
import { cpuTime } from "./cpu.mjs";
import { getJson, Load } from "./load.mjs";
import { D1_RECEIVERS, RECEIVERS, VARIANTS } from "./variants.mjs";
import { Served } from "./workerd.mjs";

/** As many calls are under way at once. */
export const CONNECTIONS = 16;

/**
 * After so many rounds, every variant gets a new process: two processes of identical code differ by some percent for as
 * long as they live.
 */
export const ROUNDS_A_PROCESS = 4;

/** Calls before the first round of a process, so that V8 has compiled what it will. */
const WARM_UP_CALLS = 3000;

/** The kinds of calls, each with the response's status, and how many puts into KV and inserts into D1 it takes. */
const STORED = { status: 200, token: undefined, puts: 1, inserts: 0 };
const REJECTED = { status: 401, token: "not the token", puts: 0, inserts: 0 };
const STORED_IN_BOTH = { status: 200, token: undefined, puts: 1, inserts: 1 };

/**
 * Measures `rounds` rounds of `count` calls. For the calls that are stored in KV, rejected, and stored in KV and D1, and
 * by variant: `cpu` in µs a call and `rate` in calls a second, each a list with one value a round; and `puts` and
 * `inserts`, how many the stub counted a call.
 */
export async function measure(prepared, { rounds, count, progress }) {
	const kinds = [
		{ ...STORED, results: empty(VARIANTS) },
		{ ...REJECTED, results: empty(RECEIVERS) },
		{ ...STORED_IN_BOTH, results: empty(D1_RECEIVERS) },
	];
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
	const [stored, rejected, storedInBoth] = kinds.map(({ results }) => results);
	return { stored, rejected, storedInBoth };
}

/** All variants, served and warm. */
async function start(prepared, kinds) {
	const served = {};
	for (const name of [...VARIANTS, ...D1_RECEIVERS]) served[name] = await Served.start(prepared[name].path);
	for (const { status, token, results } of kinds) {
		const requests = calls(WARM_UP_CALLS, token);
		for (const name in results) await run(served[name], requests, status);
	}
	return served;
}

async function stop(served) {
	for (const name in served) await served[name].stop();
}

const empty = (names) => Object.fromEntries(names.map((name) => [name, { cpu: [], rate: [], puts: 0, inserts: 0 }]));

/** Each event that was acknowledged must have been stored once in each sink, and nothing else. */
function checkCounts({ results, ...expected }) {
	for (const [name, counted] of Object.entries(results)) {
		for (const what of ["puts", "inserts"]) {
			if (Math.abs(counted[what] - expected[what]) > 1e-6) {
				throw new Error(`${name}: ${counted[what]} ${what} a call, not ${expected[what]}`);
			}
		}
	}
}

function shuffled(names) {
	const drawn = names.map((name) => [Math.random(), name]);
	return drawn.sort(([a], [b]) => a - b).map(([, name]) => name);
}

/** Sends `requests`; CPU time in ns, time in ms, and how many puts and inserts there were by the last response. */
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
