// `make bench`: our Worker beside JavaScript that does the same, on workerd. Checks that they do the same, measures,
// and writes docs/benchmarks.md. `--check` only checks. With ROUNDS below 21 the page is printed and not written.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { check } from "./lib/check.mjs";
import { memory } from "./lib/memory.mjs";
import { report } from "./lib/report.mjs";
import { roundTrips } from "./lib/round_trips.mjs";
import { measure } from "./lib/rounds.mjs";
import { starts } from "./lib/starts.mjs";
import { BASE, prepareAll } from "./lib/variants.mjs";

const PAGE = fileURLToPath(new URL("../docs/benchmarks.md", import.meta.url));

/** Fewer rounds are too noisy for the page. */
const ROUNDS_MIN = 21;
const ROUNDS = Number(process.env.ROUNDS ?? 32);
const CALLS = 1500;
const STARTS = 30;

/**
 * Those whose starts are measured.
 * @type {Name[]}
 */
const STARTED = BASE ? ["ours", "javascript", "base"] : ["ours", "javascript"];

/** @import { Name } from "./lib/variants.mjs" */

/** What the results depend on. */
function machine() {
	return {
		date: new Date().toISOString().slice(0, 10),
		cpu: cpus()[0].model.trim(),
		cores: cpus().length,
		kernel: release(),
		workerd: execFileSync("workerd", ["--version"], { encoding: "utf8" }).trim(),
		node: process.version,
		load: loadavg()[0].toFixed(1),
	};
}

/** @param {number} round of those that are over */
function progress(round) {
	if (process.stderr.isTTY) process.stderr.write(`\rbench: round ${round} of ${ROUNDS}${round === ROUNDS ? "\n" : ""}`);
}

/** @param {string} folder for what is measured */
async function run(folder) {
	const began = performance.now();
	const here = machine();
	const prepared = await prepareAll(folder);
	const agreed = await check(prepared);
	console.log(
		`bench: ours, JavaScript and Hono agree on ${agreed.agreed} calls, ${agreed.rejected} of them rejected; ` +
			"so do ours and JavaScript with SINKS=kv,d1",
	);
	if (process.argv.includes("--check")) return;

	const measured = await measure(prepared, { rounds: ROUNDS, count: CALLS, progress });
	const trips = Math.max(await roundTrips(prepared.ours.path), await roundTrips(prepared.ours_d1.path));
	const begun = await starts(prepared, STARTED, ROUNDS < ROUNDS_MIN ? ROUNDS : STARTS);
	const resident = await memory(prepared, ["ours", "javascript"]);
	const seconds = Math.round((performance.now() - began) / 1000);
	const results = {
		...measured,
		trips,
		starts: begun,
		resident,
		prepared,
		agreed,
		seconds,
		machine: here,
		count: CALLS,
		rounds: ROUNDS,
	};
	const page = report(results);
	if (ROUNDS < ROUNDS_MIN) return console.log(page);
	mkdirSync(dirname(PAGE), { recursive: true });
	writeFileSync(PAGE, page);
	console.log(page.slice(page.indexOf("## Targets"), page.indexOf("## CPU time")));
	console.log(`bench: docs/benchmarks.md was written after ${seconds} s`);
}

if (!Number.isInteger(ROUNDS) || ROUNDS < 1) throw new Error("ROUNDS must be an integer, 1 or more");
const folder = mkdtempSync(join(tmpdir(), "bench-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
await run(folder);
// Ends what is still running.
process.exit();
