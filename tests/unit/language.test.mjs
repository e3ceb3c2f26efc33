// page/text/: which language is shown at first, and how it is written.

import "./viewer.mjs";
import assert from "node:assert/strict";
import { afterEach, suite, test } from "node:test";
import { dayTitle } from "../../page/lib/days.ts";
import * as format from "../../page/lib/format.ts";
import { rangeOf, sinceText, spanText } from "../../page/lib/range.ts";
import { en } from "../../page/text/en.ts";
import { LANGUAGES, languageFor, localeFor, shown } from "../../page/text/language.ts";
import { zh } from "../../page/text/zh.ts";

const { SECOND, MINUTE, HOUR, DAY } = format;

/** In London, whose clocks show UTC in winter. */
const NOW = Date.parse("2026-11-25T14:05:09Z");

suite("the language", () => {
	for (const [tags, language] of /** @type {[string[], string][]} */ ([
		[["zh-CN", "en"], "zh-CN"],
		[["zh"], "zh-CN"],
		[["zh-Hans-SG"], "zh-CN"],
		[["zh-TW", "en-US"], "zh-CN"],
		[["ZH-cn"], "zh-CN"],
		[["en-GB", "zh-CN"], "en"],
		[["de-DE", "zh-CN", "en"], "zh-CN"],
		[["de-DE", "en-GB"], "en"],
		[["de-DE"], "en"],
		[["zha", "enm"], "en"],
		[[], "en"],
	])) {
		test(`for ${tags.join(", ") || "none"} is ${language}`, () => assert.equal(languageFor(tags), language));
	}

	test("is written as its first variant", () => {
		assert.equal(localeFor("en", ["de-DE", "en-AU", "en-GB"]), "en-AU");
		assert.equal(localeFor("en", ["de-DE", "zh-CN"]), "en");
		assert.equal(localeFor("zh-CN", ["zh-TW", "en-GB"]), "zh-CN");
	});

	test("is one that Intl knows", () => {
		const tags = LANGUAGES.map(([language]) => language);
		assert.deepEqual(Intl.DateTimeFormat.supportedLocalesOf(tags), tags);
	});
});

suite("in Chinese", () => {
	const english = shown.value;
	const inChinese = (/** @type {() => void} */ body) => () => {
		shown.value = { language: "zh-CN", locale: "zh-CN" };
		body();
	};
	afterEach(() => {
		shown.value = english;
	});

	test(
		"numbers are grouped, and nouns have no plural",
		inChinese(() => {
			assert.equal(format.count(1, "event"), "1 个事件");
			assert.equal(format.count(1_234_567, "event"), "1,234,567 个事件");
			assert.equal(format.signed(-1_234), "−1,234");
		}),
	);

	test(
		"dates have year, month and day",
		inChinese(() => {
			assert.equal(format.full(NOW), "2026年11月25日 14:05:09");
			assert.equal(format.day(NOW), "11月25日");
			assert.equal(format.weekday(NOW), "11月25日周三");
			assert.equal(format.moment(NOW - DAY, NOW), "11月24日 14:05:09");
			assert.equal(dayTitle(NOW, NOW), "今天");
			assert.equal(dayTitle(NOW - DAY, NOW), "昨天");
			assert.equal(dayTitle(NOW - 2 * DAY, NOW), "11月23日星期一");
			assert.equal(dayTitle(NOW + 2 * DAY, NOW), "11月27日星期五（未来）");
		}),
	);

	test(
		"distances have one unit",
		inChinese(() => {
			assert.equal(format.ago(NOW, NOW), "刚刚");
			assert.equal(format.ago(NOW - 5 * SECOND, NOW), "5 秒前");
			assert.equal(format.ago(NOW - MINUTE, NOW), "1 分钟前");
			assert.equal(format.ago(NOW - 47 * HOUR, NOW), "47 小时前");
			assert.equal(format.ago(NOW + 3 * DAY, NOW), "3 天后");
			assert.equal(format.due(NOW, NOW), "现在");
		}),
	);

	test(
		"ranges and spans are in words",
		inChinese(() => {
			assert.equal(sinceText(rangeOf("24h", NOW), NOW), "昨天 14:00 起");
			assert.equal(sinceText(rangeOf("7d", NOW), NOW), "11月18日起");
			const hour = Date.parse("2026-11-25T14:00:00Z");
			assert.equal(spanText({ start: hour - HOUR, end: hour }, NOW), "11月25日周三 13:00–14:00");
			assert.equal(spanText({ start: hour, end: hour + HOUR }, NOW), "11月25日周三 14:00–现在");
			assert.equal(spanText({ start: hour, end: hour + DAY }, NOW), "11月25日 14:00 – 11月26日 14:00");
		}),
	);

	test(
		"the hour that comes twice has its zone",
		inChinese(() => {
			assert.match(format.clock(Date.parse("2026-10-25T00:30:00Z")), /^(GMT\+1 ?01:30|01:30 ?GMT\+1)$/);
			assert.equal(format.clock(Date.parse("2026-10-25T02:30:00Z")), "02:30");
		}),
	);
});

suite("the catalogues", () => {
	/**
	 * The texts of a catalogue by their names.
	 * @param {unknown} value
	 * @param {string} [name]
	 * @returns {[string, unknown][]}
	 */
	const textsOf = (value, name = "") =>
		typeof value === "object" && value !== null
			? Object.entries(value).flatMap(([key, of]) => textsOf(of, `${name}.${key}`))
			: [[name, value]];

	test("have the same texts, and none is empty", () => {
		const names = textsOf(en).map(([name]) => name);
		assert.deepEqual(
			textsOf(zh)
				.map(([name]) => name)
				.sort(),
			names.sort(),
		);
		assert.ok(names.length > 250, `${names.length} texts`);
		assert.deepEqual(
			[...textsOf(en), ...textsOf(zh)].filter(([, text]) => text === ""),
			[],
		);
	});

	test("differ: each text is translated, but for names", () => {
		const chinese = new Map(textsOf(zh));
		const same = textsOf(en).filter(([name, text]) => typeof text === "string" && chinese.get(name) === text);
		assert.deepEqual(
			same.map(([name]) => name),
			[".stages.token", ".toolbar.user"],
		);
	});
});
