// Why the list of events is empty.

import type { ComponentChildren } from "preact";
import type { Alert, CallCount } from "../api/client.ts";
import { count } from "../lib/format.ts";
import { sinceText } from "../lib/range.ts";
import { countOf, rejectionsOf } from "../state/alerts.ts";
import type { Board } from "../state/board.ts";
import { now } from "../state/clock.ts";
import { moveFocus, places } from "../state/feedback.ts";
import { go, route } from "../state/route.ts";
import { t } from "../text/language.ts";
import { Ago, Button, P } from "./ui.tsx";

export function Empty({ board }: { board: Board }) {
	const { kind, user, since } = route.value;
	const showAll = () => {
		go({ kind: null, user: null, since: null, until: null });
		moveFocus(places.events);
	};
	const { empty } = t();
	const isFiltered = board.hasLog.value && (kind !== null || user !== null || since !== null);
	const [title, ...advice] = isFiltered ? [] : reasonFor(board);
	return (
		<div class="nothing" data-testid={isFiltered ? undefined : "empty"}>
			{title && <P class="strong" text={title} />}
			{advice.map((sentence) => (
				<P text={sentence} />
			))}
			{isFiltered && <P text={[empty.noMatch, user !== null && empty.exactly]} testid="nothing-found" />}
			{isFiltered && <Button text={empty.showAll} onClick={showAll} />}
		</div>
	);
}

/** A title, and what to do. */
function reasonFor({ status, hasLog, alerts, isRemoved }: Board): ComponentChildren[] {
	const { sinks, webhook_path: path } = status.value;
	const { empty } = t();
	const d1 = <code>d1</code>;
	if (!hasLog.value) {
		const names = <code>{sinks.join(", ")}</code>;
		return [empty.noLog(d1), empty.toBind(names, <code>DB</code>, d1, <code>SINKS</code>)];
	}
	if (isRemoved) return [empty.noEvents, empty.removed(<code>SDK_APP_IDS</code>)];
	const { data } = alerts.calls;
	const { value: lastCall } = alerts.lastCall;
	const { value: lastStored } = alerts.lastStored;
	if (data === null) return [];
	const { hours: calls, range } = data;
	if (calls === null) return [empty.noEvents, empty.firstComes];
	const isRejected = (call: CallCount) => call.outcome === "rejected" || call.outcome === "failed";
	const [stored, pending] = [countOf(calls, "stored"), countOf(calls, "queued", "dead_lettered")];
	const rejections = rejectionsOf(alerts.all.value);
	// Where other webhooks are accepted, the settings fit.
	const isHandled = countOf(calls, "unhandled", "relayed") > 0;
	const isGrave = rejections.some(({ severity }) => severity !== "notice");
	if (stored + pending === 0 && isGrave && !isHandled) {
		const [only, ...others] = rejections;
		const advice = only && others.length === 0 ? [only.action] : rejections.map(lineOf);
		return [ofReasons(rejections.map(({ subject }) => subject)), ...advice];
	}
	if (stored === 0 && pending > 0) return [empty.pending, empty.pendingCome];
	if (lastStored) return [empty.deleted, empty.deletedBy(<Ago at={lastStored} />, d1)];
	if (!lastCall) {
		const url = <code class="url" data-testid="webhook-url" children={location.origin + path} />;
		return [empty.noCall, empty.register, url];
	}
	const last = <Ago at={lastCall} />;
	// Of rejections that are long over, there is no alert.
	const own = calls.filter((call) => isRejected(call) && call.sdk_app_id !== 0);
	if (calls.every(isRejected)) {
		if (own.length > 0) return [ofReasons(own.map(({ reason }) => reason ?? "")), empty.lastCall(last)];
		return [empty.noCallSince(sinceText(range, now.value)), empty.longerRange(last)];
	}
	return [empty.noEventAmong, empty.switchOn(last), ...(isGrave ? rejections.map(lineOf) : [])];
}

/** That calls were rejected, for these reasons. */
function ofReasons(reasons: string[]): ComponentChildren {
	const { empty, list } = t();
	return empty.rejected(list([...new Set(reasons)].map((reason) => <code>{reason}</code>)));
}

/** How many calls were rejected for a reason, and what to do. */
const lineOf = ({ subject, count: n, action }: Alert) =>
	t().empty.rejectedFor(count(n ?? 0, "call"), <code>{subject}</code>, action);
