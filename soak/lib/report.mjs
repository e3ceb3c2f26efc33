// The row of a run in docs/reliability.md. A later run with the same seed replaces it.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const PAGE = fileURLToPath(new URL("../../docs/reliability.md", import.meta.url));

/** @import { Counts } from "../storage.mjs" */
/** @import { Origin } from "./origin.mjs" */
/** @import { Calls } from "./senders.mjs" */
/** @import { Found } from "./verify.mjs" */
/**
 * A run that is over.
 * @typedef {object} Run
 * @property {number} count of events
 * @property {number} seed
 * @property {string} d1Writes
 * @property {Calls} calls
 * @property {Found} found
 * @property {Origin} origin
 * @property {Counts} storage
 * @property {number} kills
 */

/** The rows stand between these two lines, after the head of the table. */
const BEGIN = "<!-- Rows by make soak. -->";
const END = "<!-- End of the rows. -->";

const HEAD = [
	"| command | acknowledged | rejected | no answer | broken off | in KV | in D1 | at the origin | delivered again | dead-lettered | replayed | kills | lost |",
	"| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |",
].join("\n");

/** @type {(others: Record<string, number>, beginning: string) => number} */
const sum = (others, beginning) =>
	Object.entries(others).reduce((sum, [end, count]) => sum + (end.startsWith(beginning) ? count : 0), 0);

/**
 * The row as Markdown.
 * @param {Run} run
 */
function rowOf({ count, seed, d1Writes, calls, found, origin, storage, kills }) {
	const command = `\`make soak EVENTS=${count} SEED=${seed} D1_WRITES=${d1Writes}\``;
	const figures = [
		calls.acknowledged.size,
		sum(calls.others, "rejected"),
		sum(calls.others, "no answer"),
		sum(calls.others, "broken off"),
		found.stored.kv,
		found.stored.d1,
		found.stored.origin,
		origin.repeated,
		storage.dead_lettered,
		storage.replayed,
		kills,
		found.lost.length,
	];
	return `| ${[command, ...figures.map((figure) => figure.toLocaleString("en-US"))].join(" | ")} |`;
}

/** The table with this row alone. */
export const tableOf = (/** @type {Run} */ run) => `${HEAD}\n${rowOf(run)}`;

/**
 * Writes the row into the page.
 * @param {Run} run
 */
export function write(run) {
	const page = readFileSync(PAGE, "utf8");
	const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
	if (from < 0 || to < from) throw new Error(`docs/reliability.md has no place for the rows: ${BEGIN} … ${END}`);
	const command = rowOf(run).split("`")[1];
	const rows = page
		.slice(from, to)
		.split("\n")
		.filter((line) => line.startsWith("| `") && !line.includes(`\`${command}\``));
	const table = [BEGIN, "", HEAD, ...rows, rowOf(run), "", ""].join("\n");
	writeFileSync(PAGE, page.slice(0, from) + table + page.slice(to));
}
