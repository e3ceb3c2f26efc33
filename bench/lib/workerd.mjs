// Serves one variant in a workerd process of its own, with the stub behind its storage bindings.

import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** @import { ChildProcess } from "node:child_process" */
/** @typedef {{ name: string, kind: "esModule" | "wasm", path: string }} Module of a Worker, and the file that has it */
/** @typedef {{ variant: number, storage: number }} Ports by the names of the sockets */

/** What every variant is given: app and token of tests/vectors/, and the compatibility date of wrangler.toml. */
export const APP = "1400000000";
export const TOKEN = "xxxxyyyy";
const COMPATIBILITY_DATE = "2026-07-01";

const START_WITHIN_MS = 20_000;

/**
 * One module of a Worker, embedded from the folder of the config.
 * @param {Module} module
 */
const embedded = ({ name, kind }) => `(name = "${name}", ${kind} = embed "${name}")`;

/** The binding of a D1 database, with workerd's own D1 client. */
const DATABASE =
	'(name = "DB", wrapped = (moduleName = "cloudflare-internal:d1-api", ' +
	'innerBindings = [(name = "fetcher", service = "storage")])),';

/**
 * @typedef {object} Vars of a variant
 * @property {string} SINKS
 * @property {string} [LOG]
 */

/**
 * The config of a Worker with these variables. Port 0 lets the system choose; workerd tells which. The stub comes first: each isolate
 * that starts in a process throws away what V8 has compiled at once for the wasm of those before it (workerd 2026-11-17).
 * @param {Module[]} modules
 * @param {Vars} vars
 */
const config = (modules, vars) => `
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
	services = [
		(name = "storage", worker = (
			modules = [(name = "storage.js", esModule = embed "storage.js")],
			compatibilityDate = "${COMPATIBILITY_DATE}",
		)),
		(name = "variant", worker = (
			modules = [${modules.map(embedded).join(", ")}],
			compatibilityDate = "${COMPATIBILITY_DATE}",
			bindings = [
				(name = "EVENTS", kvNamespace = "storage"),
				${vars.SINKS.includes("d1") ? DATABASE : ""}
				${Object.entries(vars)
					.map(([name, text]) => `(name = "${name}", text = "${text}"),`)
					.join("\n\t\t\t\t")}
				(name = "SDK_APP_IDS", text = "${APP}"),
				(name = "CALLBACK_TOKEN", text = "${TOKEN}"),
			],
		)),
	],
	sockets = [
		(name = "variant", address = "127.0.0.1:0", http = (), service = "variant"),
		(name = "storage", address = "127.0.0.1:0", http = (), service = "storage"),
	],
);
`;

/**
 * Compiles a config with its modules into `folder`, and returns its path.
 * @param {string} folder
 * @param {Module[]} modules the main one first
 * @param {Vars} vars
 * @param {string} storage the path of the stub
 */
export function prepare(folder, modules, vars, storage) {
	mkdirSync(folder, { recursive: true });
	for (const { name, path } of modules) copyFileSync(path, join(folder, name));
	copyFileSync(storage, join(folder, "storage.js"));
	const text = join(folder, "config.capnp");
	writeFileSync(text, config(modules, vars));
	// Compiled: workerd reads a text for the longer the larger the modules are, and in production there is none.
	const path = join(folder, "config.bin");
	writeFileSync(path, execFileSync("workerd", ["compile", "--config-only", text], { maxBuffer: 2 ** 28 }));
	return path;
}

/** A running workerd: its process id, and its ports by the names of the sockets. */
export class Served {
	#child;

	/**
	 * @param {ChildProcess} child
	 * @param {Ports} ports
	 */
	constructor(child, ports) {
		this.#child = child;
		// It has one, because it has told its ports.
		this.pid = /** @type {number} */ (child.pid);
		this.ports = ports;
		/** What the Worker has logged so far, where it was asked for. */
		this.log = "";
		for (const output of [child.stdout, child.stderr]) {
			output?.on("data", (text) => {
				this.log += text;
			});
		}
	}

	/**
	 * Starts workerd with the config at `path`, and resolves once it listens. Without `captureLog`, log records are
	 * written as usual, and nobody reads them: info goes to stdout, rejections to stderr.
	 * @param {string} path
	 * @param {{ captureLog?: boolean }} [options]
	 */
	static async start(path, { captureLog = false } = {}) {
		const output = captureLog ? "pipe" : "ignore";
		const child = spawn("workerd", ["serve", "--binary", path, "--control-fd=3"], {
			stdio: ["ignore", output, output, "pipe"],
		});
		running.add(child);
		child.once("exit", () => running.delete(child));
		try {
			return new Served(child, await ports(child));
		} catch (error) {
			child.kill("SIGKILL");
			throw error;
		}
	}

	/** Ends the process and resolves once it is gone. */
	async stop() {
		const gone = new Promise((resolve) => this.#child.once("exit", resolve));
		if (this.#child.kill("SIGKILL")) await gone;
	}
}

/** @type {Set<ChildProcess>} */
const running = new Set();

// Whatever way the run ends, no workerd outlives it.
process.once("exit", () => {
	for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

/**
 * The ports, which workerd writes to the control pipe as it begins to listen, one JSON object a line.
 * @param {ChildProcess} child
 * @returns {Promise<Ports>}
 */
function ports(child) {
	return new Promise((resolve, reject) => {
		/** @type {Partial<Ports>} */
		const found = {};
		let text = "";
		let errors = "";
		child.stderr?.on("data", (piece) => {
			errors += piece;
		});
		const late = setTimeout(() => reject(new Error("workerd does not listen")), START_WITHIN_MS);
		child.once("error", reject);
		child.once("exit", (code) => reject(new Error(`workerd ended with ${code} before it listened. ${errors}`)));
		child.stdio[3]?.on("data", (piece) => {
			text += piece;
			const lines = text.split("\n");
			text = lines.pop() ?? "";
			for (const line of lines) {
				/** @type {{ event: string, socket: keyof Ports, port: number }} */
				const { event, socket, port } = JSON.parse(line);
				if (event === "listen") found[socket] = port;
			}
			const { variant, storage } = found;
			if (variant && storage) {
				clearTimeout(late);
				resolve({ variant, storage });
			}
		});
	});
}
