// The results as docs/benchmarks.md: what was aimed at and what was measured first, then how.

import { basename } from "node:path";
import { sizeOf, wasmSections } from "./sizes.mjs";
import { median, pairedRatios, spread } from "./stats.mjs";
import { CONNECTIONS, ROUNDS_A_PROCESS } from "./rounds.mjs";
import { OURS, RECEIVERS, TITLES, VARIANTS } from "./variants.mjs";

/** Most bytes of gzip that the Worker is to have, wasm and JavaScript together. */
const GZIP_MAX = 75_000;

/** The whole page. */
export function report({ stored, refused, starts, prepared, agreed, machine, count, rounds, seconds }) {
	const cpu = (results, name) => results[name].cpu;
	const ratio = (results, a, b) => pairedRatios(cpu(results, a), cpu(results, b));
	const start = { ours: spread(starts.ours), javascript: spread(starts.javascript) };
	const later = start.ours.median - start.javascript.median;
	const sizes = OURS.map((path) => ({ name: basename(path), ...sizeOf(path) }));
	const gzip = sizes.reduce((sum, { gzip }) => sum + gzip, 0);
	const puts = stored.ours.puts;
	const targets = [
		atMost("CPU per stored event, ours / hand-written JavaScript", 0.85, ratio(stored, "ours", "javascript")),
		atMost("CPU per stored event, ours / floor", 1.2, ratio(stored, "ours", "floor")),
		atMost("CPU per refused call, ours / hand-written JavaScript", 0.8, ratio(refused, "ours", "javascript")),
		target("start to first answer, ours − JavaScript", "≤ 10 ms", `${later.toFixed(1)} ms`, later <= 10),
		target("wasm and JavaScript, gzip", `≤ ${bytes(GZIP_MAX)}`, bytes(gzip), gzip <= GZIP_MAX),
		target("storage round trips before the acknowledgement", "1", puts.toFixed(3).replace(".000", ""), puts < 1.0005),
	];
	const others = [
		["stored, ours / Hono", ratio(stored, "ours", "hono")],
		["stored, ours / static answer", ratio(stored, "ours", "static")],
		["stored, input and output alone / floor", ratio(stored, "io", "floor")],
		["stored, ours / input and output alone", ratio(stored, "ours", "io")],
		["stored, hand-written JavaScript / floor", ratio(stored, "javascript", "floor")],
		["stored, Hono / hand-written JavaScript", ratio(stored, "hono", "javascript")],
		["refused, ours / Hono", ratio(refused, "ours", "hono")],
	];
	return `# Benchmarks

${machine.date}, on ${machine.cpu} (${machine.cores} cores), Linux ${machine.kernel}, ${machine.workerd}.
The load comes from Node ${machine.node} on the same machine, whose load average before the run was ${machine.load}.
All from one run of \`make bench\`, which wrote this page: ${rounds} rounds of ${count} calls, ${seconds} s.

## Targets

Ratios are of CPU time, paired within each round: the median, and the quartiles in brackets.

${table(["", "target", "measured", ""], targets)}

Other ratios:

${table(["CPU time", "ratio"], others.map(([title, ratios]) => [title, bracketed(ratios)]))}

## CPU time and rate

CPU time is that of the whole workerd process, the stub KV in it included; medians over the rounds, with quartiles. The
rate is of one process on this machine with ${CONNECTIONS} calls under way, while the load runs on the same cores.

${table(["stored event", "CPU, µs a call", "calls a second", "puts a call"], rows(VARIANTS, stored))}

${table(["refused call (bad Sign)", "CPU, µs a call", "calls a second", "puts a call"], rows(RECEIVERS, refused))}

## From start to first answer

From the start of the workerd process to its answer to a stored event, ${starts.ours.length} starts each, by turns.

${table(["", "median, ms", "quartiles, ms"], ["ours", "javascript"].map((name) => startRow(name, start[name])))}

## Size

${table(["part", "bytes", "gzip -9"], [...sizes, total(sizes)].map(sizeRow))}

The wasm consists of ${parts(OURS[1])}. The peers, bundled and minified: ${peerSizes(prepared)}.

## How it is measured

- Each variant runs in a \`workerd serve\` of its own. All of them run all the time and get the same calls: Tencent's
  sample, signed anew in each round, each call with an \`EventTime\` of its own. In each round the variants come in an
  order drawn anew. Identical code differs by a tenth from round to round; so ratios are made within a round, and a
  median is taken of them. It also differs from process to process; so all get new processes, and a warm-up, after
  every ${ROUNDS_A_PROCESS} rounds.
- CPU time is user and system time of all threads of the process, from the kernel's accounting (\`schedstat\`), read
  before and after a round's calls to a variant.
- The KV binding is workerd's own, before a stub in the same process that reads each put, counts it and says OK. So all
  variants pay for the real client and for the same stub. A stub in another process was tried; the
  difference was less than the noise.
- *Static answer* reads nothing. *Floor* is JavaScript that only reads the body, puts it and answers: no check, no
  record, no log line. *Input and output alone* is JavaScript that also reads the head, sets a timer, puts metadata with
  the record and writes the log line, and still checks nothing. *Hand-written JavaScript* and *Hono* make all the
  checks, the record, the metadata, the log line and the deadline with a second attempt that ours makes; they share
  their rules, in \`bench/peers/rules/\`. JSON.parse cannot see that a member stands twice, nor how a number is spelt:
  those two checks are ours alone. The peers set a timer for each wait, ours one a call. They have what this call needs
  and no more: no queue, relay, API, health check, retention or unsigned calls.
- Before anything is measured, ${agreed.agreed} calls of the test vectors (${agreed.refused} of them to be refused)
  go to ours, the hand-written one and Hono. Each has to give the same answer, key, value, metadata (but for
  \`received_at\`) and log line.
- Any answer but 200 to a stored event, or but 401 to a bad Sign, fails the run; so does a receiver that did not put
  each stored event, or put a refused one.
- Log lines are written, and go to \`/dev/null\`.

Not measured: Cloudflare's network, its KV and its own accounting of CPU time; TLS; other events than one with two
targets; memory.

Run it with \`make bench\`, best on a machine that does nothing else. \`ROUNDS=3 make bench\` is quick: it prints, and
leaves this page alone.
`;
}

const bracketed = ({ q1, median, q3 }) => `${median.toFixed(2)} (${q1.toFixed(2)}–${q3.toFixed(2)})`;

const target = (title, aim, measured, met) => [title, aim, measured, met ? "met" : "**not met**"];

const atMost = (title, limit, ratios) =>
	target(title, `≤ ${limit.toFixed(2)}`, bracketed(ratios), ratios.median <= limit);

const bytes = (count) => `${count.toLocaleString("en-GB")} bytes`;

function rows(names, results) {
	return names.map((name) => {
		const { cpu, rate, puts } = results[name];
		const { q1, median: middle, q3 } = spread(cpu);
		const quartiles = `${middle.toFixed(0)} (${q1.toFixed(0)}–${q3.toFixed(0)})`;
		return [TITLES[name], quartiles, median(rate).toFixed(0), puts.toFixed(0)];
	});
}

const startRow = (name, { q1, median, q3 }) => [TITLES[name], median.toFixed(1), `${q1.toFixed(1)}–${q3.toFixed(1)}`];

const total = (sizes) => ({
	name: "together",
	raw: sizes.reduce((sum, { raw }) => sum + raw, 0),
	gzip: sizes.reduce((sum, { gzip }) => sum + gzip, 0),
});

const sizeRow = ({ name, raw, gzip }) => [name, raw.toLocaleString("en-GB"), gzip.toLocaleString("en-GB")];

function parts(path) {
	const { code, data, other } = wasmSections(path);
	return `${bytes(code)} of code, ${bytes(data)} of data and ${bytes(other)} of anything else`;
}

function peerSizes(prepared) {
	const size = (name) => `${TITLES[name]} ${bytes(sizeOf(prepared[name].bundle).raw)}`;
	return ["javascript", "hono"].map(size).join(", ");
}

function table(head, rows) {
	const line = (cells) => `| ${cells.join(" | ")} |`;
	return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
