// What is wrong, only where something is, with what to do about it.

import type { ComponentChildren } from "preact";
import type { Delivery, DeliveryPage, Status } from "../api/client.ts";
import { outcome } from "../lib/delivery.ts";
import { count, DAY, due, number } from "../lib/format.ts";
import { sinceText } from "../lib/range.ts";
import { adviceOn } from "../lib/rejections.ts";
import { countOf, rejectedOf } from "../state/alerts.ts";
import type { Board } from "../state/board.ts";
import { now } from "../state/clock.ts";
import { href, toDeadLetters } from "../state/route.ts";
import { t } from "../text/language.ts";
import { Ago, Link, Moment, P } from "./ui.tsx";

/** Links to records in one line, at most. */
const LINKS = 5;
/** Ms after the last call that count as silence. */
const SILENCE = DAY;

/** Strangers may have caused a stray one: then nothing is wrong. Some are of the counts of calls. */
interface Alert {
	testid: string;
	title: ComponentChildren;
	rest: ComponentChildren;
	isStray?: boolean;
	isCounted?: boolean;
}

export function AlertsCard({ board }: { board: Board }) {
	const alerts = alertsOf(board);
	const { data } = board.alerts.findings;
	const { alerts: text } = t();
	const isCounted = data !== null && alerts.some((alert) => alert.isCounted);
	if (alerts.length === 0) return null;
	return (
		<section class="card alerts" aria-labelledby="alerts-title" data-testid="alerts">
			<h2 id="alerts-title">{isWrong(board) ? text.wrong : text.rejectedCalls}</h2>
			<ul>
				{alerts.map(({ testid, title, rest }) => (
					<li data-testid={testid} children={[<strong>{title}</strong>, rest]} />
				))}
			</ul>
			{isCounted && <P class="hint" text={text.counted(sinceText(data.range, now.value))} />}
		</section>
	);
}

/** Whether anything is wrong that strangers have not caused. */
export const isWrong = (board: Board) => alertsOf(board).some(({ isStray }) => !isStray);

function alertsOf({ status, isRemoved, alerts: { findings, lastCall } }: Board): Alert[] {
	const { settings, unknown_settings: unknown, missing_lines: missing, retention_due_since: dueSince } = status.value;
	const { calls, range, retrying, dead, refused } = findings.data ?? {};
	const since = range ? sinceText(range, now.value) : "";
	const rejected = rejectedOf(calls ?? []).map(([reason, n]) => ofReason(reason, n));
	const queued = countOf(calls ?? [], "queued");
	const unsent = countOf(calls ?? [], "dead_lettered");
	const waiting = only(retrying, "retrying");
	const overdue = only(retrying, "overdue");
	const next = (waiting?.deliveries ?? []).map((it) => it.next_attempt_at).filter((at) => at !== null);
	const { alerts: text } = t();
	const nextAttempt = next.length > 0 && text.nextAttempt(due(Math.min(...next), now.value));
	return [
		...settings.map(({ name, problem }) => {
			return { testid: "alert-setting", title: text.setting(<code>{name}</code>), rest: text.settingProblem(problem) };
		}),
		...unknown.map((name) => {
			return { testid: "alert-unknown-setting", title: text.unknownSetting(<code>{name}</code>), rest: text.misspelt };
		}),
		...missing.map(({ lines, feature }) => {
			const title = text.missingLines(<code>{lines}</code>);
			return { testid: "alert-missing-lines", title, rest: text.feature(feature) };
		}),
		...ofRetention(dueSince, status.value.plan),
		...ofDeliveries("alert-retrying", waiting, text.retrying, nextAttempt),
		...ofDeliveries("alert-overdue", overdue, text.overdue, overdue && <Replayed deliveries={overdue.deliveries} />),
		...ofDeliveries("alert-dead", dead, text.dead, <Link href={href(toDeadLetters)} text={t().deadLetters.title} />),
		...ofDeliveries("alert-delivered-fail", refused, text.deliveredFail, text.notSentAgain),
		...rejected.filter(({ isStray }) => !isStray),
		...rejected.filter(({ isStray }) => isStray),
		...(queued > 0 ? [ofQueued(queued, since)] : []),
		...(unsent > 0 ? [ofUnsent(unsent, since)] : []),
		...(isRemoved ? [] : ofSilence(lastCall.value ?? now.value)),
	];
}

function ofRetention(dueSince: number | null, plan: Status["plan"]): Alert[] {
	if (dueSince === null) return [];
	const { alerts: text } = t();
	const rest = [text.due(<Moment at={dueSince} />), plan === "free" && text.paidPlan(<code>PLAN=paid</code>)];
	return [{ testid: "alert-retention", title: text.retention, rest }];
}

function ofDeliveries(
	testid: string,
	page: DeliveryPage | null | undefined,
	title: (deliveries: string) => string,
	rest: ComponentChildren,
) {
	const [first] = page?.deliveries ?? [];
	if (!page || !first) return [];
	const n = page.deliveries.length;
	const deliveries = `${number(n)}${page.cursor === null ? "" : "+"} ${t().nouns.delivery(n)}`;
	return [{ testid, title: title(deliveries), rest: t().alerts.last(outcome(first), rest) }];
}

/** Those deliveries of a page that are in a state. */
const only = (page: DeliveryPage | null | undefined, state: Delivery["state"]) =>
	page && { ...page, deliveries: page.deliveries.filter((it) => it.state === state) };

/** Links to the records of some overdue deliveries, from where their events are replayed. */
function Replayed({ deliveries }: { deliveries: Delivery[] }) {
	const links = deliveries
		.slice(0, LINKS)
		.map(({ event_id: event, updated_at: at }) => [
			" ",
			<Link key={event} href={href({ event })} text={<Moment at={at} />} />,
		]);
	return <>{t().alerts.replay(links)}</>;
}

function ofReason(reason: string, n: number): Alert {
	const { advice, isStray } = adviceOn(reason);
	const { alerts: text } = t();
	const title = text.rejected(count(n, "call"), <code>{reason}</code>);
	return { testid: "alert-rejected", isStray, isCounted: true, title, rest: text.advice(advice) };
}

function ofQueued(n: number, since: string): Alert {
	const { alerts: text } = t();
	const title = text.queued(count(n, "event"), n);
	return { testid: "alert-queued", isCounted: true, title, rest: text.queuedSince(since) };
}

function ofUnsent(n: number, since: string): Alert {
	const { alerts: text, deadLetters } = t();
	const title = text.deadAtOnce(count(n, "event"), n);
	const link = <Link href={href(toDeadLetters)} text={deadLetters.title} />;
	return { testid: "alert-dead-lettered", isCounted: true, title, rest: [text.deadSince(since), link] };
}

function ofSilence(last: number): Alert[] {
	if (now.value - last < SILENCE) return [];
	const { alerts: text } = t();
	return [{ testid: "alert-silence", title: text.silence(<Ago at={last} />), rest: text.silenceAdvice }];
}
