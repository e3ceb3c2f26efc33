// Events as CSV (RFC 4180), one row a target.

import type { ListedEvent } from "../api/client.ts";
import { isDate } from "./format.ts";

type Value = string | number | null;

const COLUMNS = [
	"event_time",
	"kind",
	"actor",
	"target",
	"platform",
	"client_ip",
	"received_at",
	"sdk_app_id",
	"event_id",
];

/** A spreadsheet takes a cell that begins so for a formula: an id in it could call another server. */
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;
/** What has to be quoted; spaces at the ends too, which some readers drop. */
const QUOTED = /[",\r\n]|^\s|\s$/;

/** A cell: made harmless by an apostrophe, which a spreadsheet takes for the sign of a text. */
function cell(value: Value): string {
	if (value === null) return "";
	const text = FORMULA.test(String(value)) ? `'${value}` : String(value);
	return QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const row = (cells: Value[]) => `${cells.map(cell).join(",")}\r\n`;

/** ISO 8601 in UTC; a time that is no date as its number. */
const time = (ms: number) => (isDate(ms) ? new Date(ms).toISOString() : String(ms));

export const header = row(COLUMNS);

export function rows(event: ListedEvent): string {
	const { id, sdk_app_id: app, kind, from_account: actor, opt_platform: platform, client_ip: ip } = event;
	const [happened, received] = [time(event.event_time), time(event.received_at)];
	return event.to_accounts
		.map((target) => row([happened, kind, actor, target, platform, ip, received, app, id]))
		.join("");
}
