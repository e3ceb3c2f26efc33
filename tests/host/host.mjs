// The built Worker on the real runtime: Miniflare, which is what `wrangler dev` runs, with what wrangler makes of
// wrangler.toml. State is read and set in this process, without a command-line tool.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { convertV4MiniflareOptions, Miniflare, NoOpLog } from "miniflare";
import { parse, stringify } from "smol-toml";
import { unstable_getMiniflareWorkerOptions, unstable_readConfig, unstable_splitSqlQuery } from "wrangler";

const ROOT = join(import.meta.dirname, "../..");

/** The name of the Worker under test, in wrangler.toml. */
const OURS = "unfollow-webhook";

/** @typedef {{ name: string, kvNamespaces?: object, d1Databases?: object }} Bound the bindings of a Worker, as far as they are read */

/**
 * What Miniflare needs for the Worker of a configuration file.
 *
 * @param {string} path
 */
function workerOptions(path) {
	const config = unstable_readConfig({ config: path });
	// No .dev.vars: these are the developer's own. wrangler takes `envFiles`, but its types do not have it yet.
	const options = /** @type {Parameters<typeof unstable_getMiniflareWorkerOptions>[2]} */ ({ envFiles: [] });
	const { workerOptions, main } = unstable_getMiniflareWorkerOptions(config, undefined, options);
	if (config.name === undefined || main === undefined) throw new Error(`${path} has no name, or no main`);
	const folder = dirname(main);
	const wasm = readdirSync(folder).filter((name) => name.endsWith(".wasm"));
	return {
		...workerOptions,
		name: config.name,
		modulesRoot: folder,
		modules: [
			{ type: /** @type {const} */ ("ESModule"), path: main },
			...wasm.map((name) => ({ type: /** @type {const} */ ("CompiledWasm"), path: join(folder, name) })),
		],
	};
}

/** @typedef {{ name: string, expiration?: number, metadata?: any }} Key */

/** KV as the Workers see it, whichever of them has it. */
class Kv {
	#namespace;

	/** @param {() => ReturnType<Miniflare["getKVNamespace"]>} namespace */
	constructor(namespace) {
		this.#namespace = namespace;
	}

	/** All keys that begin with `prefix`, with their metadata. */
	async keys(prefix = "") {
		const namespace = await this.#namespace();
		/** @type {Key[]} */
		const keys = [];
		/** @type {string | undefined} */
		let cursor;
		do {
			const page = await namespace.list({ prefix, cursor });
			keys.push(...page.keys);
			cursor = page.list_complete ? undefined : page.cursor;
		} while (cursor !== undefined);
		return keys;
	}

	/**
	 * The text stored under each of `keys`; none for a key that is not there.
	 *
	 * @param {string[]} keys
	 */
	async values(keys) {
		const namespace = await this.#namespace();
		/** @type {Record<string, string>} */
		const values = {};
		for (const key of keys) {
			const value = await namespace.get(key);
			if (value !== null) values[key] = value;
		}
		return values;
	}

	/**
	 * @param {string} key
	 * @param {string} value
	 * @param {{ metadata?: unknown, expiration?: number }} [options]
	 */
	async put(key, value, options) {
		await (await this.#namespace()).put(key, value, options);
	}
}

/** A Worker, and those beside it, with their state. */
export class Host {
	/** `http://127.0.0.1:<port>`. */
	url = "";
	#miniflare;
	#workers;

	/**
	 * Starts the Workers of these configuration files, which reach each other by their names. The first one gets the
	 * requests.
	 *
	 * @param {object} options
	 * @param {string[]} options.configs the files' paths
	 * @param {string} options.state a folder for KV and D1; what is in it already is the Worker's
	 * @param {(line: string) => void} options.onLog is called with all that a Worker logs
	 */
	static async start({ configs, state, onLog }) {
		const host = new Host(configs.map(workerOptions), state, onLog);
		host.url = (await host.#miniflare.ready).origin;
		return host;
	}

	/**
	 * @param {ReturnType<typeof workerOptions>[]} workers
	 * @param {string} state
	 * @param {(line: string) => void} onLog
	 */
	constructor(workers, state, onLog) {
		this.#workers = workers;
		this.#miniflare = new Miniflare(
			convertV4MiniflareOptions({
				host: "127.0.0.1",
				port: 0,
				// A sample of `request.cf` would be asked of a server elsewhere.
				cf: false,
				log: new NoOpLog(),
				handleStructuredLogs: ({ message }) => onLog(message),
				resourcePersistencePath: state,
				workers,
			}),
		);
		this.kv = new Kv(() => this.#miniflare.getKVNamespace("EVENTS", this.#owner("kvNamespaces", "EVENTS")));
	}

	/**
	 * The Worker that has a binding itself, and not through another Worker.
	 *
	 * @param {"kvNamespaces" | "d1Databases"} kind
	 * @param {string} binding
	 */
	#owner(kind, binding) {
		const owner = this.#workers.find((/** @type {Bound} */ worker) => binding in (worker[kind] ?? {}));
		if (owner === undefined) throw new Error(`no Worker has ${binding}`);
		return owner.name;
	}

	async #database() {
		return this.#miniflare.getD1Database("DB", this.#owner("d1Databases", "DB"));
	}

	/**
	 * The rows of a statement on the event log.
	 *
	 * @param {string} statement
	 */
	async sql(statement) {
		const { results } = await (await this.#database()).prepare(statement).all();
		return results;
	}

	/** Applies all migrations to the event log, each cut into statements as wrangler does. */
	async migrate() {
		const database = await this.#database();
		const folder = join(ROOT, "migrations");
		for (const file of readdirSync(folder).sort()) {
			const statements = unstable_splitSqlQuery(readFileSync(join(folder, file), "utf8"));
			await database.batch(statements.map((statement) => database.prepare(statement)));
		}
	}

	/**
	 * Calls a cron trigger.
	 *
	 * @param {string} [cron] the trigger of the retention unless it is given
	 * @param {number} [time] when it was due, in Unix ms; now unless it is given
	 */
	async scheduled(cron = "17 * * * *", time = Date.now()) {
		const ours = await this.#miniflare.getWorker(OURS);
		return await ours.scheduled({ scheduledTime: new Date(time), cron });
	}

	async stop() {
		await this.#miniflare.dispose();
	}
}

/**
 * What wrangler.toml says, without its build: what is tested is what was built.
 *
 * @param {Record<string, unknown>} settings the Worker's variables
 * @param {string[]} standIns the bindings that are replaced by the entry points of their names in stand_ins.js
 */
function readConfig(settings, standIns) {
	const { build: _, ...config } = /** @type {any} */ (parse(readFileSync(join(ROOT, "wrangler.toml"), "utf8")));
	config.main = join(ROOT, config.main);
	config.assets.directory = join(ROOT, config.assets.directory);
	config.vars = settings;
	const isReal = (/** @type {{ binding: string }} */ { binding }) => !standIns.includes(binding);
	config.kv_namespaces = config.kv_namespaces.filter(isReal);
	config.d1_databases = config.d1_databases.filter(isReal);
	config.queues.producers = config.queues.producers.filter(isReal);
	config.services = standIns.map((binding) => ({ binding, service: "stand-ins", entrypoint: binding }));
	return config;
}

/**
 * The records among the lines of a log: those that say how something ended.
 *
 * @param {string} line
 */
function record(line) {
	try {
		const value = JSON.parse(line.slice(line.indexOf("{"), line.lastIndexOf("}") + 1));
		return typeof value.outcome === "string" ? [value] : [];
	} catch {
		return [];
	}
}

/**
 * Starts the Worker with these settings, a state of its own, and the event log's schema.
 *
 * @param {object} options
 * @param {Record<string, unknown>} options.settings the Worker's variables
 * @param {(config: any) => void} [options.change] may change what wrangler.toml says
 * @param {string[]} [options.standIns] bindings that are replaced by the entry points of their names in stand_ins.js:
 *   Cloudflare's own KV and queues cannot be made to fail
 * @param {string} [options.state] a folder for KV and D1 that is left when it stops; one that is there has the schema already
 */
export async function startWorker({ settings, change = () => {}, standIns = [], state }) {
	const folder = mkdtempSync(join(tmpdir(), "unfollow-test-"));
	const isNew = state === undefined || !existsSync(state);
	const config = readConfig(settings, standIns);
	change(config);
	const configs = [join(folder, "wrangler.toml")];
	writeFileSync(configs[0], stringify(config));
	if (standIns.length > 0) {
		const other = join(folder, "stand-ins");
		mkdirSync(other);
		const main = join(ROOT, "tests/runtime/stand_ins.js");
		const { compatibility_date } = config;
		writeFileSync(join(other, "wrangler.toml"), stringify({ name: "stand-ins", main, compatibility_date }));
		configs.push(join(other, "wrangler.toml"));
	}
	/** @type {string[]} */
	const lines = [];
	const host = await Host.start({ configs, state: state ?? join(folder, "state"), onLog: (line) => lines.push(line) });
	if (isNew && config.d1_databases?.some((/** @type {{ binding: string }} */ { binding }) => binding === "DB"))
		await host.migrate();
	return {
		url: host.url,
		kv: host.kv,
		sql: (/** @type {string} */ statement) => host.sql(statement),
		scheduled: () => host.scheduled(),
		/** What has been logged so far. */
		log: () => [...lines],
		/** The log records so far. */
		records: () => lines.flatMap(record),
		async stop() {
			await host.stop();
			rmSync(folder, { recursive: true, force: true });
		},
	};
}
