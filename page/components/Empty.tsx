// Why the list of events is empty.

import type { ComponentChildren } from "preact";
import { countOf, rejectedOf } from "../state/alerts.ts";
import type { Board } from "../state/board.ts";
import { moveFocus, places } from "../state/feedback.ts";
import { go, route } from "../state/route.ts";
import { adviceOn } from "../text/rejections.ts";
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
	const calls = alerts.findings.data?.calls;
	const { value: lastCall } = alerts.lastCall;
	if (calls === undefined) return [];
	if (calls === null) return ["No events yet.", "The first one will appear here by itself."];
	const [reason] = rejectedOf(calls)[0] ?? [];
	if (reason !== undefined && countOf(calls, "stored", "queued", "dead_lettered") === 0 && !adviceOn(reason).isStray) {
		return [["Calls arrive, and are rejected: ", <code>{reason}</code>], adviceOn(reason).advice];
	}
	if (!lastCall) {
		const url = <code class="url" data-testid="webhook-url" children={location.origin + path} />;
		return ["No call has arrived yet.", `Register this URL in the Chat console, and ${switchOn}:`, url];
	}
	return [
		"Calls arrive, but no follow or unfollow was among them.",
		["The last call came ", <Ago at={lastCall} />, `. In the Chat console, ${switchOn}.`],
	];
}
