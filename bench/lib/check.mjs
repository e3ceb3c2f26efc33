// Before anything is measured: the receivers agree. Each gets the calls of tests/vectors/, and must give the same
// response, put the same entry into KV under the same key, run the same statement with the same parameters in D1, where
// that is a sink, and write the same log record.

import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { signature } from "./calls.mjs";
import { Connection, getJson, post } from "./load.mjs";
import { D1_RECEIVERS, RECEIVERS } from "./variants.mjs";
import { APP, Served, TOKEN } from "./workerd.mjs";

const VECTORS = new URL("../../tests/vectors/", import.meta.url);
const COMMANDS = { unfollow: "Follow.CallbackAfterFollowDelete", follow: "Follow.CallbackAfterFollowAdd" };

/** What JSON.parse does not show, by the row's `why`. Ours alone can tell. */
const OURS_ALONE = /duplicate member/;

/** How long a log record may take to arrive, in ms. */
const LOG_WITHIN_MS = 5000;

/**
 * Throws where two receivers with the same sinks differ. Returns on how many calls they agree, and how many of these they
 * reject.
 */
export async function check(prepared) {
	const count = await checkAll(prepared, RECEIVERS, { insertsAPut: 0 });
	await checkAll(prepared, D1_RECEIVERS, { insertsAPut: 1 });
	return count;
}

/** Compares the receivers `names`, the last of which is ours. */
async function checkAll(prepared, names, { insertsAPut }) {
	const receivers = await Promise.all(names.map((name) => Receiver.start(name, prepared[name].path)));
	const count = { agreed: 0, rejected: 0 };
	for (const call of vectors()) {
		// Signed anew for each call, the same for all receivers.
		const request = post(call.query(), call.body);
		const [ours, ...peers] = await Promise.all(receivers.toReversed().map((receiver) => receiver.call(request)));
		for (const peer of peers) {
			if (!isDeepStrictEqual(peer.seen, ours.seen)) {
				throw new Error(`${peer.name} differs from ours: ${call.why}\n${show(peer.seen)}\n${show(ours.seen)}`);
			}
		}
		const { response, storage } = ours.seen;
		if (storage.inserts !== storage.puts * insertsAPut) {
			throw new Error(`${call.why}: ${storage.inserts} inserts into D1, ${storage.puts} puts into KV`);
		}
		const { status } = response;
		if (call.status !== undefined && call.status !== status) {
			throw new Error(`${call.why}: status ${status}, not ${call.status}`);
		}
		count.agreed += 1;
		count.rejected += status >= 400 ? 1 : 0;
	}
	await Promise.all(receivers.map((receiver) => receiver.stop()));
	return count;
}

const show = (seen) => JSON.stringify(seen, null, "\t");

const read = (name) => JSON.parse(readFileSync(new URL(name, VECTORS), "utf8"));

/** The vectors that fit the settings here: `{ why, query, body, status }`; `query` is made when it is sent. */
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
		if (!fits || OURS_ALONE.test(why)) continue;
		const raw = url.slice(url.indexOf("?") + 1);
		if (/\s/.test(raw) || raw.includes("#")) continue;
		// The Sign of long ago is replaced by a current one. One that is wrong on purpose stays wrong, at the current time.
		const query = () => {
			const now = signature(TOKEN);
			return raw.replace(signed, now).replace(requestTime, now.slice(now.indexOf("RequestTime")));
		};
		const isCurrent = raw.includes(signed) || call.reason === "sign_mismatch";
		yield { why, query, body, status: isCurrent ? status : undefined };
	}
}

/** One receiver, and what it does with a call. */
class Receiver {
	static async start(name, path) {
		const receiver = new Receiver();
		receiver.name = name;
		receiver.served = await Served.start(path, { captureLog: true });
		receiver.connection = await Connection.open(receiver.served.ports.variant);
		return receiver;
	}

	/** Sends `request`, and returns what must be the same for all receivers: response, log record and what was stored. */
	async call(request) {
		const { served } = this;
		served.log = "";
		const response = await this.connection.send(request);
		const record = JSON.parse(await recordOf(served));
		delete record.duration_ms;
		const storage = timeless(await getJson(served.ports.storage));
		return { name: this.name, seen: { response, record, storage } };
	}

	async stop() {
		this.connection.close();
		await this.served.stop();
	}
}

/** `value` with each `received_at` in its texts set to 0. */
function timeless(value) {
	const reset = (text) => text.replace(/"received_at":[0-9]+/, '"received_at":0');
	return JSON.parse(JSON.stringify(value), (_, part) => (typeof part === "string" ? reset(part) : part));
}

/** The record that was logged. It does not arrive with the response. */
async function recordOf(served) {
	const deadline = performance.now() + LOG_WITHIN_MS;
	while (!served.log.endsWith("\n")) {
		if (performance.now() > deadline) throw new Error("no log record");
		await new Promise((resolve) => setTimeout(resolve, 1));
	}
	return served.log;
}
