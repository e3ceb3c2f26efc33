// The demo: the built Worker on a state of its own, an origin that fails now and then, and a day of calls for three apps,
// some of them rejected. Then a call every few seconds. Everything it writes is in a folder that is removed at its end.

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "smol-toml";
import { Refusal, readConfig, refuseArguments } from "./config.mjs";
import { applyMigrations, checkPort, isEnding, Serving, serve, step } from "./serve.mjs";

/** @import { AddressInfo } from "node:net" */

const ROOT = join(import.meta.dirname, "..");
const PORT = process.env.PORT || "8787";
/** The sender's program, which demo.sh builds. */
const SENDER = process.env.SENDER ?? "";

const APP = "1400000000";
const SMALLER_APP = "1400000001";
const NEW_APP = "1400000002";
const UNKNOWN_APP = "1499999999";
const ANCHOR = "anchor-mei";
const TOKEN = randomBytes(16).toString("hex");
const ADMIN_TOKEN = randomBytes(16).toString("hex");

/**
 * Each is one run of the sender; in all of them together, everything happens that the page can show.
 * @type {string[][]}
 */
const DAY = [
	[
		"--app",
		APP,
		"--users",
		"400",
		"--count",
		"420",
		"--mix",
		"follow=3,unfollow=1",
		"--spread",
		"24h",
		"--platform",
		"Android",
	],
	[
		"--app",
		SMALLER_APP,
		"--users",
		"90",
		"--count",
		"130",
		"--mix",
		"follow=2,unfollow=1",
		"--spread",
		"24h",
		"--platform",
		"iOS",
	],
	[
		"--app",
		NEW_APP,
		"--users",
		"20",
		"--count",
		"30",
		"--mix",
		"follow=1,unfollow=1",
		"--spread",
		"6h",
		"--platform",
		"Web",
	],
	[
		"--app",
		APP,
		"--users",
		"400",
		"--to",
		ANCHOR,
		"--kind",
		"follow",
		"--count",
		"25",
		"--spread",
		"24h",
		"--platform",
		"iOS",
	],
	[
		"--app",
		APP,
		"--users",
		"400",
		"--to",
		ANCHOR,
		"--kind",
		"unfollow",
		"--count",
		"80",
		"--spread",
		"3h",
		"--platform",
		"iOS",
	],
	["--app", APP, "--probe"],
];
/**
 * Calls that the Worker rejects: a wrong token, an app that is not ours, a RequestTime that is too old.
 * @type {string[][]}
 */
const REJECTED = [
	["--app", APP, "--users", "9", "--count", "12", "--token", "not-the-token"],
	["--app", UNKNOWN_APP, "--users", "9", "--count", "5"],
	["--app", SMALLER_APP, "--users", "9", "--count", "4", "--age", "120"],
];
const NEXT_EVERY_MS = 5_000;

/**
 * An origin that fails for some events, by their number: one in 40 is answered 508, the first time only, so that it becomes
 * a dead letter at once and can be replayed; one in 15 is late by two retries; one in 60 is never taken.
 */
async function startOrigin() {
	/** @type {Map<string, { number: number, attempt: number }>} the next attempt of each event, by its body */
	const attempts = new Map();
	const answer = (/** @type {string} */ event) => {
		const { number, attempt } = attempts.get(event) ?? { number: attempts.size + 1, attempt: 1 };
		attempts.set(event, { number, attempt: attempt + 1 });
		if (number % 40 === 0) return attempt === 1 ? 508 : 200;
		if (number % 60 === 1) return 503;
		if (number % 15 === 2) return attempt <= 2 ? 503 : 200;
		return 200;
	};
	const server = createServer(async (request, response) => {
		const body = await request.toArray().catch(() => []);
		response.writeHead(answer(Buffer.concat(body).toString())).end();
	});
	server.listen(0, "127.0.0.1").unref();
	await once(server, "listening");
	return /** @type {AddressInfo} */ (server.address()).port;
}

/**
 * A folder for the Worker's configuration and state, which is removed when this process ends.
 * @param {number} originPort
 */
function makeFolder(originPort) {
	const folder = mkdtempSync(join(tmpdir(), "unfollow-demo-"));
	process.on("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));
	const { build: _, ...config } = readConfig(join(ROOT, "wrangler.toml"));
	config.name = "unfollow-demo";
	config.main = join(ROOT, config.main);
	config.assets.directory = join(ROOT, config.assets.directory);
	for (const database of config.d1_databases) database.migrations_dir = join(ROOT, database.migrations_dir);
	const settings = {
		SDK_APP_IDS: [APP, SMALLER_APP, NEW_APP].join(","),
		CALLBACK_TOKEN: TOKEN,
		ADMIN_TOKEN,
		SINKS: "kv,d1,origin",
		ORIGIN_URL: `http://127.0.0.1:${originPort}/`,
		RETRY_BASE_SECONDS: "5",
	};
	writeFileSync(join(folder, "wrangler.toml"), stringify(config));
	const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
	writeFileSync(join(folder, ".dev.vars"), lines.join(""), { mode: 0o600 });
	return folder;
}

/**
 * Runs the sender; gives what it says where it does not end as it should.
 * @param {string} url
 * @param {string[]} args
 * @param {number} [expected] its exit code
 */
async function send(url, args, expected = 0) {
	const sender = spawn(SENDER, ["--url", `${url}/`, "--timeout", "20", ...args], {
		stdio: ["ignore", "ignore", "pipe"],
		env: { ...process.env, CALLBACK_TOKEN: TOKEN },
	});
	const [said, [code]] = await Promise.all([sender.stderr.toArray(), once(sender, "close")]);
	return code === expected ? undefined : Buffer.concat(said).toString();
}

/** @param {string} url */
async function sendDay(url) {
	const runs = [...DAY.map((args) => ({ args, expected: 0 })), ...REJECTED.map((args) => ({ args, expected: 1 }))];
	for (const { args, expected } of runs) {
		const problem = await send(url, [...args, "--concurrency", args.includes("--probe") ? "1" : "4"], expected);
		// Ctrl-C ends the sender too.
		if (isEnding()) return await new Promise(() => {});
		if (problem !== undefined) throw new Refusal(`The sender did not end as expected:\n${problem}`);
	}
}

/**
 * A new event from time to time, so that the page has something to show as it happens.
 * @param {string} url
 */
async function goOn(url) {
	for (let number = 0; ; number++) {
		await new Promise((passed) => setTimeout(passed, NEXT_EVERY_MS));
		await send(url, ["--app", APP, "--from", `user-${100 + (number % 300)}`, "--to", ANCHOR, "--platform", "iOS"]);
	}
}

await serve(async () => {
	refuseArguments("demo");
	await checkPort(PORT, "demo");
	const folder = makeFolder(await startOrigin());
	await applyMigrations(folder, "demo");
	const serving = new Serving({ name: "demo", folder, port: PORT, log: join(ROOT, "target/log/demo.log") });
	await step("demo: starting wrangler", "5 s", () => serving.answers());
	await step("demo: sending a day of events", "15 s", () => sendDay(serving.url));
	console.log(`
Page:        ${serving.url}/dashboard
ADMIN_TOKEN: ${ADMIN_TOKEN}

What there is to see:
- three apps with a day of follows and unfollows; in ${APP}, ${ANCHOR} has lost many followers in the last three hours
- deliveries to a backend that fails now and then: some are retried, and some are dead letters, which a replay delivers
- calls that were rejected: a wrong Sign, an unknown app, a RequestTime that is too old
- a new event every ${NEXT_EVERY_MS / 1000} s

Ctrl-C ends this and removes all of it.
`);
	await goOn(serving.url);
});
