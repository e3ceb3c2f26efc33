// The steps of a deployment. Each refusal is one sentence that says what to do.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { allowsUnsigned, appIds, Refusal, readConfig, refusable, refuseArguments } from "./config.mjs";
import { checkDatabase, checkEnvironment, prepareDatabase } from "./database.mjs";
import { unknownSettings, unknownWarning } from "./names.mjs";
import { build, invalidSettings, missingLines } from "./settings.mjs";
import { CONFIG, capture, namesIn, refuse, run } from "./wrangler.mjs";

/** @import { Config } from "./config.mjs" */
/** @import { InvalidSetting } from "./serve.mjs" */

// A new workers.dev name takes some seconds to answer, and other places may serve the version before for as long.
const WAIT_SECONDS = Number(process.env.DEPLOY_WAIT_SECONDS ?? 30);
const HEALTHY_IN_A_ROW = 3;

/** The names of the Worker's secrets; none where there is no such Worker yet. */
function listSecrets() {
	const { status, stdout, output } = capture(["secret", "list", "--config", CONFIG]);
	const names = status === 0 ? namesIn(stdout) : undefined;
	if (names !== undefined) return names;
	if (/Worker "[^"]*" not found/.test(output)) return [];
	return refuse(output, "The Worker's secrets cannot be listed, so nothing was deployed");
}

/** @param {Config} config */
function checkApps({ vars }) {
	if (appIds(vars).length > 0) return;
	return 'SDK_APP_IDS is missing from [vars] in wrangler.toml: write the SDKAppID there (SDK_APP_IDS = "1400000000").';
}

/**
 * Each call for an app without a callback token would be rejected, or accepted from anyone.
 * @param {Config} config
 * @param {string[]} secrets their names
 */
function checkCallbackTokens({ vars }, secrets) {
	// Not asked for where it does not matter.
	if (allowsUnsigned(vars)) return;
	const isSet = (/** @type {string} */ name) => secrets.includes(name) || name in vars;
	if (isSet("CALLBACK_TOKEN")) return;
	const without = appIds(vars).filter((id) => !isSet(`CALLBACK_TOKEN_${id}`));
	if (without.length === 0) return;
	return (
		`No callback token is set for ${without.join(", ")}: run \`npx wrangler secret put CALLBACK_TOKEN\` ` +
		`(or CALLBACK_TOKEN_${without[0]}, for that app alone; before the first deployment, this makes the Worker too), ` +
		'or accept unsigned calls with ALLOW_UNSIGNED = "true" in [vars].'
	);
}

/**
 * @param {Config} config
 * @param {string[]} secrets their names
 */
function checkAdminToken({ vars }, secrets) {
	if (secrets.includes("ADMIN_TOKEN") || "ADMIN_TOKEN" in vars) return;
	return (
		"No ADMIN_TOKEN is set for the API and the page: run `npx wrangler secret put ADMIN_TOKEN` " +
		"and enter a random text of 16 characters or more."
	);
}

const SECRET = /^(ADMIN_TOKEN|VIEWER_TOKEN|METRICS_TOKEN|CALLBACK_TOKEN(_\d+)?(_PREVIOUS)?|ORIGIN_SECRET(_PREVIOUS)?)$/;

/**
 * Anyone who can read wrangler.toml, or its history, knows what is in [vars].
 * @param {Config} config
 */
function checkVars({ vars }) {
	const name = Object.keys(vars).find((name) => SECRET.test(name));
	if (name === undefined) return;
	return (
		`${name} is a secret and does not belong in [vars] of wrangler.toml: ` +
		`delete it there, and run \`npx wrangler secret put ${name}\` with a new value.`
	);
}

/**
 * The Worker recognises its queues by their names (Source::of in src/delivery/consumer.rs), and needs the first two or none.
 * @param {Config} config
 */
function checkQueues({ queues: { producers = [], consumers = [] } }) {
	const bound = (/** @type {string} */ binding) => producers.find((producer) => producer.binding === binding)?.queue;
	const deliveries = bound("DELIVERIES");
	const deadLetters = bound("DEAD_LETTERS");
	if (deliveries === undefined && deadLetters === undefined && consumers.length === 0) return;
	if (deliveries === undefined || deadLetters === undefined) {
		const missing = deliveries === undefined ? "DELIVERIES" : "DEAD_LETTERS";
		return `${missing} is not bound to a queue in wrangler.toml: bind both DELIVERIES and DEAD_LETTERS, or remove every queue.`;
	}
	if (!deliveries.includes("deliveries") || deliveries.includes("dead-letters")) {
		return `The Worker does not recognise the queue ${deliveries}: bind DELIVERIES to one with "deliveries" in its name, and without "dead-letters".`;
	}
	if (!deadLetters.includes("dead-letters")) {
		return `The Worker does not recognise the queue ${deadLetters}: bind DEAD_LETTERS to one with "dead-letters" in its name.`;
	}
	const eventLog = bound("EVENT_LOG");
	if (eventLog !== undefined && (!eventLog.includes("event-log") || /deliveries|dead-letters/.test(eventLog))) {
		return `The Worker does not recognise the queue ${eventLog}: bind EVENT_LOG to one with "event-log" in its name, and without "deliveries" and "dead-letters".`;
	}
	const all = [deliveries, deadLetters, ...(eventLog === undefined ? [] : [eventLog])];
	const consumer = (/** @type {string} */ queue) => consumers.find((consumer) => consumer.queue === queue);
	const unread = all.find((queue) => consumer(queue) === undefined);
	if (unread !== undefined) {
		return `The queue ${unread} has no consumer: add a [[queues.consumers]] table for it to wrangler.toml.`;
	}
	const other = consumers.find(({ queue }) => !all.includes(queue));
	if (other !== undefined) {
		return `The Worker cannot process messages of the queue ${other.queue}: remove its [[queues.consumers]] table from wrangler.toml.`;
	}
	const losing = all.find((queue) => queue !== deadLetters && consumer(queue)?.dead_letter_queue !== deadLetters);
	if (losing !== undefined) {
		return `Messages of the queue ${losing} would be lost: in its [[queues.consumers]] table, set dead_letter_queue = "${deadLetters}".`;
	}
}

/**
 * Whether a route covers a URL; its pattern is a host, or host and path, with * for any text.
 * @param {string} pattern
 * @param {URL} url
 */
function covers(pattern, { hostname, pathname }) {
	const [host, ...path] = pattern.replace(/^https?:\/\//i, "").split("/");
	const whole = `${host}/${path.length > 0 ? path.join("/") : "*"}`;
	// RegExp.escape came with Node 24.
	const expression = whole.replace(/[^\w/-]/g, "\\$&").replaceAll("\\*", ".*");
	return new RegExp(`^${expression}$`, "i").test(`${hostname.replace(/\.$/, "")}${pathname}`);
}

/**
 * An event that comes back is delivered again. An ORIGIN_URL that is a secret cannot be read.
 * @param {Config} config
 */
function checkOrigin({ name, route, routes = [], vars }) {
	const url = URL.parse(String(vars.ORIGIN_URL ?? ""));
	// An invalid one is named by the Worker.
	if (url === null || url.port !== "" || url.pathname !== (vars.WEBHOOK_PATH ?? "/")) return;
	const all = route === undefined ? routes : [route, ...routes];
	const patterns = all.map((route) => (typeof route === "string" ? route : route.pattern));
	if (![`${name}.*.workers.dev`, ...patterns].some((pattern) => covers(pattern, url))) return;
	return "ORIGIN_URL is this Worker's own webhook, so each event would come back: set it to the URL of your backend, or remove it.";
}

/** Each gives one sentence that says what is wrong and what to do, or nothing. */
const CHECKS = [checkApps, checkCallbackTokens, checkAdminToken, checkVars, checkQueues, checkDatabase, checkOrigin];

/**
 * Refuses what would be deployed in vain.
 * @param {Config} config
 */
async function checkAll(config) {
	const secrets = listSecrets();
	const problems = CHECKS.map((check) => check(config, secrets)).filter(Boolean);
	if (problems.length > 0) throw new Refusal(problems.join("\n"));
	build(config);
	const invalid = await invalidSettings(config, secrets);
	const sentence = (/** @type {InvalidSetting} */ { name, problem }) => `${name} ${problem}: correct wrangler.toml.`;
	if (invalid.length > 0) throw new Refusal(invalid.map(sentence).join("\n"));
	for (const { lines, feature } of missingLines(config)) {
		console.error(`Warning: wrangler.toml has no ${lines}, which is needed for ${feature}.`);
	}
	const names = [...Object.keys(config.vars), ...secrets];
	for (const name of unknownSettings(names, appIds(config.vars))) console.error(`Warning: ${unknownWarning(name)}.`);
}

/** Deploys, and returns the addresses where the Worker can be reached, a domain of one's own first. */
function deploy() {
	const folder = mkdtempSync(join(tmpdir(), "deploy-"));
	try {
		const report = join(folder, "report.ndjson");
		const status = run(["deploy", "--config", CONFIG], { env: { WRANGLER_OUTPUT_FILE_PATH: report } });
		if (status !== 0) throw new Refusal("wrangler could not deploy: see its output above.");
		/** @type {{ type: string, targets?: string[] }[]} */
		const entries = readFileSync(report, "utf8")
			.split("\n")
			.filter(Boolean)
			.map((line) => JSON.parse(line));
		const targets = entries.findLast((entry) => entry.type === "deploy")?.targets ?? [];
		const origins = targets.map(origin).filter((found) => found !== null);
		if (origins.length === 0) {
			throw new Refusal("Deployed, but at no address: set workers_dev = true or a route in wrangler.toml.");
		}
		const isOfWorkersDev = (/** @type {string} */ found) => Number(found.endsWith(".workers.dev"));
		return origins.sort((a, b) => isOfWorkersDev(a) - isOfWorkersDev(b));
	} finally {
		rmSync(folder, { recursive: true });
	}
}

/**
 * The origin of one of wrangler's targets, which are made for reading: "https://a.b.workers.dev",
 * "a.example.com (custom domain)", "example.com/* (zone name: example.com)", each perhaps with "[production: enabled]"
 * behind it; others ("schedule: …") have none.
 * @param {string} target
 */
function origin(target) {
	const [, scheme, host] =
		/^(https?:\/\/)?([a-z0-9.-]+(?::\d+)?)(?:\/\S*)?(?: \(.*\))?(?: \[.*\])?$/i.exec(target) ?? [];
	return host?.includes(".") ? `${scheme ?? "https://"}${host}` : null;
}

/**
 * Waits until the address says, several times in a row, that the settings are valid.
 * @param {string} origin
 */
async function checkHealth(origin) {
	const deadline = Date.now() + WAIT_SECONDS * 1000;
	let healthy = 0;
	let last;
	for (;;) {
		try {
			const response = await fetch(`${origin}/healthz`, { signal: AbortSignal.timeout(5000) });
			// One 200 may still come from the version before.
			healthy = response.status === 200 ? healthy + 1 : 0;
			if (healthy === HEALTHY_IN_A_ROW) return;
			if (healthy > 0) continue;
			const body = await response.json().catch(() => ({}));
			const { settings } = /** @type {{ settings?: InvalidSetting[] }} */ (body);
			last = Array.isArray(settings)
				? `with invalid settings:\n${settings.map(({ name, problem }) => `${name} ${problem}`).join("\n")}`
				: `${origin}/healthz answers ${response.status}.`;
		} catch (error) {
			healthy = 0;
			const { name, cause } = /** @type {Error & { cause?: NodeJS.ErrnoException }} */ (error);
			last ??= `${origin}/healthz does not answer yet (${cause?.code ?? name}); a new domain may take minutes: try it later.`;
		}
		if (Date.now() >= deadline) throw new Refusal(`Deployed, but ${last}`);
		await sleep(Math.min(1000, Math.max(0, deadline - Date.now())));
	}
}

await refusable(async () => {
	refuseArguments("deploy");
	checkEnvironment();
	const config = readConfig(CONFIG);
	await checkAll(config);
	prepareDatabase(config, ", so nothing was deployed");
	const [origin] = deploy();
	await checkHealth(origin);
	console.log(`\nDeployed. Register this URL in the Chat console:\n${origin}${config.vars.WEBHOOK_PATH ?? "/"}`);
});
