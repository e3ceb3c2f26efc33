// page/lib/acknowledged.ts: how long an alert that was acknowledged stays quiet.

import assert from "node:assert/strict";
import { test } from "node:test";
import { acknowledgementOf, isQuiet, without } from "../../page/lib/acknowledged.ts";

const NOW = 1_795_000_000_000;

/** @typedef {import("../../page/api/client.ts").Alert} Alert */

/** @type {Alert} */
const ALERT = {
	...{
		key: "calls_rejected/1400000000/targets",
		kind: "calls_rejected",
		severity: "warning",
		sdk_app_id: 1_400_000_000,
	},
	...{
		subject: "targets",
		since: NOW - 1,
		last_at: NOW,
		count: 3,
		at_least: false,
		event_ids: [],
		title: "",
		action: "",
	},
};

test("what was acknowledged is quiet until it is graver, begins again or is ten times as much", () => {
	const acknowledged = acknowledgementOf(ALERT, NOW);
	/** @type {[Partial<Alert>, boolean][]} */
	const cases = [
		[{}, true],
		[{ last_at: NOW + 1 }, true],
		[{ severity: "critical" }, false],
		[{ since: NOW }, true],
		[{ since: NOW + 1 }, false],
		[{ since: null }, true],
		[{ count: 29 }, true],
		[{ count: 30 }, false],
		[{ count: null }, true],
	];
	for (const [change, quiet] of cases) {
		assert.equal(isQuiet({ ...ALERT, ...change }, acknowledged), quiet, JSON.stringify(change));
	}
	assert.equal(isQuiet(ALERT, undefined), false);
	// Where there is nothing to count.
	const ofSetting = { ...ALERT, count: null };
	assert.equal(isQuiet(ofSetting, acknowledgementOf(ofSetting, NOW)), true);
});

test("what is over is forgotten, but for other apps", () => {
	const held = { [ALERT.key]: 1, "no_calls/1400000000/": 2, "no_calls/1400000001/": 3, "unknown_setting/0/A": 4 };
	assert.deepEqual(without(held, [ALERT], 1_400_000_000), { [ALERT.key]: 1, "no_calls/1400000001/": 3 });
});
