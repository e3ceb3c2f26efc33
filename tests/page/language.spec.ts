// The page in English and in Chinese: which of them it is in, and that nothing is left of the one when it is in the other. That
// the views fit and that axe finds nothing in either is in accessibility.spec.ts.

import { readFileSync } from "node:fs";
import type { Page } from "@playwright/test";
import { ADMIN_TOKEN, DAY, HOUR, MINUTE, VIEWER_TOKEN } from "./calls.ts";
import type { Dashboard } from "./dashboard.ts";
import { expect, type Shared, test } from "./fixtures.ts";
import { englishIn } from "./texts.ts";

const IDS = /\b(fan|star|luna|target-\d)\b|\d{13}-[0-9a-f]{32}/;
/** An id of an event, and of its dead letter. */
const ID = `8204620803478-${"0".repeat(32)}`;
const CHINESE = { language: "zh-CN" };

test.describe("the first language is", () => {
	for (const [locale, name, signIn] of [
		["zh-CN", "简体中文", "登录"],
		["zh-TW", "简体中文", "登录"],
		["en-US", "English", "Sign in"],
		["de-DE", "English", "Sign in"],
	]) {
		test.describe(() => {
			test.use({ locale });

			test(`${name} where the browser's is ${locale}`, async ({ dashboard }) => {
				await dashboard.open();
				await expect(dashboard.button(signIn)).toBeVisible();
				await expect(dashboard.language.locator("option:checked")).toHaveText(name);
				await expect(dashboard.page.locator("html")).toHaveAttribute("lang", name === "English" ? "en" : "zh-CN");
				// Nobody has chosen it.
				expect((await dashboard.storage()).local).toEqual({});
			});
		});
	}
});

test("a language that is chosen is shown at once and remembered, and what is open stays open", async ({
	dashboard,
	shared,
	app,
	context,
}) => {
	const { page } = dashboard;
	await shared.sendUnfollow(app, "fan", ["luna", "star"]);
	await shared.sendFollow(app, "fan", ["luna"]);
	await dashboard.open(`app=${app}`);
	await dashboard.signIn("not the token");
	await expect(dashboard.rejection).toHaveText("The token was rejected.");
	await dashboard.token.fill("typed before");
	await dashboard.chooseLanguage("简体中文");
	await expect(dashboard.rejection).toHaveText("Token 不正确。");
	await expect(page.locator("#token")).toHaveValue("typed before");
	await dashboard.chooseLanguage("English");
	await expect(dashboard.button("Sign in")).toBeEnabled();
	await dashboard.token.fill(ADMIN_TOKEN);
	await dashboard.token.press("Enter");
	await dashboard.expectEvents();

	await dashboard.search("luna");
	await dashboard.expectUser();
	await dashboard.choose("Kind", "Unfollows");
	await dashboard.expectActors(["fan"]);
	await dashboard.toggleTable();
	await dashboard.user.fill("typed and not sent");
	const before = page.url();
	const row = await dashboard.rows.first().elementHandle();
	await dashboard.chooseLanguage("简体中文");
	expect(page.url()).toBe(before);
	await expect(dashboard.radio("类型", "取关")).toBeChecked();
	await expect(dashboard.bars.first()).toBeVisible();
	await expect(dashboard.user).toHaveValue("typed and not sent");
	await expect(dashboard.rows.first()).toContainText("取关");
	await expect(dashboard.days.getByRole("heading")).toHaveText("今天");
	// It is the same element, and has the focus of before.
	expect(await row?.evaluate((element) => element.isConnected)).toBe(true);

	// After a reload, in another tab, and after signing out.
	await page.reload();
	await expect(dashboard.days.getByRole("heading")).toHaveText("今天");
	const other = await context.newPage();
	await other.goto(`${dashboard.url}/dashboard`);
	await expect(other.getByRole("button", { name: "登录" })).toBeVisible();
	await dashboard.button("退出登录").click();
	await expect(dashboard.button("登录")).toBeVisible();
	expect(await dashboard.storage()).toEqual({ session: {}, local: CHINESE, cookie: "" });
	await dashboard.chooseLanguage("English");
	await expect(dashboard.button("Sign in")).toBeVisible();
});

test("a language that the page does not know any more is not shown", async ({ dashboard }) => {
	await dashboard.page.addInitScript(() => localStorage.setItem("language", "tlh"));
	await dashboard.open();
	await expect(dashboard.button("Sign in")).toBeVisible();
});

test("an open record is told in the other language", async ({ signedIn, shared, app }) => {
	await shared.sendUnfollow(app, "fan", ["luna"]);
	const dashboard = await signedIn(app);
	await dashboard.openRecord(dashboard.rows.first());
	await dashboard.button("Delete…").click();
	await dashboard.chooseLanguage("简体中文");
	await expect(dashboard.record).toContainText("永久删除该事件？");
	await dashboard.button("删除").click();
	await expect(dashboard.announcement).toHaveText("事件已删除。");
	// What was said in one language is not said in the other.
	await dashboard.chooseLanguage("English");
	await expect(dashboard.announcement).toHaveText("");
});

test.describe("in Chinese", () => {
	test.use({ locale: "zh-CN" });

	/** Has the calls that match answered so. */
	const answer = (page: Page, url: RegExp, json: unknown, status = 200, headers = {}) =>
		page.route(url, (route) => route.fulfill({ json, status, headers }));

	async function enter(dashboard: Dashboard, query: string, token = ADMIN_TOKEN): Promise<void> {
		await dashboard.open(query);
		await dashboard.signIn(token);
		await dashboard.expectEvents();
	}

	async function expectChinese({ page }: Dashboard, text: string | RegExp): Promise<void> {
		await expect(page.locator("body")).toContainText(text);
		expect(await englishIn(page, IDS), String(text)).toEqual([]);
	}

	/** Some events of two days, one in the future, and one of no date. */
	async function sendSome(shared: Shared, app: string): Promise<void> {
		const now = Date.now();
		await shared.sendUnfollow(app, "fan", ["luna", "star", "target-1", "target-2", "target-3"], now - 25 * HOUR);
		await shared.sendFollow(app, "fan", ["luna"], now - 2 * MINUTE);
		await shared.sendFollow(app, "fan", ["star"], now + 30 * HOUR);
	}

	test("dates and numbers are Chinese", async ({ dashboard, app, shared }) => {
		const { page } = dashboard;
		const now = Date.parse("2026-11-25T14:05:09Z");
		await shared.sendUnfollow(app, "fan", ["luna"], now - 3 * DAY);
		await page.clock.install();
		await dashboard.setServerTime(now);
		await answer(page, /\/v1\/stats\?/, { buckets: [{ start: now - (now % HOUR), unfollows: 1234567, follows: 1 }] });
		await enter(dashboard, `app=${app}&range=7d`);
		await expect(dashboard.figure("tile-unfollows")).toHaveText("1,234,567");
		await expect(page.getByTestId("tile-unfollows")).toContainText("11月18日起");
		await expect(dashboard.days.getByRole("heading")).toHaveText("11月22日星期日");
		await dashboard.rows.first().getByRole("button").click();
		await expect(page.getByTestId("record-happened")).toHaveText("2026年11月22日 14:05:09");
		await page.keyboard.press("Escape");
		await page.goto(`${dashboard.url}/dashboard?app=${app}&since=${now - HOUR}&until=${now}`);
		await expect(page.getByTestId("narrowed")).toContainText("11月25日 13:05 – 11月25日 14:05");
	});

	test("no English is left where nobody has signed in", async ({ dashboard, page }) => {
		await dashboard.open();
		await expectChinese(dashboard, "查看已收到的回调");
		await dashboard.signIn("not äscii");
		await expectChinese(dashboard, "首尾不能有空格");
		await dashboard.signIn("not the token");
		await expectChinese(dashboard, "Token 不正确。");
		await expect(page.getByTestId("pause")).toHaveText("");
		for (const [settings, text] of [
			[[], "请设置 Secret ADMIN_TOKEN"],
			[[{ name: "ADMIN_TOKEN", problem: "must be longer" }], "因为 Secret ADMIN_TOKEN 无效"],
		] as const) {
			await answer(page, /\/v1\//, { detail: "not here" }, 404);
			await answer(page, /\/healthz/, { settings }, 503);
			await dashboard.signIn();
			await expectChinese(dashboard, text);
		}
		await page.unrouteAll();
		await answer(page, /\/v1\//, { detail: "invalid settings" }, 503);
		await answer(page, /\/healthz/, { settings: [{ name: "SDK_APP_IDS", problem: "must be set" }] }, 503);
		await dashboard.signIn();
		await expectChinese(dashboard, "无效的配置项：SDK_APP_IDS");
		for (const [status, json, text] of [
			[429, {}, "请求 Worker 过于频繁。"],
			[500, { detail: "D1 failed." }, "Worker 返回了 500：“D1 failed.”。"],
			[502, "<h1>Bad gateway</h1>", "Worker 返回了 502。"],
			[200, "<h1>Welcome</h1>", "无法解析 Worker 的响应。"],
		] as const) {
			await page.unrouteAll();
			await page.route(/\/v1\//, (route) =>
				route.fulfill({ status, body: typeof json === "string" ? json : JSON.stringify(json) }),
			);
			await dashboard.signIn();
			await expectChinese(dashboard, text);
		}
		// A token that is stored, and a Worker that does not work.
		await page.evaluate((token) => Object.assign(sessionStorage, { token, "used-at": Date.now() }), ADMIN_TOKEN);
		await page.unrouteAll();
		await page.route(/\/v1\//, (route) => route.abort());
		await page.reload();
		await expectChinese(dashboard, "无法显示");
		await page.evaluate(() => sessionStorage.setItem("used-at", "1"));
		await page.reload();
		await expectChinese(dashboard, "页面连续 12 小时未使用");
		await page.addInitScript(() => Object.defineProperty(window, "isSecureContext", { value: false }));
		await page.reload();
		await expectChinese(dashboard, "不支持明文 HTTP");
	});

	test("no English is left in the lists of events, nor in an export", async ({ dashboard, shared, app, page }) => {
		await sendSome(shared, app);
		await page.route(/\/v1\/events\?.*limit=50/, async (route) => {
			const response = await route.fetch();
			const json = await response.json();
			const event = { ...json.events[0], id: ID.replace("8204", "9999"), event_time: 9e15 };
			await route.fulfill({ json: { events: [...json.events, event], damaged: [event.id], cursor: "next" } });
		});
		await enter(dashboard, `app=${app}`);
		for (const text of [
			"无日期",
			"今天",
			"昨天",
			"（未来）",
			"另有 2 个",
			"加载更多",
			"已损坏，未列出",
			"时间按 UTC 时区显示。",
		]) {
			await expectChinese(dashboard, text);
		}
		await answer(page, /\/v1\/events\?.*cursor=next/, { detail: "D1 failed." }, 500);
		await dashboard.more.click();
		await expectChinese(dashboard, "“D1 failed.”。重试");
		await page.unrouteAll();
		for (const range of ["7d", "30d"]) {
			await dashboard.open(`app=${app}&range=${range}&by=net`);
			await expectChinese(dashboard, "净增 −1");
		}
		await page.getByText("以表格显示").click();
		// A day on which nothing happened.
		await dashboard.bars.nth(3).getByRole("button").click();
		await expect(page.getByTestId("narrowed")).toBeVisible();
		await expectChinese(dashboard, "没有符合条件的事件");
		await dashboard.button("显示全部事件").click();
		await dashboard.button("导出…").click();
		for (const text of ["所有已存储的事件", "供程序使用：JSON Lines"]) await expectChinese(dashboard, text);
		await answer(page, /\/v1\/export/, { detail: "D1 failed." }, 503, { "retry-after": "90" });
		await dashboard.button("导出").click();
		await expectChinese(dashboard, "1 分钟后重试。");
		await dashboard.button("停止").click();
		await expectChinese(dashboard, "继续");
		await page.unroute(/\/v1\/export/);
		await dashboard.button("继续").click();
		await expect(dashboard.announcement).toHaveText("已导出 3 个事件。");
		await shared.sendFollow(app, "fan", ["target-1"]);
		await expect(dashboard.announcement).toHaveText("1 个新事件");
		await answer(page, /\/v1\/events\?/, { detail: "D1 failed." }, 500);
		await dashboard.button("刷新").click();
		await expectChinese(dashboard, /“D1 failed.”。当前显示的是 .* 的数据。正在重试。/);
	});

	test("no English is left where the list is empty", async ({ dashboard, app, page }) => {
		const start = Math.floor(Date.now() / HOUR) * HOUR;
		const now = Date.now();
		type Call = [outcome: string, reason: string | null];
		const cases: [calls: Call[] | null, call: number | null, stored: number | null, text: string][] = [
			[null, null, null, "收到第一个事件后会自动显示在这里。"],
			[[], null, null, "还没有收到任何回调。"],
			[[["queued", null]], now, now, "尚待写入事件日志"],
			[[], now - 50 * HOUR, now - 50 * HOUR, "最近一个事件收到于 2 天前。"],
			[[["unhandled", null]], now, null, "其中没有关注或取关。"],
			[[], now - 50 * HOUR, null, "没有收到任何回调。"],
			[[["rejected", "no_token"]], now, null, "都被拒绝：no_token"],
			[
				[
					["rejected", "no_token"],
					["rejected", "not_found"],
				],
				now,
				null,
				"都被拒绝：no_token、not_found",
			],
		];
		await enter(dashboard, `app=${app}`);
		await expectChinese(dashboard, "没有取关或关注。");
		for (const [calls, call, stored, text] of cases) {
			const hours = calls?.map(([outcome, reason]) => ({ start, sdk_app_id: Number(app), outcome, reason, count: 2 }));
			await page.unrouteAll();
			if (calls === null) await answer(page, /\/v1\/calls\?/, { detail: "DB is not bound." }, 409);
			else await answer(page, /\/v1\/calls\?/, { hours, last_call_at: call, last_stored_at: stored });
			const rejected = calls?.filter(([outcome]) => outcome === "rejected") ?? [];
			const alerts = rejected.map(([, reason]) => ({
				...{ key: `calls_rejected/${app}/${reason}`, kind: "calls_rejected", severity: "warning", subject: reason },
				...{ since: start, last_at: now, count: 2, at_least: false, event_ids: [], title: "", action: "" },
			}));
			await answer(page, /\/v1\/alerts\?/, { alerts, complete: true });
			await page.reload();
			await expectChinese(dashboard, text);
		}
		await page.unrouteAll();
		await page.route(/\/v1\/status/, async (route) => {
			const response = await route.fetch();
			await route.fulfill({ response, json: { ...(await response.json()), sinks: ["kv"] } });
		});
		await page.reload();
		await expectChinese(dashboard, "无法列出事件");
		await page.unrouteAll();
		await answer(page, /\/v1\/apps/, { apps: [1], removed: [Number(app)] });
		await page.reload();
		await expectChinese(dashboard, "该应用已从 SDK_APP_IDS 中移除");
		await expect(dashboard.app.locator("option:checked")).toHaveText(`${app}（已移除）`);
		await page.unrouteAll();
		await dashboard.open(`app=${app}&user=luna`);
		await expectChinese(dashboard, "没有与该用户有关的事件。");
	});

	/** All members of an enumeration in the API's description. */
	const description = JSON.parse(readFileSync(`${import.meta.dirname}/../../page/openapi.json`, "utf8"));
	const valuesOf = (schema: string, member: string): (string | null)[] =>
		description.components.schemas[schema].properties[member].enum;

	/** A delivery in each state. */
	const deliveries = (app: string) =>
		valuesOf("Delivery", "state").map((state) => ({
			...{ sdk_app_id: Number(app), event_id: ID, state, attempts: 3, last_status: 200, last_error: "fail" },
			...{ answer: "no", next_attempt_at: Date.now() + HOUR, updated_at: Date.now() },
		}));

	test("no English is left in alerts", async ({ delivering, newDashboard }) => {
		const app = delivering.nextApp();
		await delivering.deliver(app, "gives-up,told");
		await delivering.deliver(app, "says-fail");
		await delivering.waitForDeliveries(app, "dead", 1);
		await delivering.waitForDeliveries(app, "delivered_fail", 1);
		const { worker } = delivering;
		const [now, hour] = [Date.now(), Math.floor(Date.now() / HOUR)];
		const table = readFileSync(`${import.meta.dirname}/../../docs/webhook-responses.md`, "utf8");
		const reasons = [...table.matchAll(/^\| \d+ \| \d+ \| `(\w+)` \|/gm)].map(([, reason]) => reason);
		expect(reasons).toContain("not_stored");
		const calls = [...reasons.map((reason) => ["rejected", reason]), ["queued", ""], ["dead_lettered", ""]].map(
			([outcome, reason]) => `(${hour}, ${app}, '${outcome}', '${reason}', 2, 1, ${now})`,
		);
		await worker.sql(`DELETE FROM call_counts WHERE app = ${app}`);
		await worker.sql(`INSERT INTO call_counts (hour, app, outcome, reason, count, writes, last_at)
			VALUES ${calls.join(", ")} ON CONFLICT DO UPDATE SET last_at = excluded.last_at`);
		const hash = (n: number) => `${n}`.repeat(32);
		await worker.sql(`INSERT INTO deliveries
			(app, state, event_time, hash, attempts, next_attempt_at, updated_at, last_error, retrying_since)
			VALUES (${app}, 'retrying', ${now}, '${hash(1)}', 1, ${now + HOUR}, ${now}, 'timeout', 0),
				(${app}, 'retrying', ${now}, '${hash(2)}', 1, 0, ${now}, 'unreachable', 0)`);
		const dashboard = await newDashboard(worker);
		const { page } = dashboard;
		await enter(dashboard, `app=${app}`);
		await expect(dashboard.alerts).toContainText("1 次投递正在重试：业务后台应答超时");
		expect(await englishIn(page, /says-fail|gives-up,told/)).toEqual([]);
		for (const name of ["retrying", "overdue", "dead", "answered_fail"]) {
			await expect(page.getByTestId(`alert-deliveries_${name}`)).toBeVisible();
		}
		for (const name of ["queued", "dead_lettered", "not_stored"]) {
			await expect(page.getByTestId(`alert-events_${name}`)).toBeVisible();
		}
		const rejected = page.getByTestId(/alert-(calls_rejected|stray_calls|events_not_stored)/);
		await expect(rejected).toHaveCount(reasons.length);
	});

	test("no English is left in dead letters", async ({ dashboard, app, page }) => {
		const now = Date.now();
		const letter = {
			id: ID,
			sdk_app_id: Number(app),
			last_status: null,
			last_error: "kv",
			dead_at: now - HOUR,
			received_at: now,
			targets: 5,
		};
		const dead_letters = [
			...valuesOf("DeadLetter", "last_error").map((error, at) => ({
				...letter,
				last_error: error,
				dead_at: now - at,
				job: "deliver",
			})),
			...valuesOf("DeadLetter", "job").map((job, at) => ({
				...letter,
				job,
				dead_at: now - 100 - at,
				replayed_at: now,
			})),
			{ ...letter, last_status: 500, sdk_app_id: null, dead_at: null },
			{ ...letter, last_status: 200, last_error: "fail", dead_at: 1 },
		];
		let event: object | null = {
			from_account: "fan",
			to_accounts: ["luna", "star", "target-1", "target-2", "target-3"],
		};
		await answer(page, /\/v1\/dead-letters\?app=0/, { dead_letters: [], cursor: null });
		await answer(page, /\/v1\/dead-letters\?app=[1-9]/, { dead_letters, cursor: "next" });
		await page.route(/\/v1\/dead-letters\/\d+\/\d+-/, (route) =>
			event === null ? route.fulfill({ status: 500, json: {} }) : route.fulfill({ json: { ...letter, event } }),
		);
		await enter(dashboard, `app=${app}`);
		await page.goto(`${dashboard.url}/dashboard?app=${app}&view=dead-letters`);
		await expect(page.getByTestId("letter-users").first()).toContainText("另有 2 个");
		await expectChinese(dashboard, "再次重放");
		event = null;
		await page.reload();
		await expectChinese(dashboard, "读取用户失败。");
		await answer(page, /\/v1\/dead-letters\?.*cursor=next/, {}, 500);
		await page.getByTestId("more-dead-letters").click();
		await expectChinese(dashboard, "Worker 返回了 500。重试");
		await page.getByTestId("select-all").check();
		await dashboard.button(`丢弃 ${dead_letters.length} 条…`).click();
		await expectChinese(dashboard, `丢弃 ${dead_letters.length} 条死信？`);
		await dashboard.button("取消").click();
		await page
			.getByRole("button", { name: `丢弃… ${ID}` })
			.first()
			.click();
		await expectChinese(dashboard, "丢弃这条死信？");
		await answer(page, /\/v1\/dead-letters\/\d+\/\d+-/, { detail: "It cannot be read." }, 409);
		await dashboard.button("丢弃").click();
		await expectChinese(dashboard, "1 条死信未能处理：Worker 返回了 409：“It cannot be read.”。");
		await answer(page, /\/v1\/dead-letters\/\d+\/replay/, { detail: "KV failed." }, 503, { "retry-after": "90" });
		await dashboard.button("全部重放").click();
		await expectChinese(dashboard, "已将 0 条死信重新入队…");
		await dashboard.button("停止").click();
		await answer(page, /\/v1\/dead-letters\/\d+\/replay/, { replayed: 7, cursor: null });
		await dashboard.button("继续").click();
		await expectChinese(dashboard, "已将 7 条死信重新入队。");
		await page.goto(`${dashboard.url}/dashboard?app=${app}&view=dead-letters&reason=500`);
		await expectChinese(dashboard, "业务后台应答 500");
		await page.goto(`${dashboard.url}/dashboard?app=${app}&view=dead-letters&reason=404`);
		await expectChinese(dashboard, "没有因此产生的死信。");
		await page.unroute(/\/v1\/dead-letters\?app=[1-9]/);
		await page.reload();
		await expectChinese(dashboard, "没有死信。");
	});

	test("no English is left in a record, a user's view and an erasure", async ({ newDashboard, delivering }) => {
		const app = delivering.nextApp();
		await delivering.deliver(app, "fan");
		const dashboard = await newDashboard(delivering.worker);
		const { page } = dashboard;
		await page.addInitScript(() => {
			const refuse = () => Promise.reject(new Error("not allowed"));
			Object.defineProperty(navigator, "clipboard", { value: { writeText: refuse } });
		});
		await dashboard.open(`app=${app}`);
		await dashboard.chooseLanguage("简体中文");
		await dashboard.signIn();
		await dashboard.expectActors(["fan"]);
		const id = String(await dashboard.rows.first().getAttribute("data-id"));
		const open = () => page.goto(`${dashboard.url}/dashboard?app=${app}&event=${id}`);
		for (const delivery of deliveries(app)) {
			await page.unrouteAll();
			await page.route(/\/v1\/events\/\d+\//, async (route) => {
				const response = await route.fetch();
				await route.fulfill({
					response,
					json: { ...(await response.json()), delivery },
				});
			});
			await open();
			await expect(page.getByTestId("record-answer")).toBeVisible();
			await expectChinese(dashboard, "后台应答");
		}
		await dashboard.button("复制 JSON").click();
		await expectChinese(dashboard, "浏览器不允许复制，已选中文本。");
		await dashboard.button("重放").click();
		await expectChinese(dashboard, "事件已进入队列");
		await dashboard.button("删除…").click();
		await expectChinese(dashboard, "永久删除该事件？");
		await answer(page, /\/v1\/events\/\d+\//, { detail: "no such event" }, 404);
		await open();
		await expectChinese(dashboard, "该事件不存在或已被删除。");
		await page.unrouteAll();

		await page.goto(`${dashboard.url}/dashboard?app=${app}&user=fan`);
		await dashboard.expectUser();
		await expectChinese(dashboard, "取关他人");
		await dashboard.button("复制").click();
		await expect(dashboard.announcement).toHaveText("浏览器不允许复制，已选中该 UserID。");
		await dashboard.button("清除数据…").click();
		await expectChinese(dashboard, "清除该用户的数据？");
		await answer(page, /\/v1\/users\/\d+\?/, { deleted: 3, more: false, search_needed: true });
		await dashboard.button("清除").click();
		await expectChinese(dashboard, "已清除 3 条记录。KV 中可能还有");
		await answer(page, /\/v1\/users\/\d+\/records/, { detail: "KV failed." }, 403);
		await dashboard.button("搜索 KV").click();
		await expectChinese(dashboard, "已搜索 KV 中 0 个键…");
		await dashboard.button("关闭").click();
		await expect(dashboard.announcement).toHaveText("已清除 3 条记录，KV 尚未搜索完。");
		await page.unrouteAll();
		await dashboard.button("退出登录").click();
		await dashboard.signIn(VIEWER_TOKEN);
		await dashboard.expectEvents();
		await expectChinese(dashboard, "只读");
	});

	test.describe("in Kolkata", () => {
		test.use({ timezoneId: "Asia/Kolkata" });

		test("no English is left where days do not begin at midnight", async ({ dashboard, app }) => {
			await enter(dashboard, `app=${app}`);
			await expectChinese(dashboard, "因此这里的一天从 23:30 开始");
		});
	});
});
