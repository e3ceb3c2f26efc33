// page/lib/export_part.ts: what of a part of an export belongs into the file, and how many events it has.

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Problem } from "../../page/api/client.ts";
import { readPart, timeOfId } from "../../page/lib/export_part.ts";

const HEADER = "event_time,kind,actor,target,platform,client_ip,received_at,sdk_app_id,source,event_id\r\n";
const [FIRST, SECOND, THIRD] = ["1", "2", "3"].map((n) => `8297981656321-${n.repeat(32)}`);
/**
 * A row of CSV, whose target is written so.
 * @param {string} id
 */
const row = (id, target = "bob") => `2023-12-08T06:52:23.678Z,unfollow,alice,${target},iOS,,,1400000000,,${id}\r\n`;
/** @param {string} id */
const damagedRow = (id) => `2023-12-08T06:52:23.678Z,,,,,,,,,${id}\r\n`;

suite("a part of JSON Lines", () => {
	const line = (/** @type {string} */ id) => `{"id":"${id}","from_account":"\u2028\\n"}\n`;

	test("is without its last line, which says what is damaged", () => {
		const text = `${line(FIRST)}${line(SECOND)}{"cursor":"abc","damaged":["${THIRD}"]}\n`;
		const part = { text: `${line(FIRST)}${line(SECOND)}`, ids: [FIRST, SECOND], damaged: [THIRD] };
		assert.deepEqual(readPart("jsonl", text), part);
	});

	test("may have no event", () => {
		assert.deepEqual(readPart("jsonl", '{"cursor":null,"damaged":[]}\n'), { text: "", ids: [], damaged: [] });
	});
});

for (const format of /** @type {const} */ (["csv", "spreadsheet"])) {
	suite(`a part of the form ${format}`, () => {
		test("is the file's text, mark and all, and has the events of its rows", () => {
			const text = `\ufeff${HEADER}${row(FIRST)}${row(FIRST, "carol")}${row(SECOND)}`;
			assert.deepEqual(readPart(format, text), { text, ids: [FIRST, SECOND], damaged: [] });
			assert.deepEqual(readPart(format, row(THIRD)), { text: row(THIRD), ids: [THIRD], damaged: [] });
			assert.deepEqual(readPart(format, HEADER).ids, []);
		});

		test("has damaged events where a row has an id alone", () => {
			const text = `${row(FIRST)}${damagedRow(SECOND)}`;
			assert.deepEqual(readPart(format, text), { text, ids: [FIRST], damaged: [SECOND] });
		});

		test("has no more rows than it has, whatever is in its cells", () => {
			for (const target of [`"a\r\n,,${THIRD}\r\n"`, `"""\r\n,,,,,,,,,${THIRD}\r\n"""`, `""""`, `"a,b"`, `"\n"`]) {
				assert.deepEqual(readPart(format, row(FIRST, target)).ids, [FIRST], target);
				assert.deepEqual(readPart(format, row(FIRST, target)).damaged, [], target);
			}
		});
	});
}

test("what is no part, or breaks off, is a problem", () => {
	const unreadable = (/** @type {unknown} */ error) => error instanceof Problem && error.status === 200;
	for (const text of ["<html>\r\n</html>\r\n", "<html>", row(FIRST).slice(0, -1), row(FIRST).slice(0, 30)]) {
		assert.throws(() => readPart("csv", text), unreadable, text);
	}
	for (const text of ["", "<html>", '{"id":"a"}\n{"cur', '{"id":"a"}\n']) {
		assert.throws(() => readPart("jsonl", text), unreadable, text);
	}
});

test("an id tells when its event was", () => {
	assert.equal(timeOfId(FIRST), 1_702_018_343_678);
});
