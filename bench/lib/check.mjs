// Before anything is measured: the receivers agree. Each gets the calls of tests/vectors/, and has to give the same
// answer, store the same entry under the same key, and write the same log line.

import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { Connection, getJson, post } from "./load.mjs";
import { signature } from "./calls.mjs";
import { RECEIVERS } from "./variants.mjs";
import { APP, Served, TOKEN } from "./workerd.mjs";

const VECTORS = new URL("../../tests/vectors/", import.meta.url);
const COMMANDS = { unfollow: "Follow.CallbackAfterFollowDelete", follow: "Follow.CallbackAfterFollowAdd" };

/** What JSON.parse cannot see: that a member stands twice, and how a number is spelt. */
const UNSEEN = /stands twice|EventTime is (-0|-?[0-9]+[.e])/i;

/** How long a log line may take to come, in ms. */
const LOG_WITHIN_MS = 5000;

/** Throws where two receivers differ. Returns on how many calls they agree, and how many of these they refuse. */
export async function check(prepared) {
	const receivers = await Promise.all(RECEIVERS.map((name) => Receiver.start(name, prepared[name].path)));
	const count = { agreed: 0, refused: 0 };
	for (const call of vectors()) {
		// Signed anew for each call, the same for all receivers.
		const request = post(call.query(), call.body);
		const [ours, ...peers] = await Promise.all(receivers.toReversed().map((receiver) => receiver.answer(request)));
		for (const peer of peers) {
			if (!isDeepStrictEqual(peer.seen, ours.seen)) {
				throw new Error(
					`${peer.name} differs from ours: ${call.why}\n${show(peer.seen)}\n${show(ours.seen)}`,
				);
			}
		}
		const { status } = ours.seen.answer;
		if (call.status !== undefined && call.status !== status) {
			throw new Error(`${call.why}: answered ${status}, not ${call.status}`);
		}
		count.agreed += 1;
		count.refused += status >= 400 ? 1 : 0;
	}
	await Promise.all(receivers.map((receiver) => receiver.stop()));
	return count;
}

const show = (seen) => JSON.stringify(seen, null, "\t");

const read = (name) => JSON.parse(readFileSync(new URL(name, VECTORS), "utf8"));

/** The vectors that the settings here fit: `{ why, query, body, status }`, `query` made at the moment of sending. */
function* vectors() {
	for (const { why, kind, sdk_app_id, body } of read("event-id.json").events) {
		if (sdk_app_id !== APP) continue;
		const query = () => `SdkAppid=${APP}&CallbackCommand=${COMMANDS[kind]}&${signature()}`;
		yield { why, query, body, status: 200 };
	}
	const { defaults, calls } = read("calls.json");
	const { entries } = read("entry.json");
	const [signed, requestTime] = new URL(defaults.url).search.match(/Sign=.*(RequestTime=.*)/);
	for (const call of [...calls, ...entries]) {
		const { why, url, body_hex, status = 200, ...circumstances } = { ...defaults, ...call };
		const body = body_hex === undefined ? circumstances.body : Buffer.from(body_hex, "hex");
		const usual = ["settings", "bindings", "store", "method", "pad_to", "content_length"].every((name) =>
			isDeepStrictEqual(circumstances[name], defaults[name]),
		);
		const fits = usual && url.startsWith("https://www.example.com/?");
		if (!fits || call.reason === "duplicate_member" || UNSEEN.test(why)) continue;
		const raw = url.slice(url.indexOf("?") + 1);
		if (/\s/.test(raw) || raw.includes("#")) continue;
		// The Sign of long ago becomes one of now. One that is wrong on purpose stays wrong, but gets a time of now.
		const query = () => {
			const now = signature(TOKEN);
			return raw.replace(signed, now).replace(requestTime, now.slice(now.indexOf("RequestTime")));
		};
		const isOfNow = raw.includes(signed) || call.reason === "sign_mismatch";
		yield { why, query, body, status: isOfNow ? status : undefined };
	}
}

/** One receiver, and what it was seen to do. */
class Receiver {
	static async start(name, path) {
		const receiver = new Receiver();
		receiver.name = name;
		receiver.served = await Served.start(path, { keepLog: true });
		receiver.connection = await Connection.open(receiver.served.ports.variant);
		return receiver;
	}

	/** Sends `request`, and tells what of its answer, its log line and the store has to be the same everywhere. */
	async answer(request) {
		const { served } = this;
		served.log = "";
		const answer = await this.connection.send(request);
		const line = JSON.parse(await lineOf(served));
		delete line.duration_ms;
		const timeless = (text) => text?.replace(/"received_at":[0-9]+/, '"received_at":0');
		const { puts, key, metadata, value } = await getJson(served.ports.kv);
		const entry = { puts, key, metadata: timeless(metadata), value: timeless(value) };
		return { name: this.name, seen: { answer, line, entry } };
	}

	async stop() {
		this.connection.close();
		await this.served.stop();
	}
}

/** The line that has been logged. It comes by another way than the answer. */
async function lineOf(served) {
	const deadline = performance.now() + LOG_WITHIN_MS;
	while (!served.log.endsWith("\n")) {
		if (performance.now() > deadline) throw new Error("no log line");
		await new Promise((resolve) => setTimeout(resolve, 1));
	}
	return served.log;
}
