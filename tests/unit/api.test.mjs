// page/api/client.ts: the calls of the API, and what is said where one fails.

import assert from "node:assert/strict";
import { afterEach, mock, suite, test } from "node:test";
import { Api, invalidSettings, Problem } from "../../page/api/client.ts";

const APP = 1_400_000_000;
/** What the API has told of the server's clock. @type {(string | null)[]} */
const dates = [];
const api = new Api("a-token", (date, askedAt) => {
	assert.ok(askedAt <= performance.now() && askedAt > performance.now() - 60_000);
	dates.push(date);
});

afterEach(() => {
	dates.length = 0;
	mock.restoreAll();
});

/**
 * Has the next calls answered with this.
 * @param {() => Response | Promise<Response>} answer
 */
function answered(answer) {
	/** @type {{ method: string | undefined, url: string, token: string | null }[]} */
	const asked = [];
	/** @type {typeof fetch} */
	const fake = async (url, { method, headers } = {}) => {
		asked.push({ method, url: String(url), token: new Headers(headers).get("authorization") });
		return answer();
	};
	mock.method(globalThis, "fetch", fake);
	return asked;
}

/**
 * What is said of a call that is answered so.
 * @param {() => Response | Promise<Response>} answer
 */
async function problemOf(answer) {
	answered(answer);
	try {
		await api.get("/v1/apps", {});
	} catch (error) {
		assert.ok(error instanceof Problem);
		const { status, sentence, retryAfter } = error;
		return { status, sentence, retryAfter };
	}
	assert.fail("there is no problem");
}

suite("a call", () => {
	test("has the token, and resolves to the JSON of the response", async () => {
		const asked = answered(() => Response.json({ apps: [APP] }));
		assert.deepEqual(await api.get("/v1/apps", {}), { apps: [APP] });
		assert.deepEqual(asked, [{ method: "GET", url: "/v1/apps", token: "Bearer a-token" }]);
	});

	test("tells the date of the response, also of one that is an error", async () => {
		const headers = { date: "Wed, 25 Nov 2026 14:05:09 GMT" };
		answered(() => Response.json({ apps: [APP] }, { headers }));
		await api.get("/v1/apps", {});
		await problemOf(() => Response.json({}, { status: 503, headers }));
		assert.deepEqual(dates, [headers.date, headers.date]);
	});

	test("leaves out parameters that are null or empty, and not those that are 0", async () => {
		const asked = answered(() => Response.json({ events: [], damaged: [], cursor: null }));
		await api.get("/v1/events", { app: APP, user: "", kind: null, role: undefined, since: 0, limit: 50 });
		assert.equal(asked[0].url, `/v1/events?app=${APP}&since=0&limit=50`);
	});

	test("writes a space as %20 and a plus sign as %2B", async () => {
		const asked = answered(() => Response.json({}));
		await api.get("/v1/users/{app}", { app: APP, user: "a b+c&d/微" });
		assert.equal(asked[0].url, `/v1/users/${APP}?user=a%20b%2Bc%26d%2F%E5%BE%AE`);
	});

	test("encodes what is in its path", async () => {
		const asked = answered(() => Response.json({ replayed: 1 }));
		await api.post("/v1/dead-letters/{app}/{id}/replay", { app: 0, id: "a/b?c" });
		assert.deepEqual([asked[0].method, asked[0].url], ["POST", "/v1/dead-letters/0/a%2Fb%3Fc/replay"]);
	});

	test("may be answered without a body", async () => {
		const asked = answered(() => new Response(null, { status: 204 }));
		assert.equal(await api.delete("/v1/events/{app}/{id}", { app: APP, id: "id" }), undefined);
		assert.deepEqual([asked[0].method, asked[0].url], ["DELETE", `/v1/events/${APP}/id`]);
	});

	test("for a part of a file resolves to it with its byte-order mark, and to where it goes on", async () => {
		const asked = answered(() => new Response("\ufeffa,b\r\n", { headers: { "next-cursor": "abc" } }));
		const query = /** @type {const} */ ({ app: APP, format: "spreadsheet", cursor: null });
		assert.deepEqual(await api.part("/v1/export", query), { text: "\ufeffa,b\r\n", next: "abc" });
		assert.equal(asked[0].url, `/v1/export?app=${APP}&format=spreadsheet`);
		answered(() => new Response(""));
		assert.deepEqual(await api.part("/v1/export", query), { text: "", next: null });
	});

	test("for a text resolves to it: a number may be more than JavaScript can hold", async () => {
		answered(() => new Response('{"n":12345678901234567890}'));
		assert.equal(await api.text("/v1/events/{app}/{id}", { app: APP, id: "id" }), '{"n":12345678901234567890}');
	});
});

suite("a call that fails", () => {
	test("says what the response says", async () => {
		const detail = "There is no such event.";
		assert.deepEqual(await problemOf(() => Response.json({ detail }, { status: 404 })), {
			status: 404,
			sentence: detail,
			retryAfter: 0,
		});
	});

	test("says in our words that the token is wrong, or that there were too many calls", async () => {
		const rejected = await problemOf(() => Response.json({ detail: "Unauthorized" }, { status: 401 }));
		assert.equal(rejected.sentence, "The token was rejected.");
		const headers = { "retry-after": "7" };
		assert.deepEqual(await problemOf(() => new Response("slow down", { status: 429, headers })), {
			status: 429,
			sentence: "The Worker is called too often.",
			retryAfter: 7_000,
		});
	});

	test("waits until the date that the response says, by its own clock", async () => {
		const date = "Wed, 25 Nov 2015 14:05:00 GMT";
		const waits = async (/** @type {Record<string, string>} */ headers) =>
			(await problemOf(() => new Response("", { status: 503, headers }))).retryAfter;
		assert.equal(await waits({ date, "retry-after": "Wed, 25 Nov 2015 14:06:00 GMT" }), 60_000);
		assert.equal(await waits({ date, "retry-after": date }), 0);
		assert.equal(await waits({ date, "retry-after": "soon" }), 0);
		assert.ok((await waits({ "retry-after": new Date(Date.now() + 90_000).toUTCString() })) > 80_000);
	});

	test("says the status where the response says nothing", async () => {
		const { sentence } = await problemOf(() => new Response("<h1>Bad gateway</h1>", { status: 502 }));
		assert.equal(sentence, "The Worker answered 502.");
	});

	test("says that a success cannot be read", async () => {
		const { status, sentence } = await problemOf(() => new Response("<h1>Welcome</h1>"));
		assert.deepEqual([status, sentence], [200, "The Worker's response cannot be read."]);
	});

	test("says that there was no response", async () => {
		const { status, sentence } = await problemOf(() => Promise.reject(new TypeError("fetch failed")));
		assert.deepEqual([status, sentence], [0, "The Worker cannot be reached."]);
	});

	test("is no problem where the page has aborted it", async () => {
		const reason = new Error("another app");
		answered(() => Promise.reject(reason));
		await assert.rejects(api.get("/v1/apps", {}, AbortSignal.abort(reason)), reason);
	});
});

suite("the invalid settings", () => {
	test("are those that /healthz names", async () => {
		const settings = [{ name: "ADMIN_TOKEN", problem: "is too short" }];
		answered(() => Response.json({ status: "invalid settings", settings }, { status: 503 }));
		assert.deepEqual(await invalidSettings(), settings);
	});

	test("are none where it names none, or does not answer", async () => {
		answered(() => Response.json({ status: "ok" }));
		assert.deepEqual(await invalidSettings(), []);
		answered(() => Promise.reject(new TypeError("fetch failed")));
		assert.deepEqual(await invalidSettings(), []);
		answered(() => new Response("<h1>Bad gateway</h1>", { status: 502 }));
		assert.deepEqual(await invalidSettings(), []);
	});
});
