// One event's full record in a dialog, with its delivery, and buttons to copy, replay and delete it.

import { type ComponentChildren, Fragment } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { type Delivery, type EventRecord, Problem as Failure, type ListedEvent, sentenceOf } from "../api/client.ts";
import { outcome } from "../lib/delivery.ts";
import { count, full, isDate, moment } from "../lib/format.ts";
import { visibleJson } from "../lib/user_id.ts";
import type { Board } from "../state/board.ts";
import { now } from "../state/clock.ts";
import { announce, moveFocus, places } from "../state/feedback.ts";
import { go, route } from "../state/route.ts";
import { t } from "../text/language.ts";
import { Dialog } from "./Dialog.tsx";
import { UserLink } from "./UserId.tsx";
import {
	Ahead,
	Button,
	copyText,
	Due,
	FactList,
	type Facts,
	focus,
	Moment,
	P,
	Problem,
	Skeleton,
	Time,
} from "./ui.tsx";

/** A record, and its JSON without its delivery, as it is stored. */
interface Loaded {
	record: EventRecord;
	json: string;
}

export function RecordDialog({ board, id }: { board: Board; id: string }) {
	const { session, app } = board;
	const { value: mayChange } = board.mayChange;
	const [loaded, setLoaded] = useState<Loaded | null>(null);
	const [failure, setFailure] = useState<unknown>(null);
	/** What was said last: as it is said in the language that is shown. */
	const [said, say] = useState<{ text: () => string; isProblem?: boolean } | null>(null);
	const [isBusy, setBusy] = useState(false);
	/** Whether the deletion is to be confirmed; `kept` where it was not. */
	const [deletion, setDeletion] = useState<"none" | "asked" | "kept">("none");
	const json = useRef<HTMLPreElement>(null);
	useLayoutEffect(() => {
		const controller = new AbortController();
		const failed = (error: unknown) => {
			if (!controller.signal.aborted) setFailure(error);
		};
		void load(board, id, controller.signal).then(setLoaded).catch(failed);
		return () => controller.abort();
	}, [board, id]);
	const isShown = () => route.value.event === id;
	const close = () => {
		if (isShown()) go({ event: null }, { replace: true });
	};
	const ask = (next: typeof deletion) => {
		say(null);
		setDeletion(next);
	};
	const copy = async () => {
		const isCopied = await copyText(loaded?.json ?? "", json);
		say({ text: () => (isCopied ? t().copied : t().record.notCopied), isProblem: !isCopied });
	};
	const act = (action: () => Promise<void>) => async () => {
		setBusy(true);
		await action().catch((error) => say({ text: () => sentenceOf(error), isProblem: true }));
		setBusy(false);
	};
	const replay = act(async () => {
		await session.api.post("/v1/events/{app}/{id}/replay", { app, id });
		say({ text: () => t().record.replayed });
	});
	const remove = act(async () => {
		await session.api.delete("/v1/events/{app}/{id}", { app, id });
		announce(t().record.deleted);
		const wasShown = isShown();
		close();
		board.events.remove(id);
		board.readAgain();
		// The row that had the focus is gone.
		if (wasShown) moveFocus(places.events);
	});
	const event = loaded?.record ?? board.events.find(id);
	const returned = deletion === "kept" ? focus : undefined;
	const isOff = loaded === null || isBusy;
	const canReplay = board.mayReplay.value && board.status.value.origin;
	const toDelete = () => ask("asked");
	const { actions: buttons, record: text } = t();
	const ofRecord = [
		<Button text={text.copyJson} class="quiet first" disabled={isOff} onClick={copy} />,
		canReplay && <Button text={buttons.replay} disabled={isOff} onClick={replay} />,
		mayChange && (
			<Button text={text.toDelete} class="quiet danger" ref={returned} disabled={isOff} onClick={toDelete} />
		),
	];
	const ofDeletion = [
		<P text={text.ask} />,
		<Button text={text.keep} ref={focus} onClick={() => ask("kept")} />,
		<Button text={text.delete} class="danger solid" disabled={isOff} onClick={remove} />,
	];
	const actions = deletion === "asked" ? <Fragment key="asked">{ofDeletion}</Fragment> : ofRecord;
	const isMissing = failure instanceof Failure && failure.status === 404;
	const title = event ? titleOf(event) : text.event;
	const closeButton = <Button text={buttons.close} onClick={close} />;
	return (
		<Dialog title={title} beside={closeButton} actions={actions} class="record" testid="record" close={close}>
			{loaded && <FactList facts={factsOf(loaded.record)} />}
			{loaded && (
				// biome-ignore lint/a11y: what scrolls can be scrolled with keys, and white space counts in it.
				<pre ref={json} tabIndex={0} role="region" aria-label={text.json} data-testid="record-json">
					{visibleJson(loaded.json)}
				</pre>
			)}
			{!loaded &&
				(failure === null ? <Skeleton tall /> : <Problem text={isMissing ? text.missing : sentenceOf(failure)} />)}
			<P class={said?.isProblem ? "outcome problem" : "outcome"} role="status" text={said?.text()} />
		</Dialog>
	);
}

const titleOf = ({ kind, event_time: at }: ListedEvent) =>
	t().record.title(t().kinds[kind] ?? kind, isDate(at) ? moment(at, now.value) : String(at));

async function load({ session, app }: Board, id: string, signal: AbortSignal): Promise<Loaded> {
	const text = await session.api.text("/v1/events/{app}/{id}", { app, id }, signal);
	const { delivery: _, ...written } = JSON.parse(text, asWritten);
	return { record: JSON.parse(text), json: JSON.stringify(written, null, 2) };
}

/** Leaves a number as it is written, where the browser can: Tencent's may be larger than JavaScript's. */
function asWritten(_name: string, value: unknown, context?: { source?: string }): unknown {
	const { rawJSON } = JSON as { rawJSON?: (text: string) => unknown };
	return typeof value === "number" && context?.source !== undefined && rawJSON ? rawJSON(context.source) : value;
}

function factsOf(record: EventRecord): Facts {
	const { from_account: from, to_accounts: targets, event_time: at, received_at: receivedAt, delivery } = record;
	const { source, not_before: notBefore } = record;
	const written = (ms: number) => <Time at={ms} text={isDate(ms) ? full(ms) : ""} />;
	const { facts: names, between, comparison } = t().record;
	const happened = notBefore === undefined ? written(at) : between(written(notBefore), written(at));
	const facts: Facts = [
		["record-actor", names.actor, <UserLink id={from} class="user-link chip" />],
		[
			"record-targets",
			targets.length > 1 ? names.targets : names.target,
			targets.map((id) => <UserLink id={id} class="user-link chip" />),
		],
		["record-happened", names.happened, [happened, <Ahead at={at} />]],
		["record-received", names.received, written(receivedAt)],
		["record-platform", names.platform, record.opt_platform ?? "–"],
		["record-client-ip", names.clientIp, record.client_ip ?? "–"],
	];
	if (source !== undefined) facts.push(["record-source", names.source, comparison]);
	if (delivery) facts.push(["record-delivery", names.delivery, describe(delivery)]);
	if (delivery?.answer) {
		const answer = <code class="answer" dir="ltr" children={visibleJson(delivery.answer)} />;
		facts.push(["record-answer", names.answer, answer]);
	}
	return facts;
}

function describe(delivery: Delivery): ComponentChildren {
	const { state, attempts, last_status: status, last_error: error, next_attempt_at: next, updated_at: at } = delivery;
	const { deliveries, record } = t();
	const isWarning = state === "overdue" || state === "delivered_fail";
	const isRetried = state === "retrying" || state === "overdue";
	const attempted = count(attempts, "attempt");
	const parts = [
		<span class={isWarning ? "warning" : undefined}>{deliveries.states[state] ?? state}</span>,
		isRetried ? record.atLeast(attempted) : attempted,
	];
	if (status !== null || error !== null) parts.push(outcome(delivery));
	return [
		record.state(parts),
		record.at(<Moment at={at} />),
		state === "retrying" && next !== null && record.nextAttempt(<Due at={next} />),
		state === "overdue" && record.replay,
	];
}
