// Calls every operation with the client that @hey-api/openapi-ts makes of the description.

import { ADMIN_TOKEN, APP, expect, say, USER_ID, until, WORKER } from "./expect.ts";
import { client } from "./hey_api/client.gen";
import * as api from "./hey_api/sdk.gen";
import type * as types from "./hey_api/types.gen";

client.setConfig({ baseUrl: WORKER, auth: ADMIN_TOKEN });
client.interceptors.response.use((response, request) => {
	say(request, response);
	return response;
});

/** What a call that succeeded has. */
function data<T>(result: { data?: T; response?: Response }): NonNullable<T> {
	expect(result.data !== undefined && result.data !== null, `${result.response?.url}: ${result.response?.status}`);
	return result.data;
}

const app = Number(APP);

const health: types.Healthy = data(await api.health());
expect(health.status === "ok", "healthy");
const status: types.Status = data(await api.status());
expect(status.role === "admin" && status.sinks.includes("origin") && status.settings.length === 0, "the status");
const apps: types.AppList = data(await api.listApps());
expect(apps.apps.includes(app) && apps.removed?.length === 0, "the apps");

let indexed = 0;
let cursor: string | null = null;
do {
	const step: types.Reindexed = data(await api.reindex({ query: cursor === null ? {} : { cursor } }));
	indexed += step.indexed;
	cursor = step.cursor;
} while (cursor !== null);
expect(indexed === 3, "three events are indexed");

const events: types.ListedEvent[] = [];
do {
	const query = { app, since: "2020-01-01T00:00:00+08:00", limit: 1, ...(cursor === null ? {} : { cursor }) };
	const page: types.EventPage = data(await api.listEvents({ query }));
	expect(page.damaged.length === 0, "no event is damaged");
	events.push(...page.events);
	cursor = page.cursor;
} while (cursor !== null);
expect(events.length === 3 && events.every((event) => event.sdk_app_id === app), "three events");
const [newest] = events;
expect(newest !== undefined, "an event");
const path = { app, id: newest.id };

const record: types.EventRecord = data(await api.readEvent({ path }));
expect(record.body.From_Account === newest.from_account && record.delivery === null, "the record");

const jsonl = await api.exportEvents({ query: { app }, parseAs: "text" });
const lines: string[] = data(jsonl).trimEnd().split("\n");
expect(lines.length === 4 && jsonl.response?.headers.get("next-cursor") === null, "the export");
const csv: string = data(await api.exportEvents({ query: { app, format: "csv" }, parseAs: "text" }));
expect(csv.startsWith("event_time,kind,actor,"), "the export as CSV");

const stats: types.Stats = data(await api.stats({ query: { app, bucket: "day" } }));
expect(stats.buckets.reduce((sum, { unfollows }) => sum + unfollows, 0) === 3, "the counts");
const ofUser = { path: { app }, query: { user: USER_ID } };
const user: types.User = data(await api.readUser(ofUser));
expect(user.user === USER_ID && user.following.removed === 1, "the user");
const top: types.Top = data(await api.top({ query: { app, by: "lost", limit: 1 } }));
expect(top.users[0]?.user === "bob", "the user who lost most");
const ofBob = { path: { app }, query: { user: "bob" } };
const followers: types.FollowerPage = data(await api.listFollowers(ofBob));
expect(followers.followers.length === 0 && followers.covered_since !== null, "the followers");
const compared: types.Compared = data(await api.compareUser(ofBob));
expect(compared.checked === 1 && compared.unknown_to_log === 1 && compared.cursor === null, "the comparison");
const known = { ...ofBob.query, actor: USER_ID, kind: "unfollow", event_time: newest.event_time } as const;
const recorded: types.RecordedMissed = data(await api.recordMissed({ path: { app }, query: known }));
expect(recorded.outcome === "known", "what was found elsewhere");
let checked = 0;
do {
	const step: types.Compared = data(await api.compare({ query: cursor === null ? { app } : { app, cursor } }));
	checked += step.checked;
	cursor = step.cursor;
} while (cursor !== null);
expect(checked === 1, "the comparison of all");
const calls: types.Calls = data(await api.calls());
expect(calls.hours.length === 0 && calls.last_call_at === null, "the calls");
const alerts: types.AlertList = data(await api.listAlerts({ query: { app, language: "zh" } }));
expect(alerts.complete, "the alerts");
const tested: types.TestedAlerts = data(await api.testAlerts());
expect(tested.targets[0]?.service === "dingtalk", "the test message");

const replayed: types.Replayed = data(await api.replayEvent({ path }));
expect(replayed.replayed === 1, "the replay");
await until(async () => {
	const page: types.DeliveryPage = data(await api.listDeliveries({ query: { app, state: "delivered" } }));
	return page.deliveries.some(({ event_id, attempts }) => event_id === newest.id && attempts === 1);
}, "the delivery");

const list: types.DeadLetterPage = data(await api.listDeadLetters({ query: { app } }));
const [first, second, ...others] = list.dead_letters;
expect(first !== undefined && second !== undefined && others.length > 0, "dead letters");
const letter: types.WholeDeadLetter = data(await api.readDeadLetter({ path: { app, id: first.id } }));
const ofLetter: types.ListedEvent | null = letter.event;
expect(ofLetter?.from_account === "alice" && letter.last_status === 500, "the dead letter");
const again: types.Replayed = data(await api.replayDeadLetter({ path: { app, id: first.id } }));
expect(again.replayed === 1, "the replay of a dead letter");
const discarded = await api.discardDeadLetter({ path: { app, id: second.id } });
expect(discarded.response?.status === 204, "a dead letter is discarded");
const some: types.ReplayedSome = data(await api.replayDeadLetters({ path: { app } }));
expect(some.replayed >= others.length && some.cursor === null, "the replay of the others");

const gone = await api.eraseEvent({ path });
expect(gone.response?.status === 204, "an event is erased");
const missing = await api.readEvent({ path });
const problem: types.Problem | undefined = missing.error;
expect(problem?.status === 404 && problem.detail !== "", "a problem");

const erased: types.Erased = data(await api.eraseUser(ofUser));
expect(erased.deleted === 1 && !erased.more, "the user is erased");
const searched: types.ErasedRecords = data(await api.eraseRecords(ofUser));
expect(searched.deleted === 0 && searched.cursor === null, "nothing of the user is left");
