// Serves the Worker on this machine with `wrangler dev`, for `dev` and `demo`: checks, the schema of the local database, and
// what is seen of wrangler's output.

import { once } from "node:events";
import { createWriteStream, mkdirSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { setImmediate as signalsHandled, setTimeout as sleep } from "node:timers/promises";
import { command, eventLog, Refusal, readConfig, refusable } from "./config.mjs";
import { capture, refuse, start } from "./wrangler.mjs";

/**
 * @import { ChildProcess, StdioOptions } from "node:child_process"
 * @import { ListenOptions, Server } from "node:net"
 */
/** @typedef {{ name: string, problem: string }} InvalidSetting as /healthz names it */

/** Where wrangler keeps its state, in the folder that is served. */
const STATE = ".wrangler";
const WAIT_SECONDS = 120;

/**
 * Says what is done and how long it usually takes, does it, and says how long it took.
 * @template T
 * @param {string} words
 * @param {string} usual
 * @param {() => T | Promise<T>} work
 */
export async function step(words, usual, work) {
	const start = Date.now();
	process.stderr.write(`${words} (usually ${usual}) … `);
	try {
		const result = await work();
		process.stderr.write(`${Math.round((Date.now() - start) / 1000)} s\n`);
		return result;
	} catch (error) {
		process.stderr.write("failed\n");
		throw error;
	}
}

/**
 * Listens, or gives the error code that says why not.
 * @param {Server} server
 * @param {ListenOptions} where
 * @returns {Promise<string | undefined>}
 */
async function listen(server, where) {
	server.listen(where);
	try {
		await once(server, "listening");
	} catch (error) {
		return /** @type {NodeJS.ErrnoException} */ (error).code;
	}
}

/**
 * Refuses a port at which wrangler could not listen.
 * @param {string} port
 * @param {string} name the script's
 */
export async function checkPort(port, name) {
	const server = createServer();
	// listen() throws for what is no port at all.
	const isPort = /^\d{1,5}$/.test(port) && Number(port) > 0 && Number(port) < 65536;
	const problem = isPort ? await listen(server, { port: Number(port), host: "127.0.0.1" }) : "no such port";
	if (problem !== undefined) {
		throw new Refusal(
			`Port ${port} cannot be used (${problem}): choose another, as in \`PORT=8788 ${command(name)}\`.`,
		);
	}
	server.close();
	await once(server, "close");
}

/**
 * Refuses to serve a folder's state twice: the instances would see each other's data, and lock each other out of it. A
 * socket tells whether there is another instance, because it ends with the process that holds it.
 * @param {string} url where this instance will serve
 */
export async function claimState(url) {
	mkdirSync(STATE, { recursive: true });
	// A relative path: an absolute one may be too long for a socket.
	const path =
		process.platform === "win32" ? join(String.raw`\\.\pipe`, process.cwd(), STATE) : join(STATE, "dev.sock");
	const server = createServer((asked) => asked.end(url));
	let problem = await listen(server, { path });
	let other;
	if (problem === "EADDRINUSE") {
		other = await text(connect(path)).catch(() => undefined);
		if (other === undefined) {
			// One that was killed left it behind.
			rmSync(path, { force: true });
			problem = await listen(server, { path });
		}
	}
	// Any other problem means that there are no sockets here, and so no protection.
	if (problem === "EADDRINUSE") {
		throw new Refusal(
			`${other ?? "Another process"} already serves this folder, with the same state in ${STATE}/: stop it first.`,
		);
	}
	server.unref();
}

/**
 * wrangler does not do this by itself. What it prints is shown only where it fails.
 * @param {string} folder
 * @param {string} name the script's
 */
export async function applyMigrations(folder, name) {
	if (eventLog(readConfig(join(folder, "wrangler.toml"))) === undefined) return;
	await step(`${name}: applying the migrations to the local database`, "2 s", async () => {
		const { status, output } = capture(["d1", "migrations", "apply", "DB", "--local"], { cwd: folder });
		// After Ctrl-C, which ended wrangler too, this process ends here.
		await signalsHandled();
		if (status !== 0) refuse(output, "The migrations could not be applied to the local database");
	});
}

/**
 * The wrangler that runs.
 * @type {ChildProcess | undefined}
 */
let running;
/**
 * The exit code of this process, once it has been told to end.
 * @type {number | undefined}
 */
let ending;

/** Whether this process has been told to end. */
export function isEnding() {
	return ending !== undefined;
}

/**
 * Ends wrangler, and this process with it.
 * @param {number} code
 * @param {NodeJS.Signals} signal
 */
function end(code, signal) {
	ending = code;
	if (running === undefined) process.exit(code);
	running.kill(signal);
}

/**
 * Does the work of a script that serves. A refusal, or a signal that would end this process alone, ends wrangler too. Ctrl-C is
 * how one is meant to end what serves: it is no failure, of which make and npm would make an error.
 * @param {() => Promise<void>} work
 */
export async function serve(work) {
	process.on("SIGINT", () => end(0, "SIGINT"));
	for (const signal of /** @type {const} */ (["SIGTERM", "SIGHUP"])) {
		process.on(signal, () => end(128 + constants.signals[signal], "SIGTERM"));
	}
	await refusable(work);
	if (process.exitCode !== undefined) end(1, "SIGTERM");
}

/**
 * Starts wrangler in a folder. What it prints goes to the file `log` and, once `show` is called, to the terminal as well; with a
 * tunnel, to the terminal alone. This process ends when wrangler ends.
 */
export class Serving {
	#isShown = false;
	/** Whether wrangler has said that it listens, in a message that only our child can send. */
	#isListening = false;
	#isReady = false;
	#isInherited;
	/**
	 * What wrangler has printed before it is shown.
	 * @type {["stdout" | "stderr", Buffer][]}
	 */
	#before = [];

	/** @param {{ name: string, folder: string, port: string, log: string, tunnel?: boolean }} options `name`: the script's */
	constructor({ name, folder, port, log, tunnel = false }) {
		mkdirSync(dirname(log), { recursive: true });
		this.url = `http://127.0.0.1:${port}`;
		this.log = log;
		const file = createWriteStream(log);
		this.#isInherited = tunnel;
		const args = ["dev", "--ip", "127.0.0.1", "--port", port];
		// wrangler runs `cloudflared` for this. Where it is not installed, wrangler asks whether to fetch it: on a terminal only.
		if (tunnel) args.push("--tunnel");
		/** @type {StdioOptions} */
		const stdio = tunnel ? ["inherit", "inherit", "inherit", "ipc"] : ["ignore", "pipe", "pipe", "ipc"];
		const wrangler = start(args, { cwd: folder, stdio });
		for (const name of /** @type {const} */ (["stdout", "stderr"])) {
			wrangler[name]?.on("data", (/** @type {Buffer} */ data) => {
				file.write(data);
				this.#print(name, data);
			});
		}
		wrangler.on("message", (message) => {
			if (!String(message).includes("DEV_SERVER_READY")) return;
			this.#isListening = true;
			this.#showError();
		});
		/** @type {(problem: string, code: number) => never} */
		const fail = (problem, code) => {
			this.show({ withBefore: !this.#isShown });
			console.error(problem);
			process.exit(code);
		};
		wrangler.on("error", (error) => fail(`wrangler cannot be started: ${error.message}.`, 1));
		wrangler.on("close", async (code) => {
			if (ending !== undefined) process.exit(ending);
			if (!this.#isListening) {
				// It ends like this where another server has taken the port since it was checked.
				await checkPort(port, name).catch(({ message }) => {
					this.#before = [];
					fail(message, 1);
				});
			}
			fail(`wrangler has ended. ${this.where()}`, code ?? 1);
		});
		running = wrangler;
	}

	/** Where wrangler's output is, as a sentence. */
	where() {
		return this.#isInherited ? "See its output above." : `Its whole output is in ${this.log}.`;
	}

	/**
	 * @param {"stdout" | "stderr"} name
	 * @param {Buffer} data
	 */
	#print(name, data) {
		if (isEnding()) return;
		if (this.#isShown) return void process[name].write(data);
		if (this.#isReady) return;
		this.#before.push([name, data]);
		this.#showError();
	}

	/** What keeps the Worker from starting is said at once: wrangler goes on, and waits for a change. */
	#showError() {
		const isError = this.#before.some(([, data]) => data.includes("ERROR"));
		// Where it cannot listen, it ends.
		if (this.#isListening && isError) this.show({ withBefore: true });
	}

	/** From now on, what wrangler prints is shown. */
	show({ withBefore = false } = {}) {
		this.#isShown = true;
		if (withBefore) process.stderr.write("\n");
		for (const [name, data] of withBefore ? this.#before : []) process[name].write(data);
		this.#before = [];
	}

	/**
	 * Waits until the Worker answers. Before wrangler says that it listens, another server might.
	 * @returns {Promise<{ settings: InvalidSetting[] }>}
	 */
	async answers() {
		const deadline = Date.now() + WAIT_SECONDS * 1000;
		while (Date.now() < deadline) {
			await sleep(100);
			if (!this.#isListening) continue;
			try {
				const response = await fetch(`${this.url}/healthz`, { signal: AbortSignal.timeout(5000) });
				const body = await response.json();
				const { status, settings = [] } = /** @type {{ status?: string, settings?: InvalidSetting[] }} */ (body);
				if (status !== undefined) {
					this.#isReady = true;
					return { settings };
				}
			} catch {
				// Not yet, or wrangler says on a page of its own that the Worker cannot start.
			}
		}
		this.show({ withBefore: !this.#isShown });
		throw new Refusal(`The Worker has not answered for ${WAIT_SECONDS} s: see wrangler's output. ${this.where()}`);
	}
}
