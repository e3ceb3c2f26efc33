// page/lib/router.ts: the page's route as the query of its URL.

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { format, parse, Router } from "../../page/lib/router.ts";

/** @import { Browser, Route } from "../../page/lib/router.ts" */

/** @type {Route} */
const AT_FIRST = {
	app: null,
	range: "24h",
	view: null,
	reason: null,
	user: null,
	role: null,
	kind: null,
	since: null,
	until: null,
	by: "lost",
	event: null,
};

/** @type {Route} */
const EVERYTHING = {
	app: 1_400_000_000,
	range: "7d",
	view: "dead-letters",
	reason: "timeout",
	user: "anchor_mei",
	role: "target",
	kind: "unfollow",
	since: 1_764_000_000_000,
	until: 1_764_003_599_999,
	by: "net",
	event: "8297981656321-4291e1af60c1595d47059136803c0cb2",
};

suite("a query", () => {
	test("that is empty is the route at first, and the other way round", () => {
		assert.deepEqual(parse(""), AT_FIRST);
		assert.equal(format(AT_FIRST), "");
	});

	test("holds all of the route", () => {
		assert.deepEqual(parse(format(EVERYTHING)), EVERYTHING);
		for (const [name, value] of Object.entries(EVERYTHING)) {
			assert.equal(new URLSearchParams(format(EVERYTHING)).get(name), String(value), name);
		}
	});

	test("leaves out what is as it is at first", () => {
		assert.equal(format({ ...AT_FIRST, app: 1_400_000_000, range: "24h", by: "lost" }), "?app=1400000000");
	});

	test("may have parameters that the page does not know", () => {
		assert.deepEqual(parse("?utm_source=chat&app=1400000000"), { ...AT_FIRST, app: 1_400_000_000 });
		assert.deepEqual(parse("?App=5&RANGE=7d"), AT_FIRST);
		assert.deepEqual(parse("?__proto__=x&constructor=y"), AT_FIRST);
	});

	test("has no say where a value is invalid", () => {
		/** @type {Record<keyof Route, string[]>} */
		const invalid = {
			app: ["", "abc", "-1", "1.5", "1e9", " 1", "0x10", "12345678901234"],
			range: ["", "1d", "7D", "toString", "__proto__"],
			view: ["", "events"],
			reason: [""],
			user: [""],
			role: ["", "Actor", "both"],
			kind: ["", "follows"],
			since: ["", "yesterday", "-5"],
			until: ["", "NaN"],
			by: ["", "most"],
			event: [""],
		};
		for (const name of /** @type {(keyof Route)[]} */ (Object.keys(invalid))) {
			for (const value of invalid[name]) {
				const query = new URLSearchParams(format(EVERYTHING));
				query.set(name, value);
				assert.equal(parse(`?${query}`)[name], AT_FIRST[name], `${name}=${value}`);
			}
		}
	});

	test("holds any UserID", () => {
		for (const user of ["a+b", "a b", " a ", "a&kind=follow", "100%", "a\nb", "微信用户", "🙂", "\u202ea", "#", "=1"]) {
			assert.equal(parse(format({ ...AT_FIRST, user })).user, user);
		}
	});

	test("that has a parameter twice means the first", () => {
		assert.equal(parse("?kind=follow&kind=unfollow").kind, "follow");
	});
});

suite("what says nothing alone", () => {
	test("a role without a user", () => {
		assert.equal(parse("?role=actor").role, null);
		assert.equal(parse("?role=actor&user=bob").role, "actor");
	});

	test("one end of a span, or two ends that are the wrong way round", () => {
		for (const query of ["?since=5", "?since=0", "?until=5", "?since=6&until=5", "?since=x&until=5"]) {
			const { since, until } = parse(query);
			assert.deepEqual([since, until], [null, null], query);
		}
		const { since, until } = parse("?since=5&until=5");
		assert.deepEqual([since, until], [5, 5]);
		assert.equal(parse("?since=0&until=9999999999999").since, 0);
	});
});

/** A browser with a history of URLs, at one of them. */
class FakeBrowser {
	/** @type {string[]} */
	urls;
	at = 0;
	#back = () => {};

	/** @param {string} query */
	constructor(query) {
		this.urls = [`/dashboard${query}`];
	}

	get location() {
		const { pathname, search } = new URL(this.urls[this.at], "https://page.example");
		return { pathname, search };
	}

	history = {
		pushState: (/** @type {null} */ _, /** @type {string} */ __, /** @type {string} */ url) => {
			this.at += 1;
			this.urls.splice(this.at, Number.POSITIVE_INFINITY, url);
		},
		replaceState: (/** @type {null} */ _, /** @type {string} */ __, /** @type {string} */ url) => {
			this.urls[this.at] = url;
		},
	};

	/** @type {(type: string, listener: () => void) => void} */
	addEventListener(type, listener) {
		if (type === "popstate") this.#back = listener;
	}

	goBack() {
		this.at -= 1;
		this.#back();
	}
}

/**
 * A router in a browser at this query, and its routes, the first one included.
 * @param {string} [query]
 */
function routerAt(query = "") {
	const browser = new FakeBrowser(query);
	const router = new Router(/** @type {Browser} */ (/** @type {unknown} */ (browser)));
	/** @type {Route[]} */
	const routes = [];
	router.route.subscribe((route) => routes.push(route));
	return { browser, router, routes };
}

suite("the router", () => {
	test("begins with the route of the URL", () => {
		const { routes } = routerAt("?app=1400000000&range=30d");
		assert.deepEqual(routes, [{ ...AT_FIRST, app: 1_400_000_000, range: "30d" }]);
	});

	test("goes to a route, and back", () => {
		const { browser, router, routes } = routerAt("?app=5");
		router.go({ user: "bob", role: "actor" });
		assert.deepEqual(browser.urls, ["/dashboard?app=5", "/dashboard?app=5&user=bob&role=actor"]);
		browser.goBack();
		const first = { ...AT_FIRST, app: 5 };
		assert.deepEqual(routes, [first, { ...first, user: "bob", role: "actor" }, first]);
	});

	test("replaces a route that is not to be gone back to", () => {
		const { browser, router } = routerAt("?by=net");
		router.go({ by: "lost" }, { replace: true });
		assert.deepEqual(browser.urls, ["/dashboard"]);
	});

	test("stays where nothing changes", () => {
		const { browser, router, routes } = routerAt("?app=5");
		router.go({ app: 5, role: "actor" });
		assert.deepEqual(browser.urls, ["/dashboard?app=5"]);
		assert.equal(routes.length, 1);
	});

	test("takes no route that a URL cannot hold", () => {
		const { router } = routerAt();
		router.go({ since: 6, until: 5, user: "", range: "7d" });
		assert.deepEqual(router.route.value, { ...AT_FIRST, range: "7d" });
	});

	test("knows the URL of another route", () => {
		const { router, routes } = routerAt("?app=5&user=bob");
		assert.equal(router.href({ user: "a b&c" }), "/dashboard?app=5&user=a+b%26c");
		assert.equal(router.href({ user: null, range: "7d" }), "/dashboard?app=5&range=7d");
		assert.equal(routes.length, 1);
	});
});
