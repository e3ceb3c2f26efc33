// What is wrong, only where something is, with what to do about it.

import type { ComponentChildren } from "preact";
import type { Delivery, DeliveryPage, Status } from "../api/client.ts";
import { count, DAY, due, number } from "../lib/format.ts";
import { sinceText } from "../lib/range.ts";
import { countOf, rejectedOf } from "../state/alerts.ts";
import type { Board } from "../state/board.ts";
import { now } from "../state/clock.ts";
import { href, toDeadLetters } from "../state/route.ts";
import { outcome } from "../text/delivery.ts";
import { adviceOn } from "../text/rejections.ts";
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
	const isCounted = data !== null && alerts.some((alert) => alert.isCounted);
	if (alerts.length === 0) return null;
	return (
		<section class="card alerts" aria-labelledby="alerts-title" data-testid="alerts">
			<h2 id="alerts-title">{isWrong(board) ? "Something is wrong" : "Rejected calls"}</h2>
			<ul>
				{alerts.map(({ testid, title, rest }) => (
					<li data-testid={testid} children={[<strong>{title}</strong>, rest]} />
				))}
			</ul>
			{isCounted && (
				<P class="hint" text={`Calls are counted ${sinceText(data.range, now.value)}; there were at least so many.`} />
			)}
		</section>
	);
}

/** Whether anything is wrong that strangers have not caused. */
export const isWrong = (board: Board) => alertsOf(board).some(({ isStray }) => !isStray);

function alertsOf({ status, alerts: { findings, lastCall } }: Board): Alert[] {
	const { settings, unknown_settings: unknown, missing_lines: missing, retention_due_since: dueSince } = status.value;
	const { calls, range, retrying, dead, refused } = findings.data ?? {};
	const since = range ? sinceText(range, now.value) : "";
	const rejected = rejectedOf(calls ?? []).map(([reason, n]) => ofReason(reason, n));
	const queued = countOf(calls ?? [], "queued");
	const unsent = countOf(calls ?? [], "dead_lettered");
	const waiting = only(retrying, "retrying");
	const overdue = only(retrying, "overdue");
	const next = (waiting?.deliveries ?? []).map((it) => it.next_attempt_at).filter((at) => at !== null);
	const nextAttempt = next.length > 0 && `Next attempt ${due(Math.min(...next), now.value)}.`;
	return [
		...settings.map(({ name, problem }) => {
			return { testid: "alert-setting", title: ["Invalid setting: ", <code>{name}</code>], rest: ` ${problem}.` };
		}),
		...unknown.map((name) => {
			const rest = " does nothing. Is its name misspelt?";
			return { testid: "alert-unknown-setting", title: ["No such setting: ", <code>{name}</code>], rest };
		}),
		...missing.map(({ lines, feature }) => {
			const rest = [", which this needs: ", feature, "."];
			return { testid: "alert-missing-lines", title: ["wrangler.toml lacks ", <code>{lines}</code>], rest };
		}),
		...ofRetention(dueSince, status.value.plan),
		...ofDeliveries("alert-retrying", waiting, "being retried", nextAttempt),
		...ofDeliveries("alert-overdue", overdue, "overdue", overdue && <Replayed deliveries={overdue.deliveries} />),
		...ofDeliveries("alert-dead", dead, "given up", <Link href={href(toDeadLetters)} text="Dead letters" />),
		...ofDeliveries("alert-delivered-fail", refused, "answered FAIL", FAILED),
		...rejected.filter(({ isStray }) => !isStray),
		...rejected.filter(({ isStray }) => isStray),
		...(queued > 0 ? [ofQueued(queued, since)] : []),
		...(unsent > 0 ? [ofUnsent(unsent, since)] : []),
		...ofSilence(lastCall.value ?? now.value),
	];
}

function ofRetention(dueSince: number | null, plan: Status["plan"]): Alert[] {
	if (dueSince === null) return [];
	const more = plan === "free" && [" With Cloudflare's paid plan, ", <code>PLAN=paid</code>, " makes it delete more."];
	const rest = [": events since ", <Moment at={dueSince} />, " are due for deletion and still stored.", more];
	return [{ testid: "alert-retention", title: "The hourly retention is behind", rest }];
}

function ofDeliveries(testid: string, page: DeliveryPage | null | undefined, verb: string, rest: ComponentChildren) {
	const [first] = page?.deliveries ?? [];
	if (!page || !first) return [];
	const n = page.deliveries.length;
	const title = `${number(n)}${page.cursor === null ? "" : "+"} ${n === 1 ? "delivery" : "deliveries"} ${verb}`;
	return [{ testid, title, rest: [`: ${outcome(first)}. `, rest] }];
}

/** Those deliveries of a page that are in a state. */
const only = (page: DeliveryPage | null | undefined, state: Delivery["state"]) =>
	page && { ...page, deliveries: page.deliveries.filter((it) => it.state === state) };

const FAILED =
	"They are not sent again, unless you replay them or set ORIGIN_FAIL to retry. The record has the start of the answer.";

/** Links to the records of some overdue deliveries, from where their events are replayed. */
function Replayed({ deliveries }: { deliveries: Delivery[] }) {
	const links = deliveries
		.slice(0, LINKS)
		.map(({ event_id: event, updated_at: at }) => [
			" ",
			<Link key={event} href={href({ event })} text={<Moment at={at} />} />,
		]);
	return <>Nothing was heard of the last attempt for over an hour. Replay the event from its record: {links}</>;
}

function ofReason(reason: string, n: number): Alert {
	const { advice, isStray = false } = adviceOn(reason);
	const title = [`${count(n, "call")} rejected: `, <code>{reason}</code>];
	return { testid: "alert-rejected", isStray, isCounted: true, title, rest: `. ${advice}` };
}

function ofQueued(n: number, since: string): Alert {
	const title = `${count(n, "event")} ${n === 1 ? "was" : "were"} queued`;
	const hint = "A sink did not take them in time: they are stored later, and may be missing here until then.";
	return { testid: "alert-queued", isCounted: true, title, rest: ` ${since}. ${hint}` };
}

function ofUnsent(n: number, since: string): Alert {
	const title = `${count(n, "event")} became ${n === 1 ? "a dead letter" : "dead letters"} at once`;
	const rest = ` ${since}. The queue did not take them: your backend gets them if you replay them. `;
	const link = <Link href={href(toDeadLetters)} text="Dead letters" />;
	return { testid: "alert-dead-lettered", isCounted: true, title, rest: [rest, link] };
}

function ofSilence(last: number): Alert[] {
	if (now.value - last < SILENCE) return [];
	const advice = "Is the URL still registered in the Chat console, and are the webhooks switched on?";
	return [{ testid: "alert-silence", title: ["The last call came ", <Ago at={last} />], rest: `. ${advice}` }];
}
