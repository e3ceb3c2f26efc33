// What is wrong, only where something is: invalid settings, rejected calls, deliveries and events that are not where they should
// be yet, and silence. Also why the list of events is empty.

import { outcome } from "./delivery.js";
import { $, el, time, update } from "./dom.js";
import { ago, count, DAY, due, HOUR, MINUTE, number, SECOND } from "./format.js";
import { API_MAX, rangeOf, sinceText } from "./range.js";
import { REJECTIONS } from "./rejections.js";

/** Ms between two looks at the last day, and at longer ranges, which read a row for each hour and outcome. */
const EVERY = 30 * SECOND;
const EVERY_LONG = 5 * MINUTE;
/** Ms between two questions for the settings. */
const STATUS_EVERY = 5 * MINUTE;
/** Ms after the last call that count as silence. */
const SILENCE = DAY;
/** Deliveries that are counted one by one. */
const COUNTED = 100;

export class Alerts {
	#deadLettersHref;
	#askedAt = 0;
	#statusAt = 0;
	#status;
	/** The calls, and the deliveries by state; null where the Worker does not know them. */
	#calls = null;
	#deliveries = {};
	#range = null;

	/** @param deadLettersHref gives the URL of the dead letters */
	constructor(deadLettersHref) {
		this.#deadLettersHref = deadLettersHref;
	}

	/** Clears what is shown of another app or range. */
	reset() {
		this.#askedAt = 0;
		this.#calls = null;
		this.#deliveries = {};
		$("alerts").hidden = true;
	}

	/** @param status the settings' state as it was asked for on entry */
	setStatus(status) {
		this.#status = status;
		this.#statusAt = Date.now();
		this.#drawSettings();
	}

	get status() {
		return this.#status;
	}

	/** When the last call came, in ms; null where none is known, undefined where calls are not counted. */
	get lastCall() {
		return this.#calls === null ? undefined : this.#calls.last_call_at;
	}

	async refresh({ api, app, apps, state }, _news, signal) {
		const now = Date.now();
		if (now - this.#statusAt >= STATUS_EVERY) this.setStatus(await api.status(signal));
		if (now - this.#askedAt < (state.range === "24h" ? EVERY : EVERY_LONG)) return;
		const range = rangeOf(state.range, now);
		const since = Math.max(range.since, now - API_MAX + HOUR);
		const hasOrigin = this.#status.origin;
		const delivered = (name) =>
			hasOrigin ? known(api.deliveries(app, { state: name, limit: COUNTED }, signal)) : null;
		const [calls, ofApp, retrying, dead] = await Promise.all([
			known(api.calls({ since, until: now }, signal)),
			// Calls that name no app of ours are counted under none; the time of the last call is the app's own.
			apps.length > 1 ? known(api.calls({ app, since: now, until: now }, signal)) : null,
			delivered("retrying"),
			delivered("dead"),
		]);
		this.#askedAt = now;
		this.#range = range;
		this.#deliveries = { retrying, dead };
		const hours = calls?.hours.filter((hour) => hour.sdk_app_id === app || hour.sdk_app_id === 0);
		this.#calls = calls && { hours, last_call_at: (ofApp ?? calls).last_call_at };
		this.#draw();
	}

	#draw() {
		const alerts = [...this.#ofSettings(), ...this.#ofDeliveries(), ...this.#ofCalls(), ...this.#ofSilence()];
		const problems = alerts.filter((alert) => !alert.isStray);
		$("alerts").hidden = alerts.length === 0;
		$("alerts-title").textContent = problems.length > 0 ? "Something is wrong" : "Rejected calls";
		$("board").dataset.wrong = String(problems.length > 0);
		update($("alert-list"), ...alerts.map(({ testid, parts }) => el("li", { testid }, ...parts)));
	}

	/** The settings are known before the rest. */
	#drawSettings() {
		this.#draw();
		const { version, settings } = this.#status;
		const health = settings.length === 0 ? "Settings are valid" : `${count(settings.length, "invalid setting")}`;
		$("version").textContent = `Version ${version}. ${health}.`;
	}

	#ofSettings() {
		const alert = ({ name, problem }) => ({
			testid: "alert-setting",
			parts: [el("strong", {}, "Invalid setting: ", el("code", {}, name)), ` ${problem}.`],
		});
		const unknown = (name) => ({
			testid: "alert-unknown-setting",
			parts: [el("strong", {}, "No such setting: ", el("code", {}, name)), " does nothing. Is its name misspelt?"],
		});
		return [...(this.#status?.settings ?? []).map(alert), ...(this.#status?.unknown_settings ?? []).map(unknown)];
	}

	#ofDeliveries() {
		const alerts = [];
		const { retrying, dead } = this.#deliveries;
		const say = (testid, found, verb, ...rest) => {
			if (!found || found.deliveries.length === 0) return;
			const n = found.deliveries.length;
			const title = `${number(n)}${found.cursor === null ? "" : "+"} ${n === 1 ? "delivery" : "deliveries"} ${verb}`;
			alerts.push({ testid, parts: [el("strong", {}, title), `: ${outcome(found.deliveries[0])}.`, ...rest] });
		};
		const next = (retrying?.deliveries ?? []).map((it) => it.next_attempt_at).filter((at) => at !== null);
		say(
			"alert-retrying",
			retrying,
			"being retried",
			...(next.length > 0 ? [` Next attempt ${due(Math.min(...next))}.`] : []),
		);
		say(
			"alert-dead",
			dead,
			"given up",
			" ",
			el("a", { href: this.#deadLettersHref(), dataset: { to: "dead-letters" } }, "Dead letters"),
		);
		return alerts;
	}

	#ofCalls() {
		if (this.#calls === null) return [];
		const since = sinceText(this.#range);
		const alerts = this.#rejected().map(([reason, n]) => {
			const { advice, isStray = false } = REJECTIONS[reason] ?? { advice: "" };
			const title = el("strong", {}, `${count(n, "call")} rejected: `, el("code", {}, reason));
			return { testid: "alert-rejected", isStray, parts: [title, `. ${advice}`] };
		});
		alerts.sort((one, other) => one.isStray - other.isStray);
		const queued = this.#count("queued");
		if (queued > 0) {
			const title = `${count(queued, "event")} ${queued === 1 ? "was" : "were"} queued`;
			const hint = "A sink did not take them in time: they are stored later, and may be missing here until then.";
			alerts.push({ testid: "alert-queued", parts: [el("strong", {}, title), ` ${since}. ${hint}`] });
		}
		if (alerts.length > 0) $("alerts-hint").textContent = `Calls are counted ${since}; there were at least so many.`;
		$("alerts-hint").hidden = alerts.length === 0;
		return alerts;
	}

	#ofSilence() {
		const last = this.lastCall;
		if (last === undefined || last === null || Date.now() - last < SILENCE) return [];
		const advice = "Is the URL still registered in the Chat console, and are the webhooks switched on?";
		return [
			{ testid: "alert-silence", parts: [el("strong", {}, "The last call came ", time(last, ago)), `. ${advice}`] },
		];
	}

	#count(name) {
		return this.#calls.hours.reduce((sum, hour) => sum + (hour.outcome === name ? hour.count : 0), 0);
	}

	/** Reasons with the number of calls that were rejected for them, the most frequent first. */
	#rejected() {
		const reasons = new Map();
		for (const { outcome: it, reason, count: n } of this.#calls.hours) {
			if (it === "rejected" || it === "failed") reasons.set(reason, (reasons.get(reason) ?? 0) + n);
		}
		return [...reasons].sort(([, one], [, other]) => other - one);
	}

	/** Says in the list of events why there are none. */
	explainEmpty() {
		update($("nothing"), ...this.#reasonForNoEvents());
	}

	#reasonForNoEvents() {
		const paragraph = (...parts) => el("p", {}, ...parts);
		const code = (text) => el("code", {}, text);
		if (!this.#status.sinks.includes("d1")) {
			return [
				paragraph(
					el("strong", {}, "Events are not listed, because "),
					code("d1"),
					el("strong", {}, " is not among the sinks."),
				),
				paragraph(
					"Events go to ",
					code(this.#status.sinks.join(", ")),
					". To see them here, bind ",
					code("DB"),
					" to a D1 database and add ",
					code("d1"),
					" to ",
					code("SINKS"),
					".",
				),
			];
		}
		if (this.#calls === null) return [paragraph("No events yet. The first one will appear here by itself.")];
		const [rejected] = this.#rejected();
		const stored = this.#count("stored") + this.#count("queued");
		if (rejected && stored === 0 && !REJECTIONS[rejected[0]]?.isStray) {
			return [
				paragraph(el("strong", {}, "Calls arrive, and are rejected: "), code(rejected[0])),
				paragraph(REJECTIONS[rejected[0]]?.advice ?? ""),
			];
		}
		if (this.#calls.last_call_at === null) {
			return [
				paragraph(el("strong", {}, "No call has arrived yet.")),
				paragraph(
					"Register this URL in the Chat console, and switch on the webhooks after a user is followed and unfollowed:",
				),
				el("p", {}, el("code", { testid: "webhook-url" }, location.origin + this.#status.webhook_path)),
			];
		}
		return [
			paragraph(el("strong", {}, "Calls arrive, but no follow or unfollow was among them.")),
			paragraph(
				"The last call came ",
				time(this.#calls.last_call_at, ago),
				". In the Chat console, switch on the webhooks after a user is followed and unfollowed.",
			),
		];
	}
}

/** What the Worker knows, or null where it cannot know: `DB` is not bound. */
async function known(call) {
	try {
		return await call;
	} catch (error) {
		if (error.status === 409) return null;
		throw error;
	}
}
