// `make soak`: sends many events to the Worker while its engines fail, its senders break off and its process is killed, has the
// dead letters replayed, and searches every sink for each event that was acknowledged. EVENTS and SEED are in the environment; one
// seed repeats a run. D1_WRITES is the Worker's setting: direct, or batched. BUILD is the folder of another build of the Worker, to see
// whether the soak finds a fault in it.
// With 100,000 events or more, the figures go into docs/reliability.md.

import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chanceOf } from "./lib/chance.mjs";
import { APP, eventsOf } from "./lib/events.mjs";
import { faultsOf, SLOW_MS } from "./lib/faults.mjs";
import { Origin } from "./lib/origin.mjs";
import { tableOf, write } from "./lib/report.mjs";
import { pause, sendAll } from "./lib/senders.mjs";
import { verify } from "./lib/verify.mjs";
import { ADMIN_TOKEN, Worker } from "./lib/worker.mjs";

/** @import { Counts, Order } from "./storage.mjs" */
/** @import { Calls } from "./lib/senders.mjs" */
/** @import { D1Writes } from "./lib/worker.mjs" */

/** Fewer events are no proof for the page. */
const PAGE_MIN = 100_000;

const COUNT = Number(process.env.EVENTS || PAGE_MIN);
const SEED = Number(process.env.SEED || Math.floor(Math.random() * 1_000_000));
const D1_WRITES = /** @type {D1Writes} */ (process.env.D1_WRITES || "direct");
const BUILD = process.env.BUILD || fileURLToPath(new URL("../build", import.meta.url));

/** The Worker is killed once in so many events, and at least four times. */
const KILL_EVERY = Math.min(10_000, Math.ceil(COUNT / 4));

/** How long the queues may take to become empty without any message being settled, in ms. */
const DRAIN_WITHIN_MS = 120_000;

/** Stands for the app of a dead letter that was stored unread. */
const NO_APP = "0";

/** How often dead letters are replayed at most: what fails again becomes one again. */
const ROUNDS_MAX = 10;

/** How long a call of the API is made again, in ms. */
const API_WITHIN_MS = 60_000;

const POLL_MS = 100;

if (!Number.isInteger(COUNT) || COUNT < 1 || !Number.isInteger(SEED))
	throw new Error("EVENTS and SEED must be whole numbers");
if (!["direct", "batched"].includes(D1_WRITES)) throw new Error("D1_WRITES is direct or batched");
const begun = performance.now();
const say = (/** @type {string} */ text) =>
	console.log(`soak: ${Math.round((performance.now() - begun) / 1000)} s: ${text}`);

const folder = mkdtempSync(join(tmpdir(), "soak-"));
const storage = fork(fileURLToPath(new URL("storage.mjs", import.meta.url)), [folder, String(SEED)]);
process.once("exit", () => {
	storage.kill("SIGKILL");
	rmSync(folder, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
storage.once("exit", (code) => {
	console.error(`soak: the storage process ended with ${code}`);
	process.exit(1);
});

const tell = (/** @type {Order} */ order) => storage.send(order);

/** @returns {Promise<{ port: number, counts: Counts }>} one of them, by what was asked */
const fromStorage = () => new Promise((resolve) => storage.once("message", resolve));

async function counts() {
	tell({ ask: true });
	return (await fromStorage()).counts;
}

/** Waits until the queues are empty, as long as something is settled. */
async function drain() {
	let [last, since] = ["", performance.now()];
	for (;;) {
		const now = await counts();
		if (now.pending === 0) return;
		const progress = JSON.stringify(now);
		if (progress !== last) [last, since] = [progress, performance.now()];
		if (performance.now() - since > DRAIN_WITHIN_MS) throw new Error(`the queues do not become empty: ${progress}`);
		await pause(POLL_MS);
	}
}

let kills = 0;
let restarted = Promise.resolve();

/**
 * Kills the Worker and starts it again, after the restarts before.
 * @param {Worker} worker
 */
function restart(worker) {
	restarted = restarted.then(async () => {
		kills++;
		await worker.kill();
		await worker.start();
	});
	return restarted;
}

/**
 * Calls the operator's API, again where an engine failed or the Worker was killed meanwhile.
 * @param {Worker} worker
 * @param {string} method
 * @param {string} path
 * @returns {Promise<unknown>}
 */
async function api(worker, method, path) {
	const begun = performance.now();
	for (;;) {
		try {
			const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
			const response = await fetch(`http://127.0.0.1:${await worker.ready}/v1/${path}`, { method, headers });
			if (response.ok) return await response.json();
			throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
		} catch (error) {
			if (performance.now() - begun > API_WITHIN_MS) throw error;
			await pause(POLL_MS);
		}
	}
}

/**
 * The dead letters of this app, as far as one page lists them.
 * @param {Worker} worker
 * @param {string} app
 */
async function deadLetters(worker, app) {
	const page = await api(worker, "GET", `dead-letters?app=${app}`);
	return /** @type {{ dead_letters: { id: string }[] }} */ (page).dead_letters;
}

/**
 * Replays all dead letters until there is none.
 * @param {Worker} worker
 */
async function replayAll(worker) {
	for (let round = 0; round < ROUNDS_MAX; round++) {
		/** @type {string | null} */
		let cursor = null;
		let calls = 0;
		do {
			/** @type {Promise<unknown>} */
			const call = api(worker, "POST", `dead-letters/${APP}/replay${cursor === null ? "" : `?cursor=${cursor}`}`);
			// One of them is cut off by a kill.
			if (round === 0 && ++calls === 3) await restart(worker);
			({ cursor } = /** @type {{ cursor: string | null }} */ (await call));
		} while (cursor !== null);
		await drain();
		// Each on its own: what the Worker has stored unread, because it came again and again, and what says that it is replayed
		// though that was cut off.
		for (const app of [APP, NO_APP])
			for (const { id } of await deadLetters(worker, app))
				await api(worker, "POST", `dead-letters/${app}/${id}/replay`);
		await drain();
		const left = [...(await deadLetters(worker, APP)), ...(await deadLetters(worker, NO_APP))];
		if (left.length === 0) return;
	}
}

async function run() {
	const origin = new Origin(faultsOf(SEED));
	const ports = { origin: await origin.start(), storage: (await fromStorage()).port };
	const worker = new Worker(folder, BUILD, ports, D1_WRITES);
	process.once("exit", () => worker.end());
	worker.onFront = (front = 0) => tell({ front });
	await worker.start();
	say(`EVENTS=${COUNT} SEED=${SEED} D1_WRITES=${D1_WRITES}`);

	const chance = chanceOf(SEED);
	const eventOf = eventsOf(SEED);
	/** @type {(number: number, calls: Calls) => void} */
	const before = (number, calls) => {
		const turn = Math.floor(number / KILL_EVERY);
		if (number === Math.floor((turn + chance("kill", turn)) * KILL_EVERY)) void restart(worker);
		if (number % 10_000 === 0) say(`${number} sent, ${calls.acknowledged.size} acknowledged`);
	};
	const calls = await sendAll({ count: COUNT, seed: SEED, eventOf, worker, before });
	say(`all sent: ${calls.acknowledged.size} acknowledged, ${JSON.stringify(calls.others)}`);
	await drain();
	say("the queues are empty");
	origin.repair();
	tell({ repair: true });
	await replayAll(worker);
	// What is slow may still be under way.
	await pause(2 * SLOW_MS);
	const state = await counts();
	say(`${state.dead_lettered} dead letters, ${state.replayed} replayed`);

	const found = verify({ folder, count: COUNT, eventOf, acknowledged: calls.acknowledged, origin, queue: state });
	const run = { count: COUNT, seed: SEED, d1Writes: D1_WRITES, calls, found, origin, storage: state, kills };
	console.log(`faults met: ${JSON.stringify({ ...state.met, origin: origin.met })}`);
	console.log(`queues: ${JSON.stringify({ ...state, met: undefined })}`);
	console.log(`stored though not acknowledged: ${JSON.stringify(found.unacknowledged)}`);
	console.log(tableOf(run));
	for (const text of found.wrong.slice(0, 20)) console.error(`soak: wrong: ${text}`);
	if (found.lost.length)
		console.error(`soak: LOST: ${found.lost.length}, such as ${found.lost.slice(0, 10).join(", ")}`);
	const is_proved = found.lost.length === 0 && found.wrong.length === 0;
	say(is_proved ? "nothing was lost" : "failed");
	if (is_proved && COUNT >= PAGE_MIN) write(run);
	return is_proved ? 0 : 1;
}

process.exit(await run());
