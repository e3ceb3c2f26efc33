// What the scripts that run wrangler have in common: wrangler.toml, and how they refuse.

import { readFileSync } from "node:fs";
import { parse } from "smol-toml";

/** What stops the script: a sentence that says what to do, or some, each on a line. */
export class Refusal extends Error {}

/** Runs the script's work. A refusal ends it with its sentence alone, and the exit code 1. */
export async function refusable(work) {
	try {
		await work();
	} catch (error) {
		if (!(error instanceof Refusal)) throw error;
		console.error(error.message);
		process.exitCode = 1;
	}
}

/** How the user called the script of this name. */
export function command(name) {
	return process.env.npm_lifecycle_event === undefined ? `make ${name}` : `npm run ${name}`;
}

/** wrangler.toml, with empty tables where it has none. */
export function readConfig(path) {
	try {
		return { vars: {}, queues: {}, d1_databases: [], ...parse(readFileSync(path, "utf8")) };
	} catch (error) {
		throw new Refusal(`wrangler.toml cannot be read: ${error.message.split("\n")[0]}.`);
	}
}

/** The D1 database of the event log, where one is bound. */
export function eventLog({ d1_databases: databases }) {
	return databases.find(({ binding }) => binding === "DB");
}

/** The app ids in the variables; none where they are missing. */
export function appIds(vars) {
	// A number is as good as text to the Worker too.
	const ids = String(vars.SDK_APP_IDS ?? "").trim();
	return ids === "" ? [] : ids.split(",").map((id) => id.trim());
}

/** Whether calls without a Sign are accepted for apps without a token. The Worker takes true and "true". */
export function allowsUnsigned(vars) {
	return String(vars.ALLOW_UNSIGNED) === "true";
}
