// The CPU time of a process, user and system, from the kernel's accounting.

import { readdirSync, readFileSync } from "node:fs";

/**
 * What all threads of the process have spent, in ns. A thread that ends takes its time with it; workerd's stay.
 * @param {number} pid
 */
export function cpuTime(pid) {
	const threads = readdirSync(`/proc/${pid}/task`);
	const spent = (/** @type {string} */ thread) =>
		Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1").split(" ")[0]);
	return threads.reduce((sum, thread) => sum + spent(thread), 0);
}
