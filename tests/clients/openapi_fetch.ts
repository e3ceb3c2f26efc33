// Calls every operation with openapi-fetch, by the types that openapi-typescript makes of the description.

import createClient from "openapi-fetch";
import { ADMIN_TOKEN, APP, expect, say, USER_ID, until, WORKER } from "./expect.ts";
import type { components, paths } from "./openapi.d.ts";

type Schemas = components["schemas"];

const client = createClient<paths>({ baseUrl: WORKER, headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
client.use({ onResponse: ({ request, response }) => say(request, response) });

/** What a call that succeeded has. */
function data<T>(result: { data?: T; response: Response }): NonNullable<T> {
	expect(result.data !== undefined && result.data !== null, `${result.response.url}: ${result.response.status}`);
	return result.data;
}

const app = Number(APP);

const health: Schemas["Healthy"] = data(await client.GET("/healthz"));
expect(health.status === "ok", "healthy");
const status: Schemas["Status"] = data(await client.GET("/v1/status"));
expect(status.role === "admin" && status.sinks.includes("origin") && status.settings.length === 0, "the status");
const apps: Schemas["AppList"] = data(await client.GET("/v1/apps"));
expect(apps.apps.includes(app) && apps.removed?.length === 0, "the apps");

let indexed = 0;
let cursor: string | null = null;
do {
	const query: { cursor?: string } = cursor === null ? {} : { cursor };
	const step: Schemas["Reindexed"] = data(await client.POST("/v1/reindex", { params: { query } }));
	indexed += step.indexed;
	cursor = step.cursor;
} while (cursor !== null);
expect(indexed === 3, "three events are indexed");

const events: Schemas["ListedEvent"][] = [];
do {
	const query = { app, since: "2020-01-01T00:00:00+08:00", limit: 1, ...(cursor === null ? {} : { cursor }) };
	const page: Schemas["EventPage"] = data(await client.GET("/v1/events", { params: { query } }));
	expect(page.damaged.length === 0, "no event is damaged");
	events.push(...page.events);
	cursor = page.cursor;
} while (cursor !== null);
expect(events.length === 3 && events.every((event) => event.sdk_app_id === app), "three events");
const [newest] = events;
expect(newest !== undefined, "an event");
const path = { app, id: newest.id };

const record: Schemas["EventRecord"] = data(await client.GET("/v1/events/{app}/{id}", { params: { path } }));
expect(record.body.From_Account === newest.from_account && record.delivery === null, "the record");

const jsonl = await client.GET("/v1/export", { params: { query: { app } }, parseAs: "text" });
const lines: string[] = data(jsonl).trimEnd().split("\n");
expect(lines.length === 4 && jsonl.response.headers.get("next-cursor") === null, "the export");
const csv = await client.GET("/v1/export", { params: { query: { app, format: "csv" } }, parseAs: "text" });
expect(data(csv).startsWith("event_time,kind,actor,"), "the export as CSV");

const stats: Schemas["Stats"] = data(await client.GET("/v1/stats", { params: { query: { app, bucket: "day" } } }));
expect(stats.buckets.reduce((sum, { unfollows }) => sum + unfollows, 0) === 3, "the counts");
const ofUser = { path: { app }, query: { user: USER_ID } };
const user: Schemas["User"] = data(await client.GET("/v1/users/{app}", { params: ofUser }));
expect(user.user === USER_ID && user.following.removed === 1, "the user");
const top: Schemas["Top"] = data(await client.GET("/v1/top", { params: { query: { app, by: "lost", limit: 1 } } }));
expect(top.users[0]?.user === "bob", "the user who lost most");
const ofBob = { path: { app }, query: { user: "bob" } };
const followers: Schemas["FollowerPage"] = data(await client.GET("/v1/users/{app}/followers", { params: ofBob }));
expect(followers.followers.length === 0 && followers.covered_since !== null, "the followers");
const compared: Schemas["Compared"] = data(await client.POST("/v1/users/{app}/compare", { params: ofBob }));
expect(compared.checked === 1 && compared.unknown_to_log === 1 && compared.cursor === null, "the comparison");
const known = { ...ofBob.query, actor: USER_ID, kind: "unfollow", event_time: newest.event_time } as const;
const recorded: Schemas["RecordedMissed"] = data(
	await client.POST("/v1/users/{app}/missed", { params: { path: { app }, query: known } }),
);
expect(recorded.outcome === "known", "what was found elsewhere");
let checked = 0;
do {
	const query: { app: number; cursor?: string } = cursor === null ? { app } : { app, cursor };
	const step: Schemas["Compared"] = data(await client.POST("/v1/compare", { params: { query } }));
	checked += step.checked;
	cursor = step.cursor;
} while (cursor !== null);
expect(checked === 1, "the comparison of all");
const calls: Schemas["Calls"] = data(await client.GET("/v1/calls"));
expect(calls.hours.length === 0 && calls.last_call_at === null, "the calls");
const alerts: Schemas["AlertList"] = data(
	await client.GET("/v1/alerts", { params: { query: { app, language: "zh" } } }),
);
expect(alerts.complete, "the alerts");
const tested: Schemas["TestedAlerts"] = data(await client.POST("/v1/alerts/test"));
expect(tested.targets[0]?.service === "dingtalk", "the test message");

const replayed: Schemas["Replayed"] = data(await client.POST("/v1/events/{app}/{id}/replay", { params: { path } }));
expect(replayed.replayed === 1, "the replay");
await until(async () => {
	const query = { app, state: "delivered" } as const;
	const page: Schemas["DeliveryPage"] = data(await client.GET("/v1/deliveries", { params: { query } }));
	return page.deliveries.some(({ event_id, attempts }) => event_id === newest.id && attempts === 1);
}, "the delivery");

const list: Schemas["DeadLetterPage"] = data(await client.GET("/v1/dead-letters", { params: { query: { app } } }));
const [first, second, ...others] = list.dead_letters;
expect(first !== undefined && second !== undefined && others.length > 0, "dead letters");
const letter: Schemas["WholeDeadLetter"] = data(
	await client.GET("/v1/dead-letters/{app}/{id}", { params: { path: { app, id: first.id } } }),
);
const ofLetter: Schemas["ListedEvent"] | null = letter.event;
expect(ofLetter?.from_account === "alice" && letter.last_status === 500, "the dead letter");
const again: Schemas["Replayed"] = data(
	await client.POST("/v1/dead-letters/{app}/{id}/replay", { params: { path: { app, id: first.id } } }),
);
expect(again.replayed === 1, "the replay of a dead letter");
const discarded = await client.DELETE("/v1/dead-letters/{app}/{id}", { params: { path: { app, id: second.id } } });
expect(discarded.response.status === 204, "a dead letter is discarded");
const some: Schemas["ReplayedSome"] = data(
	await client.POST("/v1/dead-letters/{app}/replay", { params: { path: { app } } }),
);
expect(some.replayed >= others.length && some.cursor === null, "the replay of the others");

const gone = await client.DELETE("/v1/events/{app}/{id}", { params: { path } });
expect(gone.response.status === 204, "an event is erased");
const missing = await client.GET("/v1/events/{app}/{id}", { params: { path } });
const problem: Schemas["Problem"] | undefined = missing.error;
expect(problem?.status === 404 && problem.detail !== "", "a problem");

const erased: Schemas["Erased"] = data(await client.DELETE("/v1/users/{app}", { params: ofUser }));
expect(erased.deleted === 1 && !erased.more, "the user is erased");
const searched: Schemas["ErasedRecords"] = data(await client.DELETE("/v1/users/{app}/records", { params: ofUser }));
expect(searched.deleted === 0 && searched.cursor === null, "nothing of the user is left");
