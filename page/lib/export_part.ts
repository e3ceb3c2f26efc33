// What a part of an export (`GET /v1/export`) has. Its text is the Worker's; here it is only counted, and in JSON Lines its last
// line is taken off, which is none of the file.

import { type Format, Problem } from "../api/client.ts";

/** How the files are named and typed. */
export const FILES: Record<Format, { extension: string; type: string }> = {
	spreadsheet: { extension: "csv", type: "text/csv" },
	jsonl: { extension: "jsonl", type: "application/x-ndjson" },
	csv: { extension: "csv", type: "text/csv" },
};

export interface ExportPart {
	/** What of it belongs into the file. */
	text: string;
	/** The ids of its events, newest first, without those that are damaged. */
	ids: string[];
	/** The ids of the events that the log has damaged: not in a file of JSON Lines, and in CSV no more than their time and id. */
	damaged: string[];
}

/** @throws Problem where it is no part, or not a whole one: something between the Worker and the page may answer too */
export function readPart(format: Format, text: string): ExportPart {
	try {
		return format === "jsonl" ? ofLines(text) : ofRows(text);
	} catch {
		throw new Problem(200);
	}
}

function ofLines(text: string): ExportPart {
	const lines = text.trimEnd().split("\n");
	const last = lines.pop() ?? "";
	const { damaged } = JSON.parse(last) as { damaged?: string[] };
	if (damaged === undefined) throw new Error("the last line is not that of a part");
	const ids = lines.map((line) => (JSON.parse(line) as { id: string }).id);
	return { text: lines.map((line) => `${line}\n`).join(""), ids, damaged };
}

function ofRows(text: string): ExportPart {
	const [ids, damaged] = [new Set<string>(), new Set<string>()];
	// Without what is in quotes, commas and line ends are those between cells. Time, kind and id never are in quotes.
	const rows = text.replaceAll(/"[^"]*"/g, "").split("\r\n");
	if (rows.pop() !== "") throw new Error("the last row does not end");
	for (const row of rows) {
		const cells = row.split(",");
		const id = cells.at(-1) ?? "";
		if (/^\d{13}-[0-9a-f]{32}$/.test(id)) (cells[1] === "" ? damaged : ids).add(id);
		else if (id !== "event_id") throw new Error("a row has no id");
	}
	return { text, ids: [...ids], damaged: [...damaged] };
}

/** When the event of an id happened, in Unix ms. */
export const timeOfId = (id: string) => 9_999_999_999_999 - Number(id.slice(0, 13));
