// What is wrong, as the Worker says it, only where something is; and which of it the operator has acknowledged.

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import type { Alert } from "../api/client.ts";
import { acknowledge, isAcknowledged, undo } from "../state/acknowledged.ts";
import type { Board } from "../state/board.ts";
import { href, toDeadLetters } from "../state/route.ts";
import { t } from "../text/language.ts";
import { Ago, Button, Link, Moment, P, Span } from "./ui.tsx";

/** The kinds whose counts are of calls: each is a lower bound. */
const COUNTED: Alert["kind"][] = [
	"calls_rejected",
	"stray_calls",
	"events_not_stored",
	"events_queued",
	"events_dead_lettered",
];

export function AlertsCard({ board: { alerts } }: { board: Board }) {
	const { all, open, isWrong } = alerts;
	const { alerts: text } = t();
	const acknowledged = all.value.filter(isAcknowledged);
	if (all.value.length === 0) return null;
	return (
		<section class="card alerts" aria-labelledby="alerts-title" data-testid="alerts">
			<h2 id="alerts-title">{isWrong.value ? text.wrong : text.notices}</h2>
			<ul>
				{open.value.map((alert) => (
					<Item key={alert.key} alert={alert} text={text.acknowledge} act={acknowledge} />
				))}
			</ul>
			{acknowledged.length > 0 && (
				<details data-testid="acknowledged">
					<summary>{text.acknowledged(acknowledged.length)}</summary>
					<ul>
						{acknowledged.map((alert) => (
							<Item key={alert.key} alert={alert} text={text.undo} act={undo} />
						))}
					</ul>
				</details>
			)}
			{open.value.some(({ kind }) => COUNTED.includes(kind)) && <P class="hint" text={text.atLeast} />}
		</section>
	);
}

function Item({ alert, text, act }: { alert: Alert; text: string; act: (alert: Alert) => void }) {
	const { kind, severity, title, action, last_at: last, since } = alert;
	const { alerts: words } = t();
	const id = useId();
	const time = last === null ? since && words.since(<Moment at={since} />) : words.last(<Ago at={last} />);
	const parts = [<strong id={id}>{marked(alert, title)}</strong>, words.action(action), time, <Links alert={alert} />];
	return (
		<li data-testid={`alert-${kind}`}>
			<Span class="hint" text={words.severities[severity]} testid="severity" /> {parts}{" "}
			<Button class="link" text={text} aria-describedby={id} onClick={() => act(alert)} />
		</li>
	);
}

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
