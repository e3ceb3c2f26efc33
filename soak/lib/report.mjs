// The row of a run in docs/reliability.md. A later run with the same seed replaces it.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const PAGE = fileURLToPath(new URL("../../docs/reliability.md", import.meta.url));

/** The rows stand between these two lines, after the head of the table. */
const BEGIN = "<!-- Rows by make soak. -->";
const END = "<!-- End of the rows. -->";

const HEAD = [
	"| command | acknowledged | rejected | no answer | broken off | in KV | in D1 | at the origin | delivered again | dead-lettered | replayed | kills | lost |",
	"| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |",
].join("\n");

const sum = (others, beginning) =>
	Object.entries(others).reduce((sum, [end, count]) => sum + (end.startsWith(beginning) ? count : 0), 0);

/** The row as Markdown. */
function rowOf({ count, seed, calls, found, origin, storage, kills }) {
	const command = `\`make soak EVENTS=${count} SEED=${seed}\``;
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
export const tableOf = (run) => `${HEAD}\n${rowOf(run)}`;

/** Writes the row into the page. */
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
