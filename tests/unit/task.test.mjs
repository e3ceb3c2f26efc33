// page/state/task.ts: long work goes on after a request that has failed, and where it was stopped.

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Problem } from "../../page/api/client.ts";
import { now } from "../../page/state/clock.ts";
import { Task } from "../../page/state/task.ts";

/** Counts up to three, where none of its steps does what is given for it by its number, from 0. */
class Counting extends Task {
	/** @type {((signal: AbortSignal) => unknown)[]} */
	#interludes;
	steps = 0;

	/** @param {((signal: AbortSignal) => unknown)[]} interludes */
	constructor(interludes = []) {
		super();
		this.#interludes = interludes;
	}

	/** @override @param {AbortSignal} signal */
	async step(signal) {
		this.steps += 1;
		await this.#interludes.shift()?.(signal);
		this.total.value += 1;
		return this.total.value < 3;
	}
}

const fail =
	(/** @type {number} */ status, retryAfter = 0) =>
	() => {
		throw new Problem(status, `It is ${status}.`, retryAfter);
	};
const well = () => {};

/** What is said of a request that has failed so. */
const sentence = (/** @type {number} */ status) => new Problem(status, `It is ${status}.`).sentence;

/** Ms until a task goes on; 0 where it does not wait. @param {Task} task */
const retryIn = ({ retryAt }) => retryAt.value && retryAt.value - now.value;

/** Lets all that is ready run. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

suite("long work", () => {
	test("is done when its last step is", async () => {
		const task = new Counting();
		assert.equal(await task.run(), true);
		assert.deepEqual([task.state.value, task.total.value, task.problem.value], ["done", 3, ""]);
	});

	for (const status of [0, 429, 500, 503]) {
		test(`goes on after a request that has failed with ${status}`, async (t) => {
			t.mock.timers.enable({ apis: ["setTimeout"] });
			const task = new Counting([well, fail(status)]);
			const run = task.run();
			await settle();
			assert.deepEqual([task.state.value, task.total.value, retryIn(task)], ["running", 1, 1000]);
			assert.equal(task.problem.value, sentence(status));
			t.mock.timers.tick(1000);
			assert.equal(await run, true);
			assert.deepEqual([task.total.value, task.problem.value, retryIn(task)], [3, "", 0]);
		});
	}

	test("waits as long as the response says", async (t) => {
		t.mock.timers.enable({ apis: ["setTimeout"] });
		const task = new Counting([fail(503, 30_000)]);
		const run = task.run();
		await settle();
		assert.equal(retryIn(task), 30_000);
		t.mock.timers.tick(29_999);
		await settle();
		assert.equal(task.steps, 1);
		t.mock.timers.tick(1);
		assert.equal(await run, true);
	});

	test("stops where a step fails too often in a row, and can be gone on with", async (t) => {
		t.mock.timers.enable({ apis: ["setTimeout"] });
		const task = new Counting([well, fail(503), fail(503), fail(503), fail(503)]);
		const run = task.run();
		for (const wait of [1000, 2000, 4000]) {
			await settle();
			assert.equal(retryIn(task), wait);
			t.mock.timers.tick(wait);
		}
		assert.equal(await run, false);
		assert.deepEqual([task.state.value, task.total.value, task.problem.value], ["stopped", 1, "It is 503."]);
		assert.equal(await task.run(), true);
		assert.deepEqual([task.state.value, task.total.value, task.problem.value], ["done", 3, ""]);
	});

	for (const status of [400, 401, 403, 409]) {
		test(`does not try again what ${status} has answered`, async () => {
			const task = new Counting([fail(status)]);
			assert.equal(await task.run(), false);
			assert.deepEqual([task.state.value, task.steps, task.problem.value], ["stopped", 1, sentence(status)]);
		});
	}

	test("stops after the step that is under way, and goes on from there", async () => {
		/** @type {Counting} */
		const task = new Counting([() => task.stop()]);
		assert.equal(await task.run(), false);
		assert.deepEqual([task.state.value, task.total.value, task.problem.value], ["stopped", 1, ""]);
		assert.equal(await task.run(), true);
		assert.equal(task.total.value, 3);
	});

	test("stops while it waits", async (t) => {
		t.mock.timers.enable({ apis: ["setTimeout"] });
		const task = new Counting([fail(503, 1e12)]);
		const run = task.run();
		await settle();
		task.stop();
		assert.equal(await run, false);
		assert.deepEqual([task.state.value, task.problem.value, retryIn(task)], ["stopped", "", 0]);
	});

	test("is done where its last step was under way when it was stopped", async () => {
		/** @type {Counting} */
		const task = new Counting([well, well, () => task.stop()]);
		assert.equal(await task.run(), true);
	});

	test("does not run twice at a time", async () => {
		const task = new Counting();
		const [first, second] = await Promise.all([task.run(), task.run()]);
		assert.deepEqual([first, second, task.steps], [true, false, 3]);
	});
});
