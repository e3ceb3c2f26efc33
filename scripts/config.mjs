// What the scripts that run wrangler have in common: wrangler.toml, and how they refuse.

import { readFileSync } from "node:fs";
import { parse } from "smol-toml";

/** @typedef {Record<string, string | number | boolean | undefined>} Vars variables of the Worker, by their names */
/**
 * @typedef {object} Database
 * @property {string} binding
 * @property {string} [database_name]
 * @property {string} [database_id]
 * @property {string} [jurisdiction]
 * @property {string} migrations_dir
 */
/** @typedef {{ binding: string, queue: string }} Producer */
/** @typedef {{ queue: string, dead_letter_queue?: string }} Consumer */
/** @typedef {string | { pattern: string }} Route */
/**
 * What the scripts read of wrangler.toml.
 * @typedef {object} Config
 * @property {string} name
 * @property {string} main
 * @property {string} compatibility_date
 * @property {{ binding: string }[]} [kv_namespaces]
 * @property {{ directory: string }} assets
 * @property {{ command?: string }} [build]
 * @property {Route} [route]
 * @property {Route[]} [routes]
 * @property {Vars} vars
 * @property {{ producers?: Producer[], consumers?: Consumer[] }} queues
 * @property {Database[]} d1_databases
 */

/** What stops the script: a sentence that says what to do, or some, each on a line. */
export class Refusal extends Error {}

/**
 * Runs the script's work. A refusal ends it with its sentence alone, and the exit code 1.
 * @param {() => void | Promise<void>} work
 */
export async function refusable(work) {
	for (const output of [process.stdout, process.stderr]) {
		// A reader that goes away, as `head` does, ends nothing: what is done counts for more than what is said of it.
		output.on("error", (/** @type {NodeJS.ErrnoException} */ error) => {
			if (error.code !== "EPIPE") throw error;
		});
	}
	try {
		await work();
	} catch (error) {
		if (!(error instanceof Refusal)) throw error;
		console.error(error.message);
		process.exitCode = 1;
	}
}

/**
 * How the user called the script of this name.
 * @param {string} name
 */
export function command(name) {
	return process.env.npm_lifecycle_event === undefined ? `make ${name}` : `npm run ${name}`;
}

/**
 * Refuses arguments. To pass them over would be to deploy to production what was to be tried, or to go elsewhere.
 * @param {string} name the script's
 */
export function refuseArguments(name) {
	const { npm_config_dry_run: dryRun, npm_config_env: environment } = process.env;
	// What stands before the `--` npm takes for its own.
	const forNpm = [dryRun && "--dry-run", environment && `--env=${environment}`];
	const given = [...process.argv.slice(2), ...forNpm].filter(Boolean);
	if (given.length === 0) return;
	throw new Refusal(`${command(name)} takes no arguments, and was given ${given.join(" ")}: nothing was done.`);
}

/**
 * wrangler.toml, with empty tables where it has none.
 * @param {string} path
 */
export function readConfig(path) {
	try {
		// What is in it, wrangler checks.
		const read = /** @type {Config} */ (parse(readFileSync(path, "utf8")));
		return { ...read, vars: read.vars ?? {}, queues: read.queues ?? {}, d1_databases: read.d1_databases ?? [] };
	} catch (error) {
		const [reason] = /** @type {Error} */ (error).message.split("\n");
		throw new Refusal(`wrangler.toml cannot be read: ${reason}.`);
	}
}

/**
 * The D1 database of the event log, where one is bound.
 * @param {Config} config
 */
export function eventLog({ d1_databases: databases }) {
	return databases.find(({ binding }) => binding === "DB");
}

/**
 * The app ids in the variables; none where they are missing.
 * @param {Vars} vars
 */
export function appIds(vars) {
	// A number is as good as text to the Worker too.
	const ids = String(vars.SDK_APP_IDS ?? "").trim();
	return ids === "" ? [] : ids.split(",").map((id) => id.trim());
}

/**
 * Whether calls without a Sign are accepted for apps without a token. The Worker takes true and "true".
 * @param {Vars} vars
 */
export function allowsUnsigned(vars) {
	return String(vars.ALLOW_UNSIGNED) === "true";
}
