// The D1 database of the event log on Cloudflare: it is created where it is missing, and its schema is brought up to date.
// For `deploy` and `migrate`.

import { eventLog, Refusal } from "./config.mjs";
import { CONFIG, capture, namesIn, refuse, run } from "./wrangler.mjs";

// Near where a new database is to be, if that is not here.
const LOCATION = process.env.D1_LOCATION;
const LOCATIONS = ["weur", "eeur", "apac", "oc", "wnam", "enam"];

/** @import { Config, Database } from "./config.mjs" */

/** What is checked, and said, is of wrangler.toml's top level; wrangler would deploy this environment of it. */
export function checkEnvironment() {
	const { CLOUDFLARE_ENV: environment } = process.env;
	if (!environment) return;
	throw new Refusal(
		`CLOUDFLARE_ENV=${environment} cannot be used, as wrangler.toml is read without environments: unset it.`,
	);
}

/**
 * Migrations are applied before the first deployment, so the database has to be one that is found without it.
 * @param {Config} config
 */
export function checkDatabase(config) {
	const database = eventLog(config);
	if (database === undefined) return;
	if (database.database_id === undefined && database.database_name === undefined) {
		return 'The database bound to DB has no name: set database_name = "unfollow-events" in wrangler.toml.';
	}
	if (LOCATION && !LOCATIONS.includes(LOCATION)) {
		return `D1_LOCATION=${LOCATION} is not a location of D1: set one of ${LOCATIONS.join(", ")}, or none.`;
	}
}

/**
 * Runs wrangler where everyone sees its output. It cannot ask anything: it goes on with what it suggests.
 * @param {string[]} args
 * @param {string} failure
 */
function runOrRefuse(args, failure) {
	const status = run([...args, "--config", CONFIG], { stdio: ["ignore", "inherit", "inherit"] });
	if (status !== 0) throw new Refusal(`${failure}: see wrangler's output above.`);
}

/**
 * Whether the account has a database of this name.
 * @param {string} name
 * @param {string} otherwise
 */
function hasDatabase(name, otherwise) {
	const { status, stdout, output } = capture(["d1", "list", "--json", "--config", CONFIG]);
	const names = status === 0 ? namesIn(stdout) : undefined;
	if (names === undefined) refuse(output, `The account's D1 databases cannot be listed${otherwise}`);
	return names.includes(name);
}

/**
 * Creates the database where there is none of its name. wrangler.toml has the name, and stays as it is.
 * @param {Database} database
 * @param {string} otherwise
 */
function createDatabase({ database_id: id, database_name: name, jurisdiction }, otherwise) {
	if (id !== undefined || name === undefined || hasDatabase(name, otherwise)) return;
	const args = ["d1", "create", name, "--update-config=false"];
	if (LOCATION) args.push("--location", LOCATION);
	if (jurisdiction) args.push("--jurisdiction", jurisdiction);
	runOrRefuse(args, `The D1 database ${name} could not be created${otherwise}`);
	console.log(
		`The database ${name} was created. wrangler.toml already binds it by name, so nothing has to be added.\n`,
	);
}

/**
 * Brings the schema up to date before the Worker that needs it. Migrations only add, so the one before goes on working.
 * @param {Config} config
 * @param {string} [otherwise] ends the sentence that says what failed
 */
export function prepareDatabase(config, otherwise = "") {
	const database = eventLog(config);
	if (database === undefined) return;
	createDatabase(database, otherwise);
	runOrRefuse(
		["d1", "migrations", "apply", "DB", "--remote"],
		`The migrations could not be applied to the D1 database${otherwise}`,
	);
}
