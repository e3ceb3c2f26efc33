// The Worker in a workerd process of its own, with its bindings led to the storage process.

import { spawn } from "node:child_process";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { APP, TOKEN } from "./events.mjs";

export const ADMIN_TOKEN = "soak-admin-token-0123";
/** The base64 is of 32 bytes. */
export const ORIGIN_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";

const START_WITHIN_MS = 60_000;

/** @import { ChildProcess } from "node:child_process" */
/** @typedef {{ ours: number, front: number }} Ports of workerd, by the names of its sockets */
/** @typedef {{ storage: number, origin: number }} Others the ports of what the Worker calls */
/** @typedef {"direct" | "batched"} D1Writes */

/**
 * A service in the storage process; the header tells it which binding a request is for.
 * @type {(name: string, port: number) => string}
 */
const engine = (name, port) =>
	`(name = "${name}", external = (address = "127.0.0.1:${port}", http = (injectRequestHeaders = [(name = "engine", value = "${name}")]))),`;

/** @type {(ports: Others, d1Writes: D1Writes) => string} */
const config = ({ storage, origin }, d1Writes) => `
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
	services = [
		(name = "ours", worker = (
			modules = [(name = "index.js", esModule = embed "index.js"), (name = "index_bg.wasm", wasm = embed "index_bg.wasm")],
			compatibilityDate = "2026-07-01",
			bindings = [
				(name = "EVENTS", kvNamespace = "kv"),
				(name = "DB", wrapped = (moduleName = "cloudflare-internal:d1-api", innerBindings = [(name = "fetcher", service = "d1")])),
				(name = "DELIVERIES", queue = "unfollow-deliveries"),
				(name = "DEAD_LETTERS", queue = "unfollow-dead-letters"),
				(name = "EVENT_LOG", queue = "unfollow-event-log"),
				(name = "PLAN", text = "paid"),
				(name = "D1_WRITES", text = "${d1Writes}"),
				(name = "SINKS", text = "kv,d1,origin"),
				(name = "ORIGIN_URL", text = "http://127.0.0.1:${origin}/"),
				(name = "ORIGIN_SECRET", text = "${ORIGIN_SECRET}"),
				(name = "RETRY_BASE_SECONDS", text = "1"),
				(name = "SDK_APP_IDS", text = "${APP}"),
				(name = "CALLBACK_TOKEN", text = "${TOKEN}"),
				(name = "ADMIN_TOKEN", text = "${ADMIN_TOKEN}"),
			],
		)),
		(name = "front", worker = (
			modules = [(name = "front.js", esModule = embed "front.js")],
			compatibilityDate = "2026-07-01",
			compatibilityFlags = ["service_binding_extra_handlers"],
			bindings = [(name = "OURS", service = "ours")],
		)),
		${["kv", "d1", "unfollow-deliveries", "unfollow-dead-letters", "unfollow-event-log"].map((name) => engine(name, storage)).join("\n\t\t")}
		(name = "internet", network = (allow = ["local"])),
	],
	sockets = [
		(name = "ours", address = "127.0.0.1:0", http = (), service = "ours"),
		(name = "front", address = "127.0.0.1:0", http = (), service = "front"),
	],
);
`;

/** Starts the Worker of `build` with its files in `folder`, and starts it again after each kill. */
export class Worker {
	/** @type {ChildProcess | undefined} */
	#child;
	#path;
	/** @type {PromiseWithResolvers<number>} */
	#ready = Promise.withResolvers();
	/**
	 * Calls the storage process must know of: with the port of the front, or nothing where the Worker is gone.
	 * @type {(front?: number) => void}
	 */
	onFront = () => {};

	/**
	 * @param {string} folder
	 * @param {string} build the folder that has the Worker
	 * @param {Others} ports
	 * @param {D1Writes} d1Writes
	 */
	constructor(folder, build, ports, d1Writes) {
		for (const name of ["index.js", "index_bg.wasm"]) copyFileSync(join(build, name), join(folder, name));
		copyFileSync(fileURLToPath(new URL("../front.js", import.meta.url)), join(folder, "front.js"));
		this.#path = join(folder, "config.capnp");
		writeFileSync(this.#path, config(ports, d1Writes));
	}

	/** Resolves to the port for senders, once the Worker listens. */
	get ready() {
		return this.#ready.promise;
	}

	async start() {
		const child = spawn("workerd", ["serve", this.#path, "--experimental", "--control-fd=3"], {
			stdio: ["ignore", "ignore", process.env.SOAK_LOG ? "inherit" : "ignore", "pipe"],
		});
		this.#child = child;
		const { ours, front } = await listening(child);
		this.onFront(front);
		this.#ready.resolve(ours);
	}

	/** Kills the process as a crash would, and resolves once it is gone. */
	async kill() {
		this.#ready = Promise.withResolvers();
		this.onFront();
		const child = this.#child;
		if (child === undefined) return;
		const gone = new Promise((resolve) => child.once("exit", resolve));
		if (child.kill("SIGKILL")) await gone;
	}

	/** For the end of the run, however it ends. */
	end() {
		this.#child?.kill("SIGKILL");
	}
}

/**
 * The ports, which workerd writes to the control pipe as it begins to listen, one JSON object a line.
 * @param {ChildProcess} child
 * @returns {Promise<Ports>}
 */
function listening(child) {
	return new Promise((resolve, reject) => {
		/** @type {Partial<Ports>} */
		const ports = {};
		let text = "";
		const late = setTimeout(() => reject(new Error("workerd does not listen")), START_WITHIN_MS);
		child.once("error", reject);
		child.once("exit", (code) => reject(new Error(`workerd ended with ${code}`)));
		child.stdio[3]?.on("data", (piece) => {
			text += piece;
			const lines = text.split("\n");
			text = lines.pop() ?? "";
			for (const line of lines) {
				/** @type {{ event: string, socket: keyof Ports, port: number }} */
				const { event, socket, port } = JSON.parse(line);
				if (event === "listen") ports[socket] = port;
			}
			const { ours, front } = ports;
			if (!ours || !front) return;
			clearTimeout(late);
			resolve({ ours, front });
		});
	});
}
