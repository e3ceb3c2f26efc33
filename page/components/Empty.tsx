// Why the list of events is empty.

import type { ComponentChildren } from "preact";
import type { CallCount } from "../api/client.ts";
import { count } from "../lib/format.ts";
import { sinceText } from "../lib/range.ts";
import { countOf, rejectedOf } from "../state/alerts.ts";
import type { Board } from "../state/board.ts";
import { now } from "../state/clock.ts";
import { moveFocus, places } from "../state/feedback.ts";
import { go, route } from "../state/route.ts";
import { type Advice, adviceOn } from "../text/rejections.ts";
import { Ago, Button, P } from "./ui.tsx";

const EXACTLY = "UserIDs are matched exactly: case counts, and so do spaces.";

export function Empty({ board }: { board: Board }) {
	const { kind, user, since } = route.value;
	const showAll = () => {
		go({ kind: null, user: null, since: null, until: null });
		moveFocus(places.events);
	};
	const isFiltered = kind !== null || user !== null || since !== null;
	const [title, ...advice] = isFiltered ? [] : reasonFor(board);
	return (
		<div class="nothing" data-testid={isFiltered ? undefined : "empty"}>
			{title && <P class="strong" text={title} />}
			{advice.map((sentence) => (
				<P text={sentence} />
			))}
			{isFiltered && <P text={["No event matches. ", user !== null && EXACTLY]} testid="nothing-found" />}
			{isFiltered && <Button text="Show all events" onClick={showAll} />}
		</div>
	);
}

/** A title, and what to do. */
function reasonFor({ status, hasLog, alerts }: Board): ComponentChildren[] {
	const { sinks, webhook_path: path } = status.value;
	const [d1, switchOn] = [<code>d1</code>, "switch on the webhooks after a user is followed and unfollowed"];
	if (!hasLog.value) {
		const toBind = [". To see them here, bind ", <code>DB</code>, " to a D1 database and add ", d1, " to "];
		return [
			["Events are not listed, because ", d1, " is not among the sinks."],
			["Events go to ", <code>{sinks.join(", ")}</code>, ...toBind, <code>SINKS</code>, "."],
		];
	}
	const { data } = alerts.findings;
	const { value: lastCall } = alerts.lastCall;
	const { value: lastStored } = alerts.lastStored;
	if (data === null) return [];
	const { calls, range } = data;
	if (calls === null) return ["No events yet.", "The first one will appear here by itself."];
	const isRejected = (call: CallCount) => call.outcome === "rejected" || call.outcome === "failed";
	const [stored, pending] = [countOf(calls, "stored"), countOf(calls, "queued", "dead_lettered")];
	const reasons = rejectedOf(calls).map(([reason, n]) => ({ reason, n, ...adviceOn(reason) }));
	if (stored + pending === 0 && reasons.some(({ isStray }) => !isStray)) return ofRejections(reasons);
	if (stored === 0 && pending > 0) {
		return ["Events came, and are still to be stored in the log.", "They will appear here by themselves."];
	}
	if (lastStored) {
		const causes = "They were deleted: by RETENTION_DAYS, with a user who was erased, or one by one.";
		return ["Events came, and none is left.", ["The last one came ", <Ago at={lastStored} />, `. ${causes}`]];
	}
	if (!lastCall) {
		const url = <code class="url" data-testid="webhook-url" children={location.origin + path} />;
		return ["No call has arrived yet.", `Register this URL in the Chat console, and ${switchOn}:`, url];
	}
	const last = ["The last call came ", <Ago at={lastCall} />];
	if (calls.every(isRejected)) {
		return [
			`No call has arrived ${sinceText(range, now.value)}.`,
			[...last, ". A longer range tells what became of it."],
		];
	}
	const title = "Calls arrive, but no follow or unfollow was among them.";
	return [title, [...last, `. In the Chat console, ${switchOn}.`]];
}

/** Of calls that were all rejected: each reason with what to do, first those that strangers do not cause. */
function ofRejections(all: ({ reason: string; n: number } & Advice)[]): ComponentChildren[] {
	const reasons = [...all.filter(({ isStray }) => !isStray), ...all.filter(({ isStray }) => isStray)];
	const names = reasons.map(({ reason }, at) => [at > 0 && ", ", <code>{reason}</code>]);
	const isOne = reasons.length === 1;
	const advice = reasons.map(({ reason, n, advice }) =>
		isOne ? advice : [`${count(n, "call")} `, <code>{reason}</code>, `: ${advice}`],
	);
	return [["Calls arrive, and are rejected: ", names], ...advice];
}
