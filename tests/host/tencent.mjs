// A stand-in for Tencent's REST API of Chat, as strict as its documents: it checks the UserSig, limits the rate, pages, and answers
// failures with HTTP 200. [1047/34620, 1047/70347, 1047/70349]
//
// `node tests/host/tencent.mjs SDKAPPID KEY` prints its URL. What it knows is changed by POST /control with a list of operations,
// and read by GET /control.

import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { inflateSync } from "node:zlib";

const ADMIN = "administrator";
const CHECK_MAX = 100;
const LIST_MAX = 1000;

/** A failure, as Tencent answers it. */
class Refusal extends Error {
	/** @param {number} code @param {string} info */
	constructor(code, info) {
		super(info);
		this.code = code;
	}
}

/**
 * What a UserSig has inside, if it is one.
 * @param {string} userSig
 * @returns {Record<string, unknown>}
 */
export function readUserSig(userSig) {
	if (!/^[0-9A-Za-z*_-]+$/.test(userSig)) {
		throw new Refusal(70003, "no base64 of Tencent's alphabet");
	}
	const base64 = userSig.replaceAll("*", "+").replaceAll("-", "/").replaceAll("_", "=");
	try {
		return JSON.parse(inflateSync(Buffer.from(base64, "base64")).toString());
	} catch {
		throw new Refusal(70003, "it does not inflate to JSON");
	}
}

/** The relations that Tencent knows, and how it behaves. */
class Tencent {
	/** @type {Map<string, Map<string, number>>} Who follows whom since when (Unix s): by target, then by actor. */
	followers = new Map();
	calls = 0;
	refused = 0;
	/** The most calls that began within a second. */
	peak = 0;
	/** @type {number[]} When the calls of the last second began. */
	recent = [];
	limit = 200;
	isEnabled = true;
	/** @type {{code: number, times: number}[]} */
	failures = [];
	/** @type {{at: number, operations: unknown[][]}[]} What happens while it is read: at which call. */
	during = [];

	/** @param {number} app @param {string} key */
	constructor(app, key) {
		this.app = app;
		this.key = key;
	}

	/** @param {unknown[][]} operations */
	control(operations) {
		for (const [name, ...of] of operations) {
			const [one, two, three] = /** @type {any[]} */ (of);
			switch (name) {
				case "follow":
					this.followersOf(two).set(one, three);
					break;
				case "unfollow":
					this.followersOf(two).delete(one);
					break;
				case "limit":
					this.limit = one;
					break;
				case "enable":
					this.isEnabled = one;
					break;
				case "fail":
					this.failures.push({ code: one, times: two });
					break;
				case "during":
					this.during.push({ at: this.calls + one, operations: two });
					break;
				case "reset":
					[this.calls, this.refused, this.peak] = [0, 0, 0];
					break;
				default:
					throw new Error(`${name} is no operation`);
			}
		}
	}

	/** @param {string} target */
	followersOf(target) {
		const followers = this.followers.get(target) ?? new Map();
		this.followers.set(target, followers);
		return followers;
	}

	/** All relations, as [actor, target, since]. */
	relations() {
		return [...this.followers].flatMap(([target, actors]) =>
			[...actors].map(([actor, since]) => [actor, target, since]),
		);
	}

	/** @param {URL} url @param {string} method @param {string} text */
	answer(url, method, text) {
		const now = Date.now();
		this.calls += 1;
		this.recent = this.recent.filter((at) => at > now - 1000);
		this.recent.push(now);
		this.peak = Math.max(this.peak, this.recent.length);
		const due = this.during.filter((it) => it.at <= this.calls);
		this.during = this.during.filter((it) => it.at > this.calls);
		for (const { operations } of due) {
			this.control(operations);
		}
		if (this.recent.length > this.limit) {
			throw new Refusal(60007, "the frequency of calls is over the limit");
		}
		const failure = this.failures.find((it) => it.times > 0);
		if (failure) {
			failure.times -= 1;
			throw new Refusal(failure.code, "as it was told");
		}
		this.authenticate(url, method, now);
		if (!this.isEnabled) {
			throw new Refusal(30021, "the follow feature is not enabled");
		}
		let body;
		try {
			body = JSON.parse(text);
		} catch {
			throw new Refusal(60003, "no JSON");
		}
		switch (url.pathname) {
			case "/v4/follow/follow_get":
				return this.list(body);
			case "/v4/follow/follow_check":
				return this.check(body);
			default:
				throw new Refusal(60009, "no such command");
		}
	}

	/** @param {URL} url @param {string} method @param {number} now in Unix ms */
	authenticate(url, method, now) {
		const get = (/** @type {string} */ name) => url.searchParams.get(name) ?? "";
		const random = get("random");
		if (
			method !== "POST" ||
			get("contenttype") !== "json" ||
			!/^\d{1,10}$/.test(random) ||
			Number(random) > 0xffffffff
		) {
			throw new Refusal(60002, "no such request");
		}
		if (Number(get("sdkappid")) !== this.app) {
			throw new Refusal(70020, "no such app");
		}
		const sig = readUserSig(get("usersig"));
		const [time, expire] = [Number(sig["TLS.time"]), Number(sig["TLS.expire"])];
		const lines = `TLS.identifier:${sig["TLS.identifier"]}\nTLS.sdkappid:${sig["TLS.sdkappid"]}\nTLS.time:${time}\nTLS.expire:${expire}\n`;
		if (sig["TLS.ver"] !== "2.0" || sig["TLS.sig"] !== createHmac("sha256", this.key).update(lines).digest("base64")) {
			throw new Refusal(70009, "signature verification failed");
		}
		if (sig["TLS.sdkappid"] !== this.app) {
			throw new Refusal(70014, "the SDKAppID does not match");
		}
		if (sig["TLS.identifier"] !== get("identifier")) {
			throw new Refusal(70013, "the identifier does not match");
		}
		if (time > now / 1000 + 60 || time + expire < now / 1000) {
			throw new Refusal(70001, "the UserSig has expired");
		}
		if (get("identifier") !== ADMIN) {
			throw new Refusal(60010, "no administrator");
		}
	}

	/** @param {Record<string, any>} body */
	list({ From_Account: user, FollowType: type, StartCursor: cursor, WantNum: wanted }) {
		const isValid = typeof user === "string" && user !== "" && [1, 2, 3].includes(type) && /^(\d+:.*)?$/.test(cursor);
		if (!isValid || !Number.isInteger(wanted) || wanted < 1 || wanted > LIST_MAX) {
			throw new Refusal(30001, "a parameter is invalid");
		}
		if (type !== 1) {
			throw new Error("only followers are asked for");
		}
		// The newest first, as of now: what changes meanwhile shifts what follows.
		const all = [...this.followersOf(user)].sort((one, other) => other[1] - one[1] || (one[0] < other[0] ? -1 : 1));
		const from = cursor === "" ? 0 : Number(cursor.split(":")[0]);
		const page = all.slice(from, from + wanted);
		const profile = [{ Tag: "Tag_Profile_IM_Nick", Value: "NickNameTest" }];
		return {
			FollowItem: page.map(([To_Account, FollowTime]) => ({
				To_Account,
				FollowTime,
				ProfileItem: profile,
				profile_sequence: 1,
			})),
			NextCursor: from + wanted < all.length ? `${from + wanted}:cursor of Tencent` : "",
		};
	}

	/** @param {Record<string, any>} body */
	check({ From_Account: user, To_Account: actors }) {
		if (typeof user !== "string" || !Array.isArray(actors) || actors.length === 0 || actors.length > CHECK_MAX) {
			throw new Refusal(30001, "a parameter is invalid");
		}
		const type = (/** @type {string} */ actor) => {
			const follows = this.followersOf(user).has(actor);
			const isFollowed = this.followersOf(actor).has(user);
			return (follows ? 1 : 0) + (isFollowed ? 2 : 0);
		};
		return {
			ResultItem: actors.map((actor) => ({
				To_Account: actor,
				ResultCode: 0,
				ResultInfo: "",
				FollowType: type(actor),
			})),
		};
	}
}

/**
 * Starts the stand-in on a free port of this machine.
 * @param {number} app
 * @param {string} key
 */
export async function startTencent(app, key) {
	const tencent = new Tencent(app, key);
	const server = createServer((request, response) => {
		const url = new URL(request.url ?? "/", "http://stand-in");
		let text = "";
		request.on("data", (chunk) => {
			text += chunk;
		});
		request.on("end", () => {
			const send = (/** @type {unknown} */ body) => {
				response.setHeader("content-type", "application/json");
				response.end(JSON.stringify(body));
			};
			if (url.pathname === "/control") {
				if (request.method === "POST") {
					tencent.control(JSON.parse(text));
				}
				const { calls, refused, peak } = tencent;
				send({ calls, refused, peak, relations: tencent.relations() });
				return;
			}
			try {
				const answer = tencent.answer(url, request.method ?? "", text);
				send({ ...answer, ActionStatus: "OK", ErrorCode: 0, ErrorInfo: "", ErrorDisplay: "" });
			} catch (error) {
				tencent.refused += 1;
				const code = error instanceof Refusal ? error.code : 60008;
				send({
					ActionStatus: "FAIL",
					ErrorCode: code,
					ErrorInfo: String(error instanceof Error ? error.message : error),
				});
			}
		});
	});
	await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
	const address = server.address();
	if (address === null || typeof address === "string") {
		throw new Error("no port");
	}
	return { tencent, url: `http://127.0.0.1:${address.port}`, close: () => server.close() };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const [, , app = "", key = ""] = process.argv;
	const { url } = await startTencent(Number(app), key);
	process.stdout.write(`${url}\n`);
}
