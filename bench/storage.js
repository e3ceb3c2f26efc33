// The stub behind the bindings EVENTS and DB: workerd makes each KV put an HTTP PUT to it, and its D1 client makes each
// statement a POST. It counts puts and inserts of events, and remembers only the last of each; `GET /` returns counts and
// last ones.
// `GET /?delay=200` has every later response wait for 200 ms.

let puts = 0;
let inserts = 0;
/** @type {{ url: string, metadata: string | null, value: Promise<string> } | undefined} */
let lastPut;
/** @type {Promise<string> | undefined} */
let lastInsert;
let delay = 0;

/** What D1 responds to the insert of an event with two targets. */
const INSERTED = JSON.stringify([
	{
		success: true,
		results: [],
		meta: {
			served_by: "stub",
			served_by_region: "APAC",
			served_by_primary: true,
			timings: { sql_duration_ms: 0.5 },
			duration: 0.5,
			changes: 7,
			last_row_id: 0,
			changed_db: true,
			size_after: 1_000_000,
			rows_read: 10,
			rows_written: 7,
			total_attempts: 1,
		},
	},
]);

/** @type {ExportedHandler} */
export default {
	async fetch(request) {
		if (request.method === "GET") return state(new URL(request.url));
		if (request.method === "PUT") {
			puts += 1;
			lastPut = { url: request.url, metadata: request.headers.get("cf-kv-metadata"), value: request.text() };
			await lastPut.value;
			if (delay > 0) await scheduler.wait(delay);
			return new Response(null);
		}
		const statement = request.text();
		// Not the counts of calls, which ours writes after the response, and the peers not at all.
		if ((await statement).includes("INSERT INTO events")) {
			inserts += 1;
			lastInsert = statement;
		}
		if (delay > 0) await scheduler.wait(delay);
		return new Response(INSERTED, { headers: { "content-type": "application/json" } });
	},
};

/** @param {URL} url */
async function state(url) {
	delay = Number(url.searchParams.get("delay") ?? delay);
	const put = lastPut && { key: keyOf(lastPut.url), metadata: lastPut.metadata, value: await lastPut.value };
	const insert = lastInsert && JSON.parse(await lastInsert);
	return Response.json({ puts, put, inserts, insert });
}

/** @param {string} url */
function keyOf(url) {
	return decodeURIComponent(new URL(url).pathname.slice(1));
}
