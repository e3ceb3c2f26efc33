// page/lib/csv.ts: events as rows of CSV, which no spreadsheet takes for formulas.

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { header, rows } from "../../page/lib/csv.ts";
import { event } from "./events.mjs";

const TIME = Date.parse("2026-11-25T14:05:09.012Z");

/**
 * The cell of the actor as it is written.
 * @param {string} actor
 */
function cellOf(actor) {
	const [written] = rows(event(TIME, { from_account: actor }))
		.split("2026-11-25T14:05:09.012Z,unfollow,")
		.slice(1);
	return written.slice(0, written.indexOf(",bob,iOS,"));
}

test("the columns", () => {
	assert.equal(header, "event_time,kind,actor,target,platform,client_ip,received_at,sdk_app_id,event_id\r\n");
});

suite("an event", () => {
	test("is one row a target, with times in UTC", () => {
		const { id } = event(TIME);
		const written = rows(event(TIME, { to_accounts: ["bob", "carol"], received_at: TIME + 1_000 }));
		assert.equal(
			written,
			`2026-11-25T14:05:09.012Z,unfollow,alice,bob,iOS,127.0.0.1,2026-11-25T14:05:10.012Z,1400000000,${id}\r\n` +
				`2026-11-25T14:05:09.012Z,unfollow,alice,carol,iOS,127.0.0.1,2026-11-25T14:05:10.012Z,1400000000,${id}\r\n`,
		);
	});

	test("has empty cells for what is not known", () => {
		const written = rows(event(TIME, { opt_platform: null, client_ip: null }));
		assert.match(written, /,alice,bob,,,2026-/);
	});

	test("may have a time that is no date", () => {
		const written = rows(event(TIME, { event_time: 8.64e15, received_at: 8.64e15 + 2 }));
		assert.ok(written.startsWith("'+275760-09-13T00:00:00.000Z,unfollow,"));
		assert.match(written, /,8640000000000002,1400000000,/);
	});
});

suite("a cell", () => {
	test("is quoted where it has to be", () => {
		assert.equal(cellOf("bob"), "bob");
		assert.equal(cellOf("a,b"), '"a,b"');
		assert.equal(cellOf('say "hi"'), '"say ""hi"""');
		assert.equal(cellOf('"'), '""""');
		assert.equal(cellOf("a\nb"), '"a\nb"');
		assert.equal(cellOf("a\rb"), '"a\rb"');
		assert.equal(cellOf("a\r\nb"), '"a\r\nb"');
	});

	test("is quoted where a reader might drop its ends", () => {
		assert.equal(cellOf(" bob"), '" bob"');
		assert.equal(cellOf("bob "), '"bob "');
		assert.equal(cellOf("\u00a0bob"), '"\u00a0bob"');
		assert.equal(cellOf("bob\u00a0"), '"bob\u00a0"');
		assert.equal(cellOf("a b"), "a b");
	});

	test("that would be a formula is a text", () => {
		for (const first of ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"]) {
			assert.equal(cellOf(`${first}1+1`), `'${first}1+1`);
		}
		assert.equal(cellOf("\t=1+1"), "'\t=1+1");
		assert.equal(cellOf("\r=1+1"), '"\'\r=1+1"');
		assert.equal(cellOf("\n=1+1"), '"\'\n=1+1"');
		assert.equal(cellOf('=HYPERLINK("https://a.example","b")'), `"'=HYPERLINK(""https://a.example"",""b"")"`);
	});

	test("that has such a sign elsewhere is as it is", () => {
		assert.equal(cellOf("user-7"), "user-7");
		assert.equal(cellOf("a=b@c"), "a=b@c");
		assert.equal(cellOf("'=1"), "'=1");
	});

	test("holds any other script", () => {
		assert.equal(cellOf("微信用户🙂"), "微信用户🙂");
	});
});
