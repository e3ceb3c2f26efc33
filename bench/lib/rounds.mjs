// The rounds: in each, every variant gets the same calls, one variant after the other in an order drawn anew.

import { calls } from "./calls.mjs";
import { cpuTime } from "./cpu.mjs";
import { Connection, Load } from "./load.mjs";
import { RECEIVERS, VARIANTS } from "./variants.mjs";
import { Served } from "./workerd.mjs";

/** As many calls are under way at once. */
export const CONNECTIONS = 16;

/** Calls before the first round, so that the engine has compiled what it will. */
const WARM_UP_CALLS = 6000;

const STORED = { status: 200, token: undefined, puts: 1 };
const REFUSED = { status: 401, token: "not the token", puts: 0 };

/**
 * Measures `rounds` rounds of `count` calls. For the stored and the refused calls, and by variant: `cpu`, in µs for each
 * call, and `rate`, in calls a second, each a list with a value for each round; and `puts`, those that the stub counted for
 * each call over all rounds.
 */
export async function measure(prepared, { rounds, count, progress }) {
	const served = {};
	for (const name of VARIANTS) served[name] = await Variant.start(prepared[name].path);
	const kinds = [
		{ ...STORED, results: empty(VARIANTS) },
		{ ...REFUSED, results: empty(RECEIVERS) },
	];
	for (const kind of kinds) {
		const requests = calls(WARM_UP_CALLS, kind.token);
		for (const name in kind.results) await served[name].run(requests, kind.status);
	}
	for (let round = 1; round <= rounds; round++) {
		for (const { status, token, results } of kinds) {
			const requests = calls(count, token);
			for (const name of shuffled(Object.keys(results))) {
				const { cpu, ms, puts } = await served[name].run(requests, status);
				results[name].cpu.push(cpu / 1000 / count);
				results[name].rate.push((count / ms) * 1000);
				results[name].puts += puts / count / rounds;
			}
		}
		progress(round);
	}
	for (const name of VARIANTS) await served[name].stop();
	const [stored, refused] = kinds;
	checkPuts(stored);
	checkPuts(refused);
	return { stored: stored.results, refused: refused.results };
}

const empty = (names) => Object.fromEntries(names.map((name) => [name, { cpu: [], rate: [], puts: 0 }]));

/** A receiver that answered without having put is none. */
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

/** One variant that is served, with its load. */
class Variant {
	static async start(path) {
		const variant = new Variant();
		variant.served = await Served.start(path);
		variant.load = await Load.open(variant.served.ports.variant, CONNECTIONS);
		variant.kv = await Connection.open(variant.served.ports.kv);
		return variant;
	}

	/** Sends `requests`; CPU time in ns, time in ms, and how many puts there were once the last answer had come. */
	async run(requests, status) {
		const { pid } = this.served;
		const puts = await this.puts();
		const before = cpuTime(pid);
		const ms = await this.load.send(requests, status);
		const cpu = cpuTime(pid) - before;
		return { cpu, ms, puts: (await this.puts()) - puts };
	}

	async puts() {
		return JSON.parse((await this.kv.send(PUTS)).body).puts;
	}

	async stop() {
		this.load.close();
		this.kv.close();
		await this.served.stop();
	}
}

/** Asks the stub for its count. */
const PUTS = Buffer.from("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
