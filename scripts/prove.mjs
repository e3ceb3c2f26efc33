// `make prove URL=https://… APP=1400000000`: shows on a deployed Worker what the tests show on this machine. It sends EVENTS unfollows
// of one made-up user, 1,000 unless set, with the variables CALLBACK_TOKEN and ADMIN_TOKEN; looks for them; and erases the user at
// the end. For a deployment of its own: it takes rows out of the log, and rebuilds the whole log from KV. What it finds goes into
// docs/proof.md, unless the Worker is on this machine.

import { createHash, randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventLog, Refusal, readConfig, refusable, refuseArguments } from "./config.mjs";
import { CONFIG, capture } from "./wrangler.mjs";

/** @import { components } from "../target/types/openapi.d.ts" */
/** @typedef {components["schemas"]} Schemas */

const PAGE = join(import.meta.dirname, "../docs/proof.md");
const [BEGIN, END] = ["<!-- Rows by make prove. -->", "<!-- End of the rows. -->"];

/** More events in the log are not of a deployment of its own; each costs an operation on KV and rows of D1. */
const EVENTS_MAX = 20_000;

/** How many calls are under way at a time. */
const CONCURRENCY = 20;

/** Within how many ms Tencent wants its answer. */
const ANSWER_MS = 2_000;

/** How long is waited for what happens later, in ms: for what the queue brings, and for the trigger of every minute. */
const QUEUE_MS = 5 * 60_000;
const CRON_MS = 8 * 60_000;
const POLL_MS = 2_000;

const { URL: base = "", APP: app = "", ADMIN_TOKEN = "", CALLBACK_TOKEN = "" } = process.env;
const EVENTS = Number(process.env.EVENTS || 1_000);
let webhookPath = "/";
const user = `prove-${randomUUID()}`;
const ofUser = `user=${user}`;

/** @type {[string, string][]} what was looked at, and what was found */
const rows = [];

/** Whether the Worker is on this machine. */
const isHere = () => ["127.0.0.1", "localhost", "[::1]"].includes(new URL(base).hostname);

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @type {(what: string, found: string) => void} */
function note(what, found) {
	rows.push([what, found]);
	console.log(`prove: ${what}: ${found}`);
}

/** @type {(holds: boolean, fault: string) => asserts holds} */
function demand(holds, fault) {
	if (!holds) throw new Refusal(fault);
}

/**
 * Calls the API.
 * @param {string} method
 * @param {string} path
 * @param {number} [none] a status that is answered where there is nothing to do
 * @returns {Promise<unknown>} undefined where it is answered, and where the response has no body
 */
async function api(method, path, none) {
	const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
	const response = await fetch(`${base}/v1/${path}`, { method, headers });
	const text = await response.text();
	if (response.status === none) return undefined;
	demand(response.ok, `${method} /v1/${path.split("?")[0]} was answered ${response.status}: ${text.slice(0, 300)}`);
	return text === "" ? undefined : JSON.parse(text);
}

/**
 * Asks again until there is an answer; how long that took, in s.
 * @param {string} what
 * @param {number} within ms
 * @param {() => Promise<boolean>} holds
 */
async function until(what, within, holds) {
	const begun = performance.now();
	while (!(await holds())) {
		demand(performance.now() - begun < within, `${what}: not within ${within / 1000} s`);
		await pause(POLL_MS);
	}
	return ((performance.now() - begun) / 1000).toFixed(0);
}

/**
 * Calls the webhook as Tencent does. How long the answer took, in ms.
 * @param {number} number of the event
 */
async function unfollow(number) {
	const time = String(Math.floor(Date.now() / 1000));
	const sign = createHash("sha256")
		.update(CALLBACK_TOKEN + time)
		.digest("hex");
	const command = "Follow.CallbackAfterFollowDelete";
	const query = `SdkAppid=${app}&CallbackCommand=${command}&contenttype=json&ClientIP=127.0.0.1&OptPlatform=RESTAPI`;
	const event = {
		CallbackCommand: command,
		From_Account: user,
		To_Account: [`${user}-${number}`],
		EventTime: Date.now(),
	};
	const begun = performance.now();
	const url = `${base}${webhookPath}?${query}&Sign=${sign}&RequestTime=${time}`;
	const response = await fetch(url, { method: "POST", body: JSON.stringify(event) });
	const text = await response.text();
	const took = performance.now() - begun;
	demand(
		response.ok && text.includes('"ActionStatus":"OK"'),
		`event ${number}: ${response.status} ${text.slice(0, 300)}`,
	);
	return took;
}

async function sends() {
	/** @type {number[]} */
	const took = [];
	let next = 0;
	const sender = async () => {
		while (next < EVENTS) took.push(await unfollow(next++));
	};
	await Promise.all(Array.from({ length: CONCURRENCY }, sender));
	took.sort((one, other) => one - other);
	const at = (/** @type {number} */ share) =>
		Math.round(took[Math.min(took.length - 1, Math.floor(share * took.length))]);
	demand(at(1) < ANSWER_MS, `the slowest of ${EVENTS} answers took ${at(1)} ms`);
	note(
		`${EVENTS} events, ${CONCURRENCY} at a time`,
		`all OK; median ${at(0.5)} ms, 99 % ${at(0.99)} ms, slowest ${at(1)} ms`,
	);
}

/** How many unfollows of the user the log counts. */
async function counted() {
	const { following } = /** @type {Schemas["User"]} */ (await api("GET", `users/${app}?${ofUser}`));
	return following.removed;
}

/** Rebuilds the log from KV. */
async function reindex() {
	let [indexed, calls] = [0, 0];
	/** @type {string | null} */
	let cursor = null;
	do {
		const from = cursor === null ? "" : `?cursor=${encodeURIComponent(cursor)}`;
		const step = /** @type {Schemas["Reindexed"]} */ (await api("POST", `reindex${from}`));
		[indexed, calls, cursor] = [indexed + step.indexed, calls + 1, step.cursor];
	} while (cursor !== null);
	return `${indexed} events in ${calls} calls`;
}

/** Takes the user's events out of the log, as a database that was lost has none, and brings them back. */
async function restores() {
	const database = eventLog(readConfig(CONFIG))?.database_name ?? "DB";
	const where = isHere() ? "--local" : "--remote";
	const sql = `DELETE FROM events WHERE app = ${Number(app)} AND record ->> '$.from_account' = '${user}'`;
	const { status, output } = capture(["d1", "execute", database, where, "--yes", "--command", sql, "--config", CONFIG]);
	demand(status === 0, `wrangler d1 execute failed:\n${output}`);
	demand((await counted()) === 0, "the log still counts what was deleted from it");
	const said = await reindex();
	demand((await counted()) === EVENTS, `after the reindex the log counts ${await counted()} of ${EVENTS} events`);
	note("restore: rows deleted from D1, and the log rebuilt from KV", said);
}

/** Whether something of the user is left in the log or the dead letters. */
async function erases() {
	let [deleted, calls] = [0, 0];
	/** @type {Schemas["Erased"]} */
	let step;
	do {
		step = /** @type {Schemas["Erased"]} */ (await api("DELETE", `users/${app}?${ofUser}`));
		[deleted, calls] = [deleted + step.deleted, calls + 1];
	} while (step.more);
	/** @type {string | null} */
	let cursor = step.search_needed ? "" : null;
	while (cursor !== null) {
		const path = `users/${app}/records?${ofUser}${cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`}`;
		const searched = /** @type {Schemas["ErasedRecords"]} */ (await api("DELETE", path));
		[deleted, calls, cursor] = [deleted + searched.deleted, calls + 1, searched.cursor];
	}
	const { events } = /** @type {Schemas["EventPage"]} */ (await api("GET", `events?app=${app}&${ofUser}`));
	demand(events.length === 0 && (await counted()) === 0, "the log still has events of the erased user");
	note("erasure", `${deleted} events and dead letters in ${calls} calls; nothing left`);
}

async function prove() {
	const status = /** @type {Schemas["Status"]} */ (await api("GET", "status"));
	demand(status.role === "admin", "ADMIN_TOKEN is needed, not VIEWER_TOKEN");
	demand(status.settings.length === 0, `settings are invalid: ${status.settings.map(({ name }) => name).join(", ")}`);
	demand(
		["kv", "d1"].every((sink) => status.sinks.some((it) => it === sink)),
		"SINKS needs kv and d1",
	);
	webhookPath = status.webhook_path;
	const stats = /** @type {Schemas["Stats"]} */ (
		await api("GET", `stats?app=${app}&bucket=day&since=${Date.now() - 365 * 86_400_000}`)
	);
	const others = stats.buckets.reduce((sum, { unfollows, follows }) => sum + unfollows + follows, 0);
	demand(
		others <= EVENTS_MAX,
		`the log has ${others} events: this is for a deployment of its own, with ${EVENTS_MAX} at most`,
	);
	note("version, plan, sinks; migrations applied", `${status.version}, ${status.plan}, ${status.sinks.join("+")}`);

	try {
		await sends();
		const late = await until("all events in the log", QUEUE_MS, async () => (await counted()) === EVENTS);
		const page = /** @type {Schemas["EventPage"]} */ (await api("GET", `events?app=${app}&${ofUser}&limit=1`));
		const [{ id }] = page.events;
		await api("GET", `events/${app}/${id}`);
		note("the log has and counts each, and KV has the latest", `after ${late} s`);

		if (status.sinks.some((sink) => sink === "origin")) {
			await api("POST", `events/${app}/${id}/replay`);
			const took = await until("the replayed event at the backend", QUEUE_MS, async () => {
				const { deliveries } = /** @type {Schemas["DeliveryPage"]} */ (
					await api("GET", `deliveries?app=${app}&state=delivered`)
				);
				return deliveries.some(({ event_id }) => event_id === id);
			});
			note("queue: a replay came to the backend", `after ${took} s`);
		} else note("queue: a replay came to the backend", "not looked at: SINKS has no origin");

		if (status.plan === "paid") {
			const asOf = async () => /** @type {Schemas["Top"]} */ (await api("GET", `top?app=${app}&by=lost`)).as_of;
			const first = await asOf();
			await unfollow(EVENTS);
			const took = await until("a ranking renewed by the cron trigger", CRON_MS, async () => (await asOf()) !== first);
			await api("DELETE", `events/${app}/${await newest()}`);
			note("cron: a ranking was renewed", `after ${took} s`);
		} else note("cron: a ranking was renewed", "not looked at: PLAN is free");

		const tested = /** @type {Schemas["TestedAlerts"] | undefined} */ (await api("POST", "alerts/test", 409));
		const failed = tested?.targets.filter(({ taken }) => !taken) ?? [];
		demand(failed.length === 0, `test messages failed: ${failed.map(({ service }) => service).join(", ")}`);
		note("alerts: test messages", tested ? `${tested.targets.length} taken` : "not looked at: ALERT_URLS is unset");
		await restores();
	} finally {
		await erases();
	}
	if (!isHere()) write();
}

async function newest() {
	const page = /** @type {Schemas["EventPage"]} */ (await api("GET", `events?app=${app}&${ofUser}&limit=1`));
	return page.events[0]?.id;
}

/** Writes what was found into the page. */
function write() {
	const page = readFileSync(PAGE, "utf8");
	const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
	const table = ["| what | found |", "| --- | --- |", ...rows.map(([what, found]) => `| ${what} | ${found} |`)].join(
		"\n",
	);
	const date = new Date().toISOString().slice(0, 10);
	writeFileSync(PAGE, `${page.slice(0, from)}${BEGIN}\n\n${date}:\n\n${table}\n\n${page.slice(to)}`);
}

await refusable(async () => {
	refuseArguments("prove");
	for (const [name, text] of Object.entries({ URL: base, APP: app, ADMIN_TOKEN, CALLBACK_TOKEN }))
		demand(text !== "", `${name} is not set.`);
	demand(
		URL.canParse(base) && new URL(base).pathname === "/" && !base.endsWith("/"),
		"URL is the Worker's, without a path.",
	);
	demand(/^[1-9]\d{0,14}$/.test(app), "APP is an SDKAppID.");
	demand(Number.isInteger(EVENTS) && EVENTS >= 1 && EVENTS <= 10_000, "EVENTS is a number from 1 to 10000.");
	await prove();
});
