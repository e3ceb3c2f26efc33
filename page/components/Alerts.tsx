// What is wrong, as the Worker says it, only where something is; and which of it the operator has acknowledged.

import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import type { Alert } from "../api/client.ts";
import { DAY } from "../lib/format.ts";
import { acknowledge, isAcknowledged, undo } from "../state/acknowledged.ts";
import type { Board } from "../state/board.ts";
import { currentTime } from "../state/clock.ts";
import type { Compared } from "../state/comparison.ts";
import { href, toDeadLetters } from "../state/route.ts";
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
	return (
		<>
			<AlertsSection board={board} compare={setCompared} />
			{/* Not in the section, which is gone as soon as the alerts are. */}
			{compared && <CompareDialog board={board} of={compared} close={() => setCompared(null)} />}
		</>
	);
}

function AlertsSection({ board, compare }: { board: Board; compare: (of: Compared) => void }) {
	const { all, open, isWrong } = board.alerts;
	const { alerts: text } = t();
	const acknowledged = all.value.filter(isAcknowledged);
	if (all.value.length === 0) return null;
	const offer = board.mayCompare.value ? compare : undefined;
	return (
		<section class="card alerts" aria-labelledby="alerts-title" data-testid="alerts">
			<h2 id="alerts-title">{isWrong.value ? text.wrong : text.notices}</h2>
			<ul>
				{open.value.map((alert) => (
					<Item key={alert.key} alert={alert} text={text.acknowledge} act={acknowledge} compare={offer} />
				))}
			</ul>
			{acknowledged.length > 0 && (
				<details data-testid="acknowledged">
					<summary>{text.acknowledged(acknowledged.length)}</summary>
					<ul>
						{acknowledged.map((alert) => (
							<Item key={alert.key} alert={alert} text={text.undo} act={undo} compare={offer} />
						))}
					</ul>
				</details>
			)}
			{open.value.some(({ kind }) => COUNTED.includes(kind)) && <P class="hint" text={text.atLeast} />}
		</section>
	);
}

/** An alert, a button with this text, and what compares a span, where that is possible. */
interface ItemProps {
	alert: Alert;
	text: string;
	act: (alert: Alert) => void;
	compare?: (of: Compared) => void;
}

function Item({ alert, text, act, compare }: ItemProps) {
	const { kind, severity, title, action, last_at: last, since } = alert;
	const { alerts: words, comparison } = t();
	const id = useId();
	const began = since ?? last;
	const time = last === null ? since && words.since(<Moment at={since} />) : words.last(<Ago at={last} />);
	const parts = [<strong id={id}>{marked(alert, title)}</strong>, words.action(action), time, <Links alert={alert} />];
	return (
		<li data-testid={`alert-${kind}`}>
			<Span class="hint" text={words.severities[severity]} testid="severity" /> {parts}{" "}
			{compare && began !== null && HOLES.includes(kind) && (
				<>
					<Button
						class="link"
						text={comparison.open}
						aria-describedby={id}
						onClick={() => compare(spanOf(began))}
					/>{" "}
				</>
			)}
			<Button class="link" text={text} aria-describedby={id} onClick={() => act(alert)} />
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
	if (kind === "unfollow_burst_of_user") return <Link href={href({ user: subject })} text={text.toUser} />;
	return (
		<>
			{events.map((event) => [
				" ",
				<Link key={event} href={href({ event })} text={text.record(<Moment at={timeOf(event)} />)} />,
			])}
		</>
	);
}

/** The `event_time` in an id, in Unix ms. */
const timeOf = (id: string) => 9_999_999_999_999 - Number(id.slice(0, 13));
