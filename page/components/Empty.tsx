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
	const isFiltered = kind !== null || user !== null || since !== null;
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
	if (!hasLog.value) {
		const d1 = <code>d1</code>;
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
	if (stored + pending === 0 && rejections.some(({ severity }) => severity !== "notice"))
		return ofRejections(rejections);
	if (stored === 0 && pending > 0) return [empty.pending, empty.pendingCome];
	if (lastStored) return [empty.deleted, empty.deletedBy(<Ago at={lastStored} />)];
	if (!lastCall) {
		const url = <code class="url" data-testid="webhook-url" children={location.origin + path} />;
		return [empty.noCall, empty.register, url];
	}
	const last = <Ago at={lastCall} />;
	if (calls.every(isRejected)) return [empty.noCallSince(sinceText(range, now.value)), empty.longerRange(last)];
	return [empty.noEventAmong, empty.switchOn(last)];
}

/** Of calls that were all rejected: each reason with what to do. */
function ofRejections(rejections: Alert[]): ComponentChildren[] {
	const { empty, list } = t();
	const names = list(rejections.map(({ subject }) => <code>{subject}</code>));
	const isOne = rejections.length === 1;
	const advice = rejections.map(({ subject, count: n, action }) =>
		isOne ? action : empty.rejectedFor(count(n ?? 0, "call"), <code>{subject}</code>, action),
	);
	return [empty.rejected(names), ...advice];
}
