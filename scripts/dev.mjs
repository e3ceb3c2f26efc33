// Serves the built Worker on this machine, with state in .wrangler/: makes the settings, brings the schema of the local
// database up to date, serves, and says where the webhook and the page are and how to call them. PORT is where; TUNNEL=1 asks
// Cloudflare for a public https address, so that Tencent itself can call.

import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { allowsUnsigned, appIds, Refusal, readConfig, refuseArguments } from "./config.mjs";
import { unknownWarning } from "./names.mjs";
import { applyMigrations, checkPort, claimState, Serving, serve, step } from "./serve.mjs";

/**
 * @import { Vars } from "./config.mjs"
 * @import { InvalidSetting } from "./serve.mjs"
 */
/** @typedef {{ webhook_path: string, sinks: string[], unknown_settings: string[] }} About what is read of the API's `status` */

const PORT = process.env.PORT || "8787";
const WITH_TUNNEL = process.env.TUNNEL === "1";
const SETTINGS = ".dev.vars";
const EXAMPLE = join(import.meta.dirname, "../.dev.vars.example");
// .dev.vars.example had it as ADMIN_TOKEN once, so anyone may know it.
const PUBLISHED_TOKEN = "change-me-to-16-or-more";

/** Makes .dev.vars, with a token that nobody else knows, unless there is one. */
function makeSettings() {
	if (existsSync(SETTINGS)) return;
	const token = `ADMIN_TOKEN=${randomBytes(16).toString("hex")}\n`;
	writeFileSync(SETTINGS, readFileSync(EXAMPLE, "utf8") + token, { mode: 0o600 });
	console.error("dev: made .dev.vars from .dev.vars.example, with a random ADMIN_TOKEN");
}

/**
 * The settings whose unquoted value has a #, from which on it is a comment: in a token that is hardly meant.
 * @param {string} text
 */
function cutValues(text) {
	return text
		.split("\n")
		.flatMap((line) => /^\s*(?:export\s+)?([\w.-]+)\s*=\s*[^\s"'`#][^\s#]*#/.exec(line)?.[1] ?? []);
}

/**
 * With a tunnel, anyone who knows its address can call.
 * @param {string | undefined} token
 */
function checkTunnel(token) {
	if (!WITH_TUNNEL) return;
	if (!token || token === PUBLISHED_TOKEN) {
		throw new Refusal(
			"With TUNNEL=1 anyone can call the API: in .dev.vars, set ADMIN_TOKEN to a random text of 16 characters or more.",
		);
	}
	console.error(
		"dev: anyone who knows the public address can call: set a CALLBACK_TOKEN in .dev.vars, and no ALLOW_UNSIGNED",
	);
}

/**
 * What the Worker says of itself; nothing where the token does not let us ask.
 * @param {string} url
 * @param {string | undefined} token
 * @returns {Promise<About | undefined>}
 */
async function status(url, token) {
	if (!token) return undefined;
	const response = await fetch(`${url}/v1/status`, { headers: { authorization: `Bearer ${token}` } }).catch(
		() => undefined,
	);
	return response?.ok ? /** @type {Promise<About>} */ (response.json()) : undefined;
}

/**
 * A curl that sends an event of now, signed where the app has a token; nothing where calls cannot be accepted.
 * @param {string} url
 * @param {Vars} vars
 */
function curl(url, vars) {
	const [app] = appIds(vars);
	if (app === undefined) return [];
	const name = [`CALLBACK_TOKEN_${app}`, "CALLBACK_TOKEN"].find((name) => name in vars);
	if (name === undefined && !allowsUnsigned(vars)) return [];
	const command = "Follow.CallbackAfterFollowDelete";
	const query = `SdkAppid=${app}&CallbackCommand=${command}&contenttype=json&ClientIP=127.0.0.1&OptPlatform=iOS`;
	const sign = name === undefined ? "" : `&RequestTime=$t&Sign=$(printf %s "$${name}$t" | sha256sum | cut -c1-64)`;
	const body = `'{"CallbackCommand":"${command}","From_Account":"UserID_001","To_Account":["UserID_002","UserID_003"],"EventTime":'"$t"'000}'`;
	return [
		"",
		`Send an event from a second terminal${name === undefined ? "" : `, where ${name} is set to the token`}:`,
		`t=$(date +%s); curl "${url}?${query}${sign}" -d ${body}`,
	];
}

/**
 * @param {Serving} serving
 * @param {string | undefined} token
 * @param {Vars} vars
 * @param {InvalidSetting[]} settings
 * @param {About | undefined} about
 */
function announce(serving, token, vars, settings, about) {
	const webhook = `${serving.url}${about?.webhook_path ?? vars.WEBHOOK_PATH ?? "/"}`;
	const lines = [
		`Webhook:     ${webhook}`,
		`Page:        ${serving.url}/dashboard`,
		token
			? `ADMIN_TOKEN: ${token}`
			: "ADMIN_TOKEN: not set; to use the page and the API, set it in .dev.vars to a random text of 16 characters or more",
	];
	if (about && about.sinks.length > 0) lines.push(`Sinks:       ${about.sinks.join(", ")}`);
	lines.push(...(about?.unknown_settings ?? []).map((name) => `Warning:     ${unknownWarning(name)}`));
	lines.push(...settings.map(({ name, problem }) => `Invalid:     ${name} ${problem}`));
	if (settings.length > 0) lines.push("Settings are read at the start: correct them in .dev.vars, and start again.");
	else lines.push(...curl(webhook, vars));
	lines.push("", "Each call is logged below. Ctrl-C ends this.");
	console.log(`\n${lines.join("\n")}\n`);
}

await serve(async () => {
	refuseArguments("dev");
	const url = `http://127.0.0.1:${PORT}`;
	makeSettings();
	const text = readFileSync(SETTINGS, "utf8");
	const settings = parseEnv(text);
	const { ADMIN_TOKEN: token } = settings;
	checkTunnel(token);
	await claimState(url);
	await checkPort(PORT, "dev");
	for (const name of cutValues(text)) {
		console.error(
			`dev: in .dev.vars, the value of ${name} ends at its #: if that is part of the value, put the value in quotes`,
		);
	}
	await applyMigrations(".", "dev");
	const serving = new Serving({ name: "dev", folder: ".", port: PORT, log: ".wrangler/dev.log", tunnel: WITH_TUNNEL });
	const { settings: invalid } = await step("dev: starting wrangler", "5 s", () => serving.answers());
	const about = await status(url, token);
	announce(serving, token, { ...readConfig("wrangler.toml").vars, ...settings }, invalid, about);
	serving.show();
});
