// How our scripts run wrangler: the installed one, and what is said where it fails. WRANGLER names another one, and
// WRANGLER_CONFIG another wrangler.toml than this project's: the tests use both.

import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { Refusal } from "./config.mjs";

/** @import { StdioOptions } from "node:child_process" */

const ROOT = join(import.meta.dirname, "..");
// Not by its name: on Windows that is a script of the shell, which cannot be spawned.
const [COMMAND, ...FIRST] = process.env.WRANGLER
	? [process.env.WRANGLER]
	: [process.execPath, join(ROOT, "node_modules/wrangler/bin/wrangler.js")];
const ENV = { ...process.env, ...parseEnv(readFileSync(join(import.meta.dirname, "wrangler.env"), "utf8")) };

/** Most that wrangler may print, in bytes: a page of events, each text of which may double by its escapes. */
const OUTPUT_MAX = 256 * 1024 * 1024;

export const CONFIG = process.env.WRANGLER_CONFIG ?? join(ROOT, "wrangler.toml");

/**
 * Runs wrangler where everyone sees its output; `env` is added to its environment. Gives its exit code.
 * @param {string[]} args
 * @param {{ env?: Record<string, string>, stdio?: StdioOptions }} [options]
 */
export function run(args, { env, stdio = "inherit" } = {}) {
	return spawnSync(COMMAND, [...FIRST, ...args], { stdio, env: { ...ENV, ...env } }).status;
}

/**
 * Runs wrangler; gives its exit code and what it printed. It cannot ask anything.
 * @param {string[]} args
 * @param {{ cwd?: string }} [options]
 */
export function capture(args, { cwd } = {}) {
	/** @type {StdioOptions} */
	const stdio = ["ignore", "pipe", "pipe"];
	const { status, stdout, stderr, error } = spawnSync(COMMAND, [...FIRST, ...args], {
		encoding: "utf8",
		maxBuffer: OUTPUT_MAX,
		stdio,
		env: ENV,
		cwd,
	});
	return { status, stdout: stdout ?? "", output: error ? `${error.message}\n` : `${stdout}${stderr}` };
}

/**
 * Starts wrangler and gives its process.
 * @param {string[]} args
 * @param {{ cwd: string, stdio: StdioOptions }} options
 */
export function start(args, { cwd, stdio }) {
	return spawn(COMMAND, [...FIRST, ...args], { cwd, stdio, env: ENV });
}

/**
 * Refuses to go on, with wrangler's output. Where it is not logged in, that is all there is to say.
 * @param {string} output
 * @param {string} sentence
 * @returns {never}
 */
export function refuse(output, sentence) {
	if (/wrangler login|set a CLOUDFLARE_API_TOKEN/.test(output)) {
		throw new Refusal("wrangler is not logged in: run `npx wrangler login`, or set CLOUDFLARE_API_TOKEN.");
	}
	throw new Refusal(`${output}${sentence}: see wrangler's output above.`);
}

/**
 * The JSON array between whatever else wrangler prints, such as warnings. Its brackets are on lines of their own; what is in it
 * is indented.
 * @param {string} output
 * @returns {any[] | undefined} undefined where there is no such array
 */
export function arrayIn(output) {
	const [array] = /^\[(\n[\s\S]*?\n)?\]$/m.exec(output) ?? [];
	if (array === undefined) return undefined;
	try {
		return JSON.parse(array);
	} catch {
		return undefined;
	}
}

/**
 * The names in such an array of objects.
 * @param {string} output
 * @returns {string[] | undefined}
 */
export function namesIn(output) {
	return arrayIn(output)?.map(({ name }) => name);
}
