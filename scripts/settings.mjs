// What the Worker itself says of the variables in wrangler.toml, before it is deployed: it is run here, on workerd, and asked
// for its health. So each rule is in one place.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Refusal } from "./config.mjs";
import { CONFIG } from "./wrangler.mjs";

/** @import { SpawnSyncOptions } from "node:child_process" */
/** @import { Config } from "./config.mjs" */
/** @import { InvalidSetting } from "./serve.mjs" */

/**
 * A feature, and the lines that it needs; by which binding or table one sees that they are there.
 * @typedef {{ lines: string, feature: string, binding?: string, path?: string[], cron?: string }} Feature
 */

/** @type {Feature[]} */
const FEATURES = JSON.parse(readFileSync(join(import.meta.dirname, "../src/config/features.json"), "utf8"));

/**
 * Builds the Worker where wrangler.toml says how; the bundle's is built.
 * @param {Config} config
 */
export function build({ build }) {
	if (build?.command === undefined) return;
	/** @type {SpawnSyncOptions} */
	const options = { cwd: dirname(CONFIG), shell: true, stdio: ["ignore", "ignore", "inherit"] };
	if (spawnSync(build.command, options).status !== 0) {
		throw new Refusal("The Worker could not be built, so nothing was deployed: see above.");
	}
}

/**
 * The names that wrangler.toml binds.
 * @param {Config} config
 */
function boundNames({ kv_namespaces: namespaces = [], queues: { producers = [] }, d1_databases: databases }) {
	return [...namespaces, ...producers, ...databases].map(({ binding }) => binding);
}

/**
 * The variables that are invalid, and the bindings that they need and that are missing. Of a secret only the name is known.
 * @param {Config} config
 * @param {string[]} secrets their names
 * @returns {Promise<InvalidSetting[]>}
 */
export async function invalidSettings(config, secrets) {
	// wrangler's own, wherever npm has put it.
	const wranglers = createRequire(createRequire(import.meta.url).resolve("wrangler"));
	/** @type {typeof import("miniflare")} */
	const { convertV4MiniflareOptions, Miniflare, NoOpLog } = await import(
		pathToFileURL(wranglers.resolve("miniflare")).href
	);
	const main = resolve(dirname(CONFIG), config.main);
	if (!existsSync(main)) throw new Refusal(`The built Worker, ${config.main}, is not there, so nothing was deployed.`);
	const folder = dirname(main);
	// That something is bound is all that counts here. Of the database its schema would be asked for.
	const bound = boundNames(config).filter((name) => name !== "DB");
	const miniflare = new Miniflare(
		convertV4MiniflareOptions({
			host: "127.0.0.1",
			port: 0,
			cf: false,
			log: new NoOpLog(),
			handleStructuredLogs: () => {},
			workers: [
				{
					name: "check",
					compatibilityDate: config.compatibility_date,
					modulesRoot: folder,
					modules: [
						{ type: "ESModule", path: main },
						{ type: "CompiledWasm", path: join(folder, "index_bg.wasm") },
					],
					bindings: {
						// Apps that have tokens need no other. Any other secret is left out, with what is then said of it.
						...Object.fromEntries(
							secrets.filter((name) => /^CALLBACK_TOKEN/.test(name)).map((name) => [name, "token"]),
						),
						// TOML has no undefined.
						.../** @type {Record<string, string>} */ (config.vars),
						...Object.fromEntries(bound.map((name) => [name, {}])),
					},
				},
			],
		}),
	);
	try {
		const response = await fetch(new URL("/healthz", await miniflare.ready));
		const { settings = [] } = /** @type {{ settings?: InvalidSetting[] }} */ (await response.json());
		const isKnown = (/** @type {string} */ name) => !secrets.includes(name) || name in config.vars;
		return settings.filter(({ name }) => isKnown(name) && !boundNames(config).includes(name));
	} finally {
		await miniflare.dispose();
	}
}

/**
 * The features whose lines wrangler.toml lacks, perhaps because it was made for the version before them.
 * @param {Config} config
 */
export function missingLines(config) {
	const bound = boundNames(config);
	const at = (/** @type {string[]} */ path) =>
		path.reduce((/** @type {any} */ table, key) => table?.[key], /** @type {unknown} */ (config));
	return FEATURES.filter(({ binding, path, cron }) => {
		if (binding !== undefined) return !bound.includes(binding);
		if (path === undefined) return false;
		// Where there are no triggers at all, the feature before says so.
		return cron === undefined ? at(path) === undefined : at(path)?.includes(cron) === false;
	});
}
