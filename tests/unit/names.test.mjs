import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { unknownSettings } from "../../scripts/names.mjs";

/** @type {{ names: string[], apps: string[], unknown: string[] }[]} */
const vectors = JSON.parse(readFileSync(new URL("../vectors/unknown-settings.json", import.meta.url), "utf8"));

for (const { names, apps, unknown } of vectors) {
	test(`of ${names.join(", ")}, ${unknown.length > 0 ? unknown.join(", ") : "none"} is meant for a setting`, () => {
		assert.deepEqual(unknownSettings(names, apps), unknown);
	});
}
