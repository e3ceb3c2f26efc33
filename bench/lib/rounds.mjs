// The rounds: in each, every variant gets the same calls, one variant after the other in an order drawn anew.

import { calls } from "./calls.mjs";
import { cpuTime } from "./cpu.mjs";
import { getJson, Load } from "./load.mjs";
import { RECEIVERS, VARIANTS } from "./variants.mjs";
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

const STORED = { status: 200, token: undefined, puts: 1 };
const REJECTED = { status: 401, token: "not the token", puts: 0 };

/**
 * Measures `rounds` rounds of `count` calls. For the stored and the rejected calls, and by variant: `cpu` in µs a call
 * and `rate` in calls a second, each a list with one value a round; and `puts`, how many the stub counted a call.
 */
export async function measure(prepared, { rounds, count, progress }) {
	const kinds = [
		{ ...STORED, results: empty(VARIANTS) },
		{ ...REJECTED, results: empty(RECEIVERS) },
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
				const { cpu, ms, puts } = await run(served[name], requests, status);
				results[name].cpu.push(cpu / 1000 / count);
				results[name].rate.push((count / ms) * 1000);
				results[name].puts += puts / count / rounds;
			}
		}
		progress(round + 1);
	}
	await stop(served);
	const [stored, rejected] = kinds;
	checkPuts(stored);
	checkPuts(rejected);
	return { stored: stored.results, rejected: rejected.results };
}

/** All variants, served and warm. */
async function start(prepared, kinds) {
	const served = {};
	for (const name of VARIANTS) served[name] = await Served.start(prepared[name].path);
	for (const { status, token, results } of kinds) {
		const requests = calls(WARM_UP_CALLS, token);
		for (const name in results) await run(served[name], requests, status);
	}
	return served;
}

async function stop(served) {
	for (const name in served) await served[name].stop();
}

const empty = (names) => Object.fromEntries(names.map((name) => [name, { cpu: [], rate: [], puts: 0 }]));

/** A receiver must have put each event that it acknowledged, and nothing else. */
function checkPuts({ puts: expected, results }) {
	for (const name of RECEIVERS) {
		const { puts } = results[name];
		if (Math.abs(puts - expected) > 1e-6) throw new Error(`${name} put ${puts} times a call, not ${expected}`);
	}
}

function shuffled(names) {
	const drawn = names.map((name) => [Math.random(), name]);
	return drawn.sort(([a], [b]) => a - b).map(([, name]) => name);
}

/** Sends `requests`; CPU time in ns, time in ms, and how many puts there were by the last response. */
async function run({ pid, ports }, requests, status) {
	const { puts } = await getJson(ports.kv);
	const load = await Load.open(ports.variant, CONNECTIONS);
	const before = cpuTime(pid);
	const ms = await load.send(requests, status);
	const cpu = cpuTime(pid) - before;
	load.close();
	return { cpu, ms, puts: (await getJson(ports.kv)).puts - puts };
}
