// One event's full record in a dialog, with its delivery, and buttons to copy, replay and delete it.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { type Delivery, type EventRecord, type ListedEvent, Problem, sentenceOf } from "../api/client.ts";
import { ago, count, due, full, isAhead, isDate, moment } from "../lib/format.ts";
import { visibleJson } from "../lib/user_id.ts";
import { announce } from "../state/announcement.ts";
import type { Board } from "../state/board.ts";
import { now } from "../state/clock.ts";
import { eventsRef, moveFocus } from "../state/focus.ts";
import { go, route } from "../state/route.ts";
import { outcome, STATES } from "../text/delivery.ts";
import { KIND_NAMES } from "../text/kinds.ts";
import { Skeleton } from "./Card.tsx";
import { Dialog } from "./Dialog.tsx";
import { Moment, Time } from "./Time.tsx";
import { UserLink } from "./UserId.tsx";

interface Loaded {
	record: EventRecord;
	/** The record without its delivery, as it is stored. */
	json: string;
}

const focus = (element: HTMLElement | null) => element?.focus();

export function RecordDialog({ board, id }: { board: Board; id: string }) {
	const { session, app } = board;
	const [loaded, setLoaded] = useState<Loaded | null>(null);
	const [problem, setProblem] = useState("");
	const [said, say] = useState({ text: "", isProblem: false });
	const [isBusy, setBusy] = useState(false);
	/** Whether the deletion is to be confirmed; `kept` where it was not. */
	const [deletion, setDeletion] = useState<"none" | "asked" | "kept">("none");
	const json = useRef<HTMLPreElement>(null);
	useLayoutEffect(() => {
		const controller = new AbortController();
		void load(board, id, controller.signal).then(setLoaded, (error) => {
			if (controller.signal.aborted) return;
			const isMissing = error instanceof Problem && error.status === 404;
			setProblem(isMissing ? "This event is not stored, or not any more." : sentenceOf(error));
		});
		return () => controller.abort();
	}, [board, id]);
	const isShown = () => route.value.event === id;
	const close = () => {
		if (isShown()) go({ event: null }, { replace: true });
	};
	const ask = (next: typeof deletion) => {
		say({ text: "", isProblem: false });
		setDeletion(next);
	};
	const copy = async () => {
		try {
			await navigator.clipboard.writeText(loaded?.json ?? "");
			say({ text: "Copied.", isProblem: false });
		} catch {
			if (json.current) getSelection()?.selectAllChildren(json.current);
			say({ text: "The browser does not allow copying; the text is selected.", isProblem: true });
		}
	};
	const act = async (action: () => Promise<void>) => {
		setBusy(true);
		try {
			await action();
		} catch (error) {
			say({ text: sentenceOf(error), isProblem: true });
		}
		setBusy(false);
	};
	const replay = () =>
		act(async () => {
			await session.api.replayEvent(app, id);
			say({ text: "The event is on the queue to your backend.", isProblem: false });
		});
	const remove = () =>
		act(async () => {
			await session.api.deleteEvent(app, id);
			announce("The event was deleted.");
			const wasShown = isShown();
			close();
			board.events.remove(id);
			board.readAgain();
			// The row that had the focus is gone.
			if (wasShown) moveFocus(eventsRef);
		});
	const event = loaded?.record ?? board.events.find(id);
	const isOff = loaded === null || isBusy;
	return (
		<Dialog
			title={event ? titleOf(event) : "Event"}
			beside={
				<button type="button" class="quiet" onClick={close}>
					Close
				</button>
			}
			class="record"
			testid="record"
			close={close}
		>
			{loaded ? (
				<>
					<Facts record={loaded.record} />
					{/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled with keys. */}
					<pre ref={json} tabIndex={0} role="region" aria-label="The record as JSON" data-testid="record-json">
						{visibleJson(loaded.json)}
					</pre>
				</>
			) : problem === "" ? (
				<Skeleton tall />
			) : (
				<p class="problem" role="alert">
					{problem}
				</p>
			)}
			<p class={said.isProblem ? "outcome problem" : "outcome"} role="status">
				{said.text}
			</p>
			{deletion === "asked" ? (
				<div class="actions" key="asked">
					<p>Delete this event for good?</p>
					<button type="button" class="quiet" ref={focus} onClick={() => ask("kept")}>
						Keep it
					</button>
					<button type="button" class="danger solid" disabled={isOff} onClick={remove}>
						Delete
					</button>
				</div>
			) : (
				<div class="actions" key="actions">
					<button type="button" class="quiet first" disabled={isOff} onClick={copy}>
						Copy JSON
					</button>
					{board.status.value.origin && (
						<button type="button" class="quiet" disabled={isOff} onClick={replay}>
							Replay
						</button>
					)}
					<button
						type="button"
						class="quiet danger"
						ref={deletion === "kept" ? focus : undefined}
						disabled={isOff}
						onClick={() => ask("asked")}
					>
						Delete…
					</button>
				</div>
			)}
		</Dialog>
	);
}

const titleOf = ({ kind, event_time: at }: ListedEvent) =>
	`${KIND_NAMES[kind] ?? kind}, ${isDate(at) ? moment(at, now.value) : at}`;

async function load({ session, app }: Board, id: string, signal: AbortSignal): Promise<Loaded> {
	const text = await session.api.record(app, id, signal);
	const { delivery: _, ...written } = JSON.parse(text, asWritten);
	return { record: JSON.parse(text), json: JSON.stringify(written, null, 2) };
}

/** `JSON.rawJSON` and the source of a value, which TypeScript does not know. */
type RawJson = typeof JSON & { rawJSON?: (text: string) => unknown };

/** Leaves a number as it is written, where the browser can: Tencent's may be larger than JavaScript's. */
function asWritten(_name: string, value: unknown, context?: { source?: string }): unknown {
	const { rawJSON } = JSON as RawJson;
	return typeof value === "number" && context?.source !== undefined && rawJSON ? rawJSON(context.source) : value;
}

function Facts({ record }: { record: EventRecord }) {
	const { from_account: from, to_accounts: targets, event_time: at, received_at: receivedAt, delivery } = record;
	const row = (name: string, value: ComponentChildren, testid = name.toLowerCase().replace(" ", "-")) => (
		<div>
			<dt>{name}</dt>
			<dd data-testid={`record-${testid}`}>{value}</dd>
		</div>
	);
	return (
		<dl class="facts">
			{row("Actor", <UserLink id={from} class="chip" />)}
			{row(
				targets.length > 1 ? "Targets" : "Target",
				targets.map((id) => <UserLink key={id} id={id} class="chip" />),
			)}
			{row("Happened", [
				<Time at={at}>{isDate(at) && full(at)}</Time>,
				isAhead(at, now.value) && <span class="ahead"> {ago(at, now.value)}</span>,
			])}
			{row("Received", <Time at={receivedAt}>{isDate(receivedAt) && full(receivedAt)}</Time>)}
			{row("Platform", record.opt_platform ?? "–")}
			{row("Client IP", record.client_ip ?? "–")}
			{delivery && row("Delivery", <DeliveryText delivery={delivery} />)}
		</dl>
	);
}

function DeliveryText({ delivery }: { delivery: Delivery }) {
	const { state, attempts, last_status: status, last_error: error, next_attempt_at: next, updated_at: at } = delivery;
	return (
		<>
			{STATES[state] ?? state}, {count(attempts, "attempt")}
			{(status !== null || error !== null) && `, ${outcome(delivery)}`} (<Moment at={at} />)
			{state === "retrying" && next !== null && (
				<>
					; next attempt <Time at={next}>{due(next, now.value)}</Time>
				</>
			)}
		</>
	);
}
