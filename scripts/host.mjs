// What the programs in wasm (examples/, built by `scripts/build.sh programs`) need of the machine: arguments, variables, output,
// files, the clock, and calls. They run in a thread of their own, which may wait; `program.mjs` starts it and makes the calls.
// What fails throws a text: the error's code, a space, and its message.

import { closeSync, fdatasyncSync, fstatSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { receiveMessageOnPort, workerData } from "node:worker_threads";

/** @import { MessagePort } from "node:worker_threads" */

/** @type {{ name: string, args: string[], calls: MessagePort, ended: Int32Array }} */
const { name, args, calls, ended: signal } = workerData;

/** Ms between two attempts to write to a pipe that is full. */
const FULL_PIPE_MS = 5;

const nothing = new Int32Array(new SharedArrayBuffer(4));

/**
 * @template T
 * @param {() => T} work
 */
function coded(work) {
	try {
		return work();
	} catch (error) {
		const { code = "", message } = /** @type {NodeJS.ErrnoException} */ (error);
		throw `${code} ${message}`;
	}
}

/** @param {number} number 0 for the program's name */
export function argument(number) {
	return number === 0 ? name : args[number - 1];
}

/** @param {string} name */
export function variable(name) {
	return process.env[name];
}

/**
 * Writes all of a text. Not by `process.stdout`, which does not say whether it could.
 * @param {1 | 2} descriptor
 * @param {string} text
 */
export function write(descriptor, text) {
	let rest = Buffer.from(text);
	coded(() => {
		while (rest.length > 0) {
			try {
				rest = rest.subarray(writeSync(descriptor, rest));
			} catch (error) {
				if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EAGAIN") throw error;
				sleep(FULL_PIPE_MS);
			}
		}
	});
}

/** Brings what was printed to the disk, where it goes into a file. */
export function syncOutput() {
	coded(() => {
		if (fstatSync(1).isFile()) fdatasyncSync(1);
	});
}

/** @param {string} path */
export function read(path) {
	return coded(() => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(readFileSync(path)));
}

/**
 * Writes a file atomically and durably: after a crash it has this text or the one before.
 * @param {string} path
 * @param {string} text
 */
export function replace(path, text) {
	coded(() => {
		// The same name each time, so that crashes leave at most one such file.
		const file = openSync(`${path}.new`, "w");
		try {
			writeSync(file, text);
			fsyncSync(file);
		} finally {
			closeSync(file);
		}
		renameSync(`${path}.new`, path);
	});
}

/** Unix ms. */
export function now() {
	return Date.now();
}

/** Ms since the program began. */
export function sinceStart() {
	return performance.now();
}

/** @param {number} ms */
export function sleep(ms) {
	Atomics.wait(nothing, 0, 0, ms);
}

/**
 * Ends the program.
 * @param {number} status
 */
export function exit(status) {
	process.exit(status);
}

/**
 * Begins a call.
 * @param {string} call as `program.mjs` describes it, in JSON
 */
export function begin(call) {
	calls.postMessage(call);
}

/** Waits for the next call that ends: how, in JSON. */
export function ended() {
	for (;;) {
		const seen = Atomics.load(signal, 0);
		const received = receiveMessageOnPort(calls);
		if (received !== undefined) return received.message;
		Atomics.wait(signal, 0, seen);
	}
}
