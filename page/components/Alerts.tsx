// What is wrong, only where something is, with what to do about it.

import type { ComponentChildren } from "preact";
import type { DeliveryPage } from "../api/client.ts";
import { count, DAY, due, number } from "../lib/format.ts";
import { sinceText } from "../lib/range.ts";
import { countOf, rejectedOf } from "../state/alerts.ts";
import type { Board } from "../state/board.ts";
import { now } from "../state/clock.ts";
import { href, toDeadLetters } from "../state/route.ts";
import { outcome } from "../text/delivery.ts";
import { adviceOn } from "../text/rejections.ts";
import { Hint, Link } from "./Card.tsx";
import { Ago } from "./Time.tsx";

/** Ms after the last call that count as silence. */
const SILENCE = DAY;

interface Alert {
	testid: string;
	title: ComponentChildren;
	rest: ComponentChildren;
	/** Whether strangers may have caused it: then nothing is wrong. */
	isStray?: boolean;
	/** Whether it is of the counts of calls. */
	isCounted?: boolean;
}

export function AlertsCard({ board }: { board: Board }) {
	const alerts = alertsOf(board);
	const { data } = board.alerts.findings;
	if (alerts.length === 0) return null;
	return (
		<section class="card alerts" aria-labelledby="alerts-title" data-testid="alerts">
			<h2 id="alerts-title">{isWrong(board) ? "Something is wrong" : "Rejected calls"}</h2>
			<ul>
				{alerts.map(({ testid, title, rest }) => (
					<li data-testid={testid}>
						<strong>{title}</strong>
						{rest}
					</li>
				))}
			</ul>
			{data && alerts.some(({ isCounted }) => isCounted) && (
				<Hint text={`Calls are counted ${sinceText(data.range)}; there were at least so many.`} />
			)}
		</section>
	);
}

/** Whether anything is wrong that strangers have not caused. */
export const isWrong = (board: Board) => alertsOf(board).some(({ isStray }) => !isStray);

const alertsOf = (board: Board): Alert[] => [
	...ofSettings(board),
	...ofDeliveries(board),
	...ofCalls(board),
	...ofSilence(board),
];

const ofSettings = ({ status }: Board): Alert[] => [
	...status.value.settings.map(({ name, problem }) => ({
		testid: "alert-setting",
		title: ["Invalid setting: ", <code>{name}</code>],
		rest: ` ${problem}.`,
	})),
	...status.value.unknown_settings.map((name) => ({
		testid: "alert-unknown-setting",
		title: ["No such setting: ", <code>{name}</code>],
		rest: " does nothing. Is its name misspelt?",
	})),
];

function ofDeliveries({ alerts }: Board): Alert[] {
	const { retrying, dead } = alerts.findings.data ?? {};
	const alert = (testid: string, page: DeliveryPage | null | undefined, verb: string, rest: ComponentChildren) => {
		const [first] = page?.deliveries ?? [];
		if (!page || !first) return [];
		const n = page.deliveries.length;
		const title = `${number(n)}${page.cursor === null ? "" : "+"} ${n === 1 ? "delivery" : "deliveries"} ${verb}`;
		return [{ testid, title, rest: [`: ${outcome(first)}. `, rest] }];
	};
	const next = (retrying?.deliveries ?? []).map((it) => it.next_attempt_at).filter((at) => at !== null);
	const nextAttempt = next.length > 0 && `Next attempt ${due(Math.min(...next), now.value)}.`;
	return [
		...alert("alert-retrying", retrying, "being retried", nextAttempt),
		...alert("alert-dead", dead, "given up", <Link href={href(toDeadLetters)} text="Dead letters" />),
	];
}

function ofCalls({ alerts }: Board): Alert[] {
	const { calls, range } = alerts.findings.data ?? {};
	if (!calls || !range) return [];
	const rejected = rejectedOf(calls).map(([reason, n]) => {
		const { advice, isStray = false } = adviceOn(reason);
		const title = [`${count(n, "call")} rejected: `, <code>{reason}</code>];
		return { testid: "alert-rejected", isStray, isCounted: true, title, rest: `. ${advice}` };
	});
	const queued = countOf(calls, "queued");
	const title = `${count(queued, "event")} ${queued === 1 ? "was" : "were"} queued`;
	const hint = "A sink did not take them in time: they are stored later, and may be missing here until then.";
	const isQueued = { testid: "alert-queued", isCounted: true, title, rest: ` ${sinceText(range)}. ${hint}` };
	rejected.sort((one, other) => Number(one.isStray) - Number(other.isStray));
	return queued > 0 ? [...rejected, isQueued] : rejected;
}

function ofSilence({ alerts }: Board): Alert[] {
	const { value: last } = alerts.lastCall;
	if (!last || now.value - last < SILENCE) return [];
	const advice = "Is the URL still registered in the Chat console, and are the webhooks switched on?";
	return [{ testid: "alert-silence", title: ["The last call came ", <Ago at={last} />], rest: `. ${advice}` }];
}
