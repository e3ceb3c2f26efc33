// Events as CSV (RFC 4180), one row a target.

/** @import { ListedEvent } from "./api.js" */

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

/**
 * A cell: made harmless by an apostrophe, which a spreadsheet takes for the sign of a text.
 * @param {string | number | null | undefined} value
 */
function cell(value) {
	if (value === null || value === undefined) return "";
	const text = FORMULA.test(String(value)) ? `'${value}` : String(value);
	return QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const row = (/** @type {(string | number | null)[]} */ cells) => `${cells.map(cell).join(",")}\r\n`;

/** ISO 8601 in UTC; a time that is no date as its number. */
const time = (/** @type {number} */ ms) => (Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms));

export const header = row(COLUMNS);

/** @param {ListedEvent} event */
export function rows(event) {
	const {
		id,
		sdk_app_id: app,
		kind,
		from_account: actor,
		to_accounts: targets,
		opt_platform: platform,
		client_ip: ip,
	} = event;
	const [happened, received] = [time(event.event_time), time(event.received_at)];
	return targets.map((target) => row([happened, kind, actor, target, platform, ip, received, app, id])).join("");
}
