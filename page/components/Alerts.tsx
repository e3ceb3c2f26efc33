// What is wrong, as the Worker says it, only where something is; and which of it the operator has acknowledged.

import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import type { Alert } from "../api/client.ts";
import { timeOfId } from "../lib/export_part.ts";
import { DAY } from "../lib/format.ts";
import { acknowledge, isAcknowledged, undo } from "../state/acknowledged.ts";
import type { Board } from "../state/board.ts";
import { currentTime } from "../state/clock.ts";
import type { Compared } from "../state/comparison.ts";
import { href, toDeadLetters, toUser } from "../state/route.ts";
import { t } from "../text/language.ts";
import { CompareDialog } from "./CompareDialog.tsx";
import { Ago, Button, Link, Moment, P, Span } from "./ui.tsx";

/** The kinds whose counts are of calls: each is a lower bound. */
const COUNTED: Alert["kind"][] = [
	"calls_rejected",
	"stray_calls",
	"events_not_stored",
	"events_queued",
	"events_dead_lettered",
];

/** The kinds of which a hole in the log is left: calls were rejected or lost, or did not come. */
const HOLES: Alert["kind"][] = ["calls_rejected", "events_not_stored", "no_calls"];
/** How long before a hole the users have events of whom it is looked for, in ms: within it, they have none. */
const BEFORE_HOLE = 7 * DAY;

export function AlertsCard({ board }: { board: Board }) {
	const [compared, setCompared] = useState<Compared | null>(null);
	const { all, open, isWrong } = board.alerts;
	const { alerts: text } = t();
	const acknowledged = all.value.filter(isAcknowledged);
	const compare = board.mayCompare.value ? setCompared : undefined;
	const list = (alerts: Alert[], button: string, act: (alert: Alert) => void) => (
		<ul>
			{alerts.map((alert) => (
				<Item key={alert.key} {...{ alert, button, act, compare }} />
			))}
		</ul>
	);
	return (
		<>
			{all.value.length > 0 && (
				<section class="card alerts" aria-labelledby="alerts-title" data-testid="alerts">
					<h2 id="alerts-title">{isWrong.value ? text.wrong : text.notices}</h2>
					{list(open.value, text.acknowledge, acknowledge)}
					{acknowledged.length > 0 && (
						<details data-testid="acknowledged">
							<summary>{text.acknowledged(acknowledged.length)}</summary>
							{list(acknowledged, text.undo, undo)}
						</details>
					)}
					{open.value.some(({ kind }) => COUNTED.includes(kind)) && <P class="hint" text={text.atLeast} />}
				</section>
			)}
			{/* Not in the section, which is gone as soon as the alerts are. */}
			{compared && <CompareDialog board={board} of={compared} close={() => setCompared(null)} />}
		</>
	);
}

/** An alert, a button with this text, and what compares a span, where that is possible. */
interface ItemProps {
	alert: Alert;
	button: string;
	act: (alert: Alert) => void;
	compare?: (of: Compared) => void;
}

function Item({ alert, button, act, compare }: ItemProps) {
	const { kind, severity, title, action, last_at: last, since } = alert;
	const { alerts: text, comparison } = t();
	const id = useId();
	const began = since ?? last;
	const canCompare = compare && began !== null && HOLES.includes(kind);
	const time = last === null ? since && text.since(<Moment at={since} />) : text.last(<Ago at={last} />);
	const parts = [<strong id={id}>{marked(alert, title)}</strong>, text.action(action), time, <Links alert={alert} />];
	const link = (text: string, onClick: () => void) => (
		<Button class="link" aria-describedby={id} {...{ text, onClick }} />
	);
	return (
		<li data-testid={`alert-${kind}`}>
			<Span class="hint" text={text.severities[severity]} testid="severity" /> {parts}{" "}
			{canCompare && [link(comparison.open, () => compare(spanOf(began))), " "]}
			{link(button, () => act(alert))}
		</li>
	);
}

/** The span whose users are compared because of a hole that began then, in Unix ms. */
const spanOf = (began: number): Compared => ({ since: Math.max(0, began - BEFORE_HOLE), until: currentTime() });

/** A title whose subject is marked as a name. */
function marked({ subject, kind }: Alert, title: string): ComponentChildren {
	const [before, ...after] = subject === "" ? [title] : title.split(subject);
	if (after.length === 0) return title;
	const name = kind === "unfollow_burst_of_user" ? <bdi>{subject}</bdi> : <code>{subject}</code>;
	return [before, name, after.join(subject)];
}

/** Where the operator sees more of it. */
function Links({ alert: { kind, subject, event_ids: events } }: { alert: Alert }) {
	const { deadLetters, alerts: text } = t();
	if (kind === "deliveries_dead" || kind === "events_dead_lettered") {
		return <Link href={href(toDeadLetters)} text={deadLetters.title} />;
	}
	if (kind === "unfollow_burst_of_user") return <Link href={href(toUser(subject))} text={text.toUser} />;
	return (
		<>
			{events.map((event) => [
				" ",
				<Link key={event} href={href({ event })} text={text.record(<Moment at={timeOfId(event)} />)} />,
			])}
		</>
	);
}
