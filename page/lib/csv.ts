// Events as CSV (RFC 4180), one row a target.

import type { ListedEvent } from "../api/client.ts";
import { isDate } from "./format.ts";

type Value = string | number | null;

/** A spreadsheet takes a cell that begins so for a formula: an id in it could call another server. */
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;
/** What has to be quoted; spaces at the ends too, which some readers drop. */
const QUOTED = /[",\r\n]|^\s|\s$/;

/** A cell: made harmless by an apostrophe, which a spreadsheet takes for the sign of a text. */
function cell(value: Value): string {
	const text = `${FORMULA.test(String(value)) ? "'" : ""}${value ?? ""}`;
	return QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const row = (...cells: Value[]) => `${cells.map(cell).join(",")}\r\n`;

/** ISO 8601 in UTC; a time that is no date as its number. */
const time = (ms: number) => (isDate(ms) ? new Date(ms).toISOString() : ms);

export const header = "event_time,kind,actor,target,platform,client_ip,received_at,sdk_app_id,event_id\r\n";

export function rows({ id, sdk_app_id: app, kind, from_account: actor, to_accounts: targets, ...rest }: ListedEvent) {
	const [happened, received] = [time(rest.event_time), time(rest.received_at)];
	const { opt_platform: platform, client_ip: ip } = rest;
	return targets.map((target) => row(happened, kind, actor, target, platform, ip, received, app, id)).join("");
}
