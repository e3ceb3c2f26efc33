// The results as docs/benchmarks.md: targets and measurements first, then how they were measured.

import { basename } from "node:path";
import { LIMITS, sizeOf, wasmParts } from "../../scripts/sizes.mjs";
import { CALLS as MEMORY_CALLS } from "./memory.mjs";
import { DELAY_MS } from "./round_trips.mjs";
import { CONNECTIONS, ROUNDS_A_PROCESS } from "./rounds.mjs";
import { median, pairedRatios, spread } from "./stats.mjs";
import { BASE, D1_VARIANTS, OURS, REJECTING, TITLES, VARIANTS } from "./variants.mjs";

/**
 * @import { Size } from "../../scripts/sizes.mjs"
 * @import { Spread } from "./stats.mjs"
 * @import { Measured, Results } from "./rounds.mjs"
 * @import { Start } from "./starts.mjs"
 * @import { Name, Prepared } from "./variants.mjs"
 */
/**
 * All that was found out.
 * @typedef {object} Findings
 * @property {Results} stored calls whose events are stored in KV
 * @property {Results} rejected calls with a wrong Sign
 * @property {Results} storedInBoth calls whose events are stored in KV and D1
 * @property {number} trips storage round trips before the acknowledgement
 * @property {Record<string, Start[]>} starts by variant
 * @property {Record<string, number>} resident bytes of memory after many calls, by variant
 * @property {Prepared} prepared
 * @property {{ agreed: number, rejected: number }} agreed calls on which the receivers agree, and how many of these they reject
 * @property {Record<"date" | "cpu" | "cores" | "kernel" | "workerd" | "node" | "load", string | number>} machine
 * @property {number} count calls a round
 * @property {number} rounds
 * @property {number} seconds
 */
/** @typedef {(string | number)[]} Cells of a row */

/** Bytes of wasm, and how much more memory than the hand-written JavaScript ours may have. */
const WASM_MAX = 700_000;
const MORE_MEMORY_MAX = 12_000_000;

/**
 * The whole page.
 * @param {Findings} findings
 */
export function report(findings) {
	const { stored, rejected, storedInBoth, trips, prepared, agreed, machine, count, rounds, seconds, resident } =
		findings;
	/** @type {(results: Results, a: Name, b: Name) => Spread} */
	const ratio = (results, a, b) => pairedRatios(results[a].cpu, results[b].cpu);
	/** @type {(of: (start: Start) => number, a: Name, b: Name) => Spread} */
	const startRatio = (of, a, b) => pairedRatios(findings.starts[a].map(of), findings.starts[b].map(of));
	const firstCall = (/** @type {Start} */ { call }) => call;
	const both = (/** @type {Start} */ { cpu, call }) => cpu + call;
	const sizes = OURS.map((path) => ({ name: basename(path), ...sizeOf(path) }));
	const more = resident.ours - resident.javascript;
	const targets = [
		atMost("CPU per stored event, ours / hand-written JavaScript", 0.92, ratio(stored, "ours", "javascript")),
		atMost("CPU per rejected call, ours / hand-written JavaScript", 0.72, ratio(rejected, "ours", "javascript")),
		atMost(
			"stored in KV and D1, ours / hand-written JavaScript",
			0.97,
			ratio(storedInBoth, "ours_d1", "javascript_d1"),
		),
		atMost("CPU of the first call, ours / hand-written JavaScript", 1.9, startRatio(firstCall, "ours", "javascript")),
		atMost(
			"start and first call together, ours / hand-written JavaScript",
			1.45,
			startRatio(both, "ours", "javascript"),
		),
		target("wasm", `≤ ${bytes(WASM_MAX)}`, bytes(sizes[1].raw), sizes[1].raw <= WASM_MAX),
		target(
			`memory after ${MEMORY_CALLS.toLocaleString("en-GB")} calls, ours − hand-written JavaScript`,
			`≤ ${(MORE_MEMORY_MAX / 1e6).toFixed(0)} MB`,
			`${(more / 1e6).toFixed(1)} MB`,
			more <= MORE_MEMORY_MAX,
		),
		target("storage round trips before the acknowledgement", "1", String(trips), trips === 1),
		...(BASE === ""
			? []
			: [
					atMost("stored, ours / the other build", 0.92, ratio(stored, "ours", "base")),
					atMost("rejected, ours / the other build", 0.86, ratio(rejected, "ours", "base")),
					atMost("stored in KV and D1, ours / the other build", 0.94, ratio(storedInBoth, "ours_d1", "base_d1")),
					atMost("CPU of the first call, ours / the other build", 0.8, startRatio(firstCall, "ours", "base")),
					atMost("start and first call together, ours / the other build", 0.9, startRatio(both, "ours", "base")),
				]),
	];
	/** @type {[title: string, ratios: Spread][]} */
	const others = [
		["stored, ours / hand-written JavaScript with one timer a call", ratio(stored, "ours", "javascript_one_timer")],
		["stored, ours with `LOG=problems` / ours", ratio(stored, "ours_problems", "ours")],
		["stored, ours / Hono", ratio(stored, "ours", "hono")],
		["rejected, ours / Hono", ratio(rejected, "ours", "hono")],
		["stored, Hono / hand-written JavaScript", ratio(stored, "hono", "javascript")],
		["stored, ours / floor", ratio(stored, "ours", "floor")],
	];
	return `# Benchmarks

${machine.date}, on ${machine.cpu} (${machine.cores} cores), Linux ${machine.kernel}, ${machine.workerd}.
The load comes from Node ${machine.node} on the same machine, whose load average before the run was ${machine.load}.
All figures are from one run of \`make bench\`, which wrote this page: ${rounds} rounds of ${count} calls, ${seconds} s.
*Ours* is this Worker, as \`make build\` builds it.${BASE === "" ? "" : " *The other build* is an earlier one of it, in the same run."}

## Targets

Ratios are of CPU time, paired within each round: the median, and the quartiles in brackets.

${table(["", "target", "measured", ""], targets)}

Other ratios:

${table(
	["CPU time", "ratio"],
	others.map(([title, ratios]) => [title, bracketed(ratios)]),
)}

## CPU time and rate

CPU time is that of the whole workerd process, including the stub that stands in for KV and D1: the median over the
rounds, and the quartiles in brackets. The rate is that of one process with ${CONNECTIONS} calls in flight, while the load runs on
the same cores.

${callTable("stored event, `SINKS=kv`", VARIANTS, stored, ["puts"])}

${callTable("stored event, `SINKS=kv,d1`", D1_VARIANTS, storedInBoth, ["puts", "inserts"])}

${callTable("rejected call (wrong Sign)", REJECTING, rejected, ["puts"])}

## Start and first call

${findings.starts.ours.length} starts each, by turns. CPU time is that of the process until it listens and is idle, and then until it is idle
again after a stored event; the last column is the time from the start of a process to its response to an event that is sent at once.

${table(["", "CPU of the start, ms", "CPU of the first call, ms", "start to first response, ms"], startRows(findings.starts))}

## Size

${table(["part", "bytes", "gzip -9"], [...sizes, total(sizes)].map(sizeRow))}

\`make build\` fails above ${bytes(LIMITS.gzip)} of gzip, ${bytes(LIMITS.wasm)} of wasm, or ${bytes(LIMITS.future)} of the function of a call's
future. Those are guards against accidents, not targets.
The wasm consists of ${parts(OURS[1])}. The peers, bundled and minified: ${peerSizes(prepared)}.

## How it is measured

- Each variant runs in a \`workerd serve\` of its own, with a compiled configuration, in which the stub comes first. All of them run throughout and get the same calls: Tencent's
  sample, signed anew in each round, each call with an \`EventTime\` of its own. Each round takes the variants in a new
  random order. Identical code differs by up to a tenth between rounds, so each ratio is taken within a round, and the
  median over the rounds is reported. Identical code also differs between processes, so all variants get new processes,
  and a warm-up, every ${ROUNDS_A_PROCESS} rounds.
- CPU time is the user and system time of all threads of the process, from the kernel's accounting (\`schedstat\`), read
  before and after each round's calls to a variant.
- The KV binding is workerd's own, in front of a stub in the same process that reads each put, counts it and responds
  with OK. So all variants pay for the real client and for the same stub. A stub in another process was tried; the
  difference was less than the noise.
- KV is the only sink, except with \`SINKS=kv,d1\`: there, ours and the hand-written JavaScript also insert the event into
  D1, with the same statement and parameters, side by side with the put, and respond when both are done. The D1 client is
  workerd's own too. The same stub reads each insert, counts it and responds as D1 does; no SQL is run. There, ours also
  writes its counts of calls now and then, after the response. Without \`d1\` in \`SINKS\`, no database is bound. Queues are never bound.
- Storage round trips are counted by time: the stub takes ${DELAY_MS} ms for each request, and ours responds after once or
  several times that. The figure is the larger of those for \`SINKS=kv\` and \`SINKS=kv,d1\`.
- *Floor* is JavaScript that reads the body, puts it and responds: no checks, no record, no log. It shows how much of the
  CPU time is workerd's own.
- *Hand-written JavaScript* and *Hono* make the same checks, build the same record and metadata, write the same log
  record, and hold the same deadline, with the same second attempt, as ours: with a timer for each wait, as is usual, and in
  one variant with one timer a call, as ours. They share their rules, in \`bench/peers/rules/\`. JSON.parse does not show duplicate members: that check is ours alone. The peers have no more
  than this call needs: no queues, relay, API, health check, retention or unsigned calls.
- Before anything is measured, ${agreed.agreed} calls of the test vectors (${agreed.rejected} of them to be rejected) go to
  ours, the hand-written JavaScript and Hono. All must give the same response, key, value, metadata (apart from
  \`received_at\`) and log record. With \`SINKS=kv,d1\`, ours and the hand-written
  JavaScript must also send D1 the same statement and parameters.
- The run fails if a stored event gets any status but 200, or a wrong Sign any but 401, and if the stub counts more or
  fewer puts, or inserts, than events that were acknowledged.
- Memory is the resident memory of the process, stub included, after ${MEMORY_CALLS.toLocaleString("en-GB")} stored events.
- Log records are written, and go to \`/dev/null\`; with \`LOG=problems\`, ours has none of what is stored.

Not measured: Cloudflare's network, its KV and D1, and its own accounting of CPU time; TLS; events with other than two
targets.

Run it with \`make bench\`, preferably on an idle machine. \`ROUNDS=3 make bench\` is quick; with fewer than 21 rounds the
page is printed and not written. \`BASE=<folder> make bench\` measures another build of the Worker beside this one: the folder has its
\`index.js\` and \`index_bg.wasm\`.
`;
}

/** @param {Spread} spread */
const bracketed = ({ q1, median, q3 }) => `${median.toFixed(2)} (${q1.toFixed(2)}–${q3.toFixed(2)})`;

/** @type {(title: string, aim: string, measured: string, met: boolean) => Cells} */
const target = (title, aim, measured, met) => [title, aim, measured, met ? "met" : "**not met**"];

/** @type {(title: string, limit: number, ratios: Spread) => Cells} */
const atMost = (title, limit, ratios) =>
	target(title, `≤ ${limit.toFixed(2)}`, bracketed(ratios), ratios.median <= limit);

const bytes = (/** @type {number} */ count) => `${count.toLocaleString("en-GB")} bytes`;

/**
 * One row for each of `names`.
 * @param {string} title
 * @param {Name[]} names
 * @param {Results} results
 * @param {("puts" | "inserts")[]} counted what the stub counted
 */
function callTable(title, names, results, counted) {
	const rows = names.map((name) => {
		const { cpu, rate, ...counts } = results[name];
		const { q1, median: middle, q3 } = spread(cpu);
		const quartiles = `${middle.toFixed(0)} (${q1.toFixed(0)}–${q3.toFixed(0)})`;
		return [TITLES[name], quartiles, median(rate).toFixed(0), ...counted.map((what) => counts[what].toFixed(0))];
	});
	const head = [title, "CPU, µs a call", "calls a second", ...counted.map((what) => `${what} a call`)];
	return table(head, rows);
}

/**
 * One row for each variant.
 * @param {Record<string, Start[]>} starts
 */
function startRows(starts) {
	const cell = (/** @type {number[]} */ values) => {
		const { q1, median: middle, q3 } = spread(values);
		return `${middle.toFixed(1)} (${q1.toFixed(1)}–${q3.toFixed(1)})`;
	};
	return Object.entries(starts).map(([name, times]) => [
		TITLES[/** @type {Name} */ (name)],
		...[times.map(({ cpu }) => cpu), times.map(({ call }) => call), times.map(({ wall }) => wall)].map(cell),
	]);
}

const total = (/** @type {Size[]} */ sizes) => ({
	name: "together",
	raw: sizes.reduce((sum, { raw }) => sum + raw, 0),
	gzip: sizes.reduce((sum, { gzip }) => sum + gzip, 0),
});

/** @type {(size: Size & { name: string }) => Cells} */
const sizeRow = ({ name, raw, gzip }) => [name, raw.toLocaleString("en-GB"), gzip.toLocaleString("en-GB")];

/** @param {string} path of a wasm file */
function parts(path) {
	const { code, data, other } = wasmParts(path).sections;
	return `${bytes(code)} of code, ${bytes(data)} of data and ${bytes(other)} of anything else`;
}

/** @param {Prepared} prepared */
function peerSizes(prepared) {
	const size = (/** @type {Name} */ name) => `${TITLES[name]} ${bytes(sizeOf(prepared[name].bundle).raw)}`;
	return [size("javascript"), size("hono")].join(", ");
}

/**
 * @param {string[]} head
 * @param {Cells[]} rows
 */
function table(head, rows) {
	const line = (/** @type {Cells} */ cells) => `| ${cells.join(" | ")} |`;
	return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
