// What the questions of the API cost on a log of EVENTS events (10,000 unless it is set): rows of D1 that are read and written, and ms.
// BASE is the checkout that was built, this one unless it is set: an earlier one can be measured beside it. Fails where a number of rows is
// above its bound. See docs/scale.md.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "smol-toml";
import { unstable_splitSqlQuery } from "wrangler";
import { Host } from "../../tests/host/host.mjs";
import { APP, batches, INSERT } from "./log.mjs";

const HERE = join(import.meta.dirname, "../..");
const ROOT = process.env.BASE ?? HERE;
const EVENTS = Number(process.env.EVENTS ?? 10_000);
const TOKEN = "a-token-of-the-benchmark";
/** Whether it renews rankings: earlier ones sum them up each time. */
const RENEWS = readdirSync(join(ROOT, "migrations")).some((file) => file.includes("rankings"));
const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;

/** Writes the Worker's configuration, and that of the one between it and D1; gives their paths. */
function configs(/** @type {string} */ folder) {
	const { build: _, ...config } = /** @type {any} */ (parse(readFileSync(join(ROOT, "wrangler.toml"), "utf8")));
	config.main = join(ROOT, config.main);
	config.assets.directory = join(ROOT, config.assets.directory);
	config.vars = { SDK_APP_IDS: String(APP), ALLOW_UNSIGNED: "true", SINKS: "d1", PLAN: "paid", ADMIN_TOKEN: TOKEN };
	config.d1_databases = [];
	config.services = [{ binding: "DB", service: "counting", entrypoint: "DB" }];
	const counting = {
		name: "counting",
		main: join(HERE, "tests/runtime/counting_d1.js"),
		compatibility_date: config.compatibility_date,
		compatibility_flags: ["service_binding_extra_handlers"],
		services: [{ binding: "OURS", service: config.name }],
		d1_databases: [{ binding: "DB", database_name: "unfollow-events" }],
	};
	return [counting, config].map((one) => {
		const path = join(folder, one.name);
		mkdirSync(path);
		writeFileSync(join(path, "wrangler.toml"), stringify(one));
		return join(path, "wrangler.toml");
	});
}

/** @typedef {{ sql: string, read: number, written: number }} Cost */

const folder = mkdtempSync(join(tmpdir(), "unfollow-scale-"));
const host = await Host.start({ configs: configs(folder), state: join(folder, "state"), onLog: () => {} });
let hasFailed = false;

/** @param {[string, ...(string | number)[]][]} statements */
async function sql(...statements) {
	const response = await fetch(`${host.url}/sql`, { method: "POST", body: JSON.stringify(statements) });
	if (!response.ok) throw new Error(await response.text());
	return /** @type {Promise<{ read: number, written: number, size: number, rows: any[] }[]>} */ (response.json());
}

/** What each statement of the Worker has cost since this was last asked; without the counts of calls, which have their own times. */
async function costs() {
	const all = /** @type {Cost[]} */ (await (await fetch(`${host.url}/costs`)).json());
	return all.filter(({ sql }) => !sql.startsWith("INSERT INTO call_counts"));
}

/**
 * Prints what something costs.
 *
 * @param {string} name
 * @param {() => Promise<unknown>} what
 * @param {{ read?: number, written?: number, times?: number }} [bounds] the most rows; and how often it is done in their time
 */
async function measure(name, what, { read = Number.POSITIVE_INFINITY, written = 0, times = 1 } = {}) {
	await costs();
	const begun = performance.now();
	const result = await what();
	const ms = performance.now() - begun;
	const all = await costs();
	const sum = (/** @type {"read" | "written"} */ of) => times * all.reduce((rows, cost) => rows + cost[of], 0);
	const isOver = sum("read") > read || sum("written") > written;
	hasFailed ||= isOver;
	const numbers = [sum("read"), sum("written"), all.length, ms.toFixed(0)].map((it) => String(it).padStart(9)).join("");
	console.log(`${name.padEnd(58)}${numbers}${isOver ? `  at most ${read} read, ${written} written` : ""}`);
	return result;
}

/** @param {string} path */
async function get(path) {
	const response = await fetch(`${host.url}/v1/${path}`, { headers: { authorization: `Bearer ${TOKEN}` } });
	if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
	return /** @type {Promise<any>} */ (response.json());
}

/**
 * @param {string} actor
 * @param {string[]} targets
 * @param {number} time
 */
async function send(actor, targets, time) {
	const query = `SdkAppid=${APP}&CallbackCommand=Follow.CallbackAfterFollowDelete&contenttype=json`;
	const body = JSON.stringify({ From_Account: actor, To_Account: targets, EventTime: time });
	const response = await fetch(`${host.url}/?${query}`, { method: "POST", body });
	if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
}

const scheduled = () => fetch(`${host.url}/scheduled`);

/** @param {string} path */
const users = async (path) => JSON.stringify((await get(path)).users);

try {
	for (const file of readdirSync(join(ROOT, "migrations")).sort())
		await sql(
			.../** @type {[string][]} */ (
				unstable_splitSqlQuery(readFileSync(join(ROOT, "migrations", file), "utf8")).map((statement) => [statement])
			),
		);
	const [empty] = await sql(["SELECT 1"]);
	// Not in the first minutes of an hour: the hour before is not packed then.
	const now = Date.now();
	const begun = performance.now();
	let written = 0;
	for (const batch of batches(EVENTS, now)) written += (await sql([INSERT, JSON.stringify(batch)]))[0].written;
	const [{ rows: heaviest }] = await sql([
		"SELECT user, count(*) AS events FROM event_users WHERE role = 'target' GROUP BY user ORDER BY events DESC LIMIT 1",
	]);
	const { user, events } = heaviest[0];
	const seconds = ((performance.now() - begun) / 1000).toFixed(0);
	console.log(
		`${EVENTS} events in ${seconds} s, ${(written / EVENTS).toFixed(2)} rows written each; the heaviest has ${events}`,
	);
	console.log(`${"".padEnd(58)}${["read", "written", "queries", "ms"].map((it) => it.padStart(9)).join("")}`);

	const [full] = await sql(["SELECT 1"]);
	/** Makes rankings too old, and adds an event. */
	const age = () =>
		sql(["UPDATE rankings SET as_of = as_of - 3600000"], [INSERT, JSON.stringify([...batches(1, Date.now())][0])]);

	const since = (/** @type {number} */ days) => now - days * DAY;
	await measure("a list of 100", () => get("events?limit=100"), { read: 210 });
	await measure("a list of 50 of the heaviest user", () => get(`events?limit=50&user=${user}`), { read: 260 });
	await measure("a chart of 30 days", () => get(`stats?since=${since(30)}`), { read: 750 });
	await measure("a chart of 30 days of the heaviest user", () => get(`stats?since=${since(30)}&user=${user}`), {
		read: 1500,
	});
	await measure("the totals of the heaviest user", () => get(`users/${APP}?user=${user}`), { read: 100 });
	for (const [days, bound] of [
		[1, 12],
		[7, 1],
		[30, 1],
	]) {
		const path = `top?since=${since(days)}&limit=100`;
		const first = await measure(`top of ${days} days, for the first time`, () => users(path), { written: 1 });
		const again = await measure("… again", () => users(path), { read: 1000, written: 1 });
		const plain = await users(`${path}&until=${now + HOUR}`);
		if (first !== again || first !== plain) throw new Error("the rankings differ");
		if (first === "[]") throw new Error("nobody is ranked");
		if (!RENEWS) continue;
		await age();
		await measure("… its first renewal, which packs all hours", scheduled, { written: 1000 });
		// As after an hour.
		await age();
		await sql(["DELETE FROM packed_counts WHERE hour = (SELECT max(hour) FROM packed_counts)"]);
		const renewal = { read: 100_000, written: 100, times: bound };
		await measure(`… renewals of an hour (${bound})`, scheduled, renewal);
		await sql(["UPDATE rankings SET as_of = as_of - 3600000"]);
		await measure("… renewal where nothing has changed", scheduled, { read: 100, written: 10 });
		await sql(["DELETE FROM rankings"]);
	}
	await measure("an event of one target", () => send("viewer-new", ["anchor-new"], now), { written: 7 });
	await measure("an event of one target, the second of its hour", () => send("viewer-new", ["anchor-new"], now + 1), {
		written: 6,
	});
	await measure("its repeat", () => send("viewer-new", ["anchor-new"], now + 1));
	await measure("an event of the heaviest user", () => send("viewer-new", [user], now + 2), { written: 6 });
	const twenty = Array.from({ length: 20 }, (_, number) => `anchor-new-${number}`);
	await measure("an event of 20 targets", () => send("viewer-new", twenty, now + 3), { written: 6 + 19 * 3 });
	const oldest =
		"SELECT app, kind, event_time, hash FROM events WHERE app = ?1 AND kind = 'unfollow' ORDER BY event_time LIMIT 1000";
	const times = Math.min(EVENTS / 5, 50_000) / 1000;
	const deleted = [];
	for (let time = 0; time < times; time++)
		deleted.push(...(await sql([`DELETE FROM events WHERE (app, kind, event_time, hash) IN (${oldest})`, APP])));
	const each = deleted.reduce((rows, { written }) => rows + written, 0) / deleted.length / 1000;
	console.log(`${each.toFixed(2)} rows written by a deletion, oldest first`);
	await measure("the totals of the heaviest user after it", () => get(`users/${APP}?user=${user}`), { read: 100 });
	console.log(`${((full.size - empty.size) / EVENTS).toFixed(0)} bytes an event`);
} finally {
	await host.stop();
	rmSync(folder, { recursive: true, force: true });
}
process.exit(hasFailed ? 1 : 0);
