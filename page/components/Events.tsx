// The events in a list, grouped by day, and older ones on demand. There may be 20,000: only blocks of rows that have changed
// are drawn again.

import { useComputed } from "@preact/signals";
import { Component } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Kind, ListedEvent, Role } from "../api/client.ts";
import { ago, clock, dayTitle, isAhead, isDate } from "../lib/format.ts";
import { spanOf, spanText } from "../lib/range.ts";
import { userText } from "../lib/user_id.ts";
import type { Board } from "../state/board.ts";
import { now } from "../state/clock.ts";
import type { Block, Day, Events } from "../state/events.ts";
import { eventsRef } from "../state/focus.ts";
import { go, route } from "../state/route.ts";
import { KIND_NAMES, VERBS } from "../text/kinds.ts";
import { Loaded } from "./Card.tsx";
import { Choice } from "./Choice.tsx";
import { Empty } from "./Empty.tsx";
import { ExportDialog } from "./ExportDialog.tsx";
import { Time } from "./Time.tsx";
import { UserLink } from "./UserId.tsx";

/** Users that a row shows before it says how many more there are. */
const SHOWN = 3;

export function EventsCard({ board, hidden }: { board: Board; hidden: boolean }) {
	const [isExporting, setExporting] = useState(false);
	const { user } = route.value;
	const { value: hasLog } = board.hasLog;
	return (
		<section
			class="card events"
			id="events"
			ref={eventsRef}
			tabIndex={-1}
			hidden={hidden}
			aria-labelledby="events-title"
			aria-busy={hasLog && board.events.list.data === null && board.events.list.problem === ""}
			data-testid="events"
		>
			<div class="head">
				<h2 id="events-title">{user === null ? "Events" : "Timeline"}</h2>
				<Narrowed />
				{hasLog && (
					<>
						<Filters />
						<button type="button" class="quiet" onClick={() => setExporting(true)} data-testid="export">
							Export…
						</button>
					</>
				)}
			</div>
			{hasLog ? (
				<Loaded cell={board.events.list} tall>
					{({ it }) => (it.events.length > 0 ? <List events={board.events} /> : <Empty board={board} />)}
				</Loaded>
			) : (
				<Empty board={board} />
			)}
			{isExporting && <ExportDialog board={board} close={() => setExporting(false)} />}
		</section>
	);
}

/** The times that the list is narrowed to. */
function Narrowed() {
	const span = spanOf(route.value);
	if (span === null) return null;
	return (
		<p class="narrowed" data-testid="narrowed">
			{spanText(span, now.value)}
			<button type="button" aria-label="Show all times" onClick={() => go({ since: null, until: null })}>
				×
			</button>
		</p>
	);
}

const ROLE_OPTIONS: [Role | "", string][] = [
	["", "Either"],
	["actor", "Actor"],
	["target", "Target"],
];
const KIND_OPTIONS: [Kind | "", string][] = [
	["", "All"],
	["unfollow", "Unfollows"],
	["follow", "Follows"],
];

function Filters() {
	const { user, role, kind } = route.value;
	return (
		<form class="filters" aria-label="Filter the events" onSubmit={(event) => event.preventDefault()}>
			{user !== null && (
				<Choice
					legend="Role"
					options={ROLE_OPTIONS}
					value={role ?? ""}
					choose={(it) => go({ role: it || null })}
					testid="role-filter"
				/>
			)}
			<Choice
				legend="Kind"
				options={KIND_OPTIONS}
				value={kind ?? ""}
				choose={(it) => go({ kind: it || null })}
				testid="kind-filter"
			/>
		</form>
	);
}

function List({ events }: { events: Events }) {
	const list = useRef<HTMLDivElement>(null);
	/** The event whose row gets the focus as soon as it is drawn. */
	const next = useRef<ListedEvent | undefined>(undefined);
	const { isBusy, problem } = events.more.value;
	const loaded = events.list.data?.it;
	const focusRow = (event: ListedEvent | undefined) =>
		event && list.current?.querySelector<HTMLElement>(`[data-id="${event.id}"] .open`)?.focus();
	useLayoutEffect(() => {
		focusRow(next.current);
		next.current = undefined;
	});
	const loadMore = async () => {
		next.current = await events.loadMore();
		focusRow(next.current);
	};
	/** The arrow keys move from row to row. */
	const move = (event: KeyboardEvent) => {
		const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
		const row = event.target instanceof Element ? event.target.closest<HTMLElement>(".event") : null;
		const at = loaded?.events.findIndex(({ id }) => id === row?.dataset.id) ?? -1;
		if (step === undefined || at < 0 || !loaded?.events[at + step]) return;
		event.preventDefault();
		focusRow(loaded.events[at + step]);
	};
	return (
		<>
			{/* biome-ignore lint/a11y/noStaticElementInteractions: the keys are those of the buttons in it. */}
			<div ref={list} onKeyDown={move}>
				{events.days.value.map((day) => (
					<DaySection key={day.key} day={day} fresh={events.fresh} />
				))}
			</div>
			{loaded?.cursor !== null && (
				<p class="more">
					<button type="button" class="quiet" disabled={isBusy} onClick={loadMore} data-testid="more">
						{problem === "" ? "Load more" : `${problem} Try again`}
					</button>
				</p>
			)}
		</>
	);
}

function DaySection({ day: { at, blocks }, fresh }: { day: Day; fresh: ReadonlySet<string> }) {
	// Computed apart, so that the rows are left alone until the title is another.
	const { value: title } = useComputed(() =>
		isDate(at) ? `${dayTitle(at, now.value)}${isAhead(at, now.value) ? ", in the future" : ""}` : "No date",
	);
	return (
		<section data-testid="day">
			<h3>{title}</h3>
			<ul aria-label={title}>
				{blocks.map((block) => (
					<Rows key={block.key} block={block} fresh={fresh} />
				))}
			</ul>
		</section>
	);
}

class Rows extends Component<{ block: Block; fresh: ReadonlySet<string> }> {
	override shouldComponentUpdate({ block }: { block: Block }) {
		return block !== this.props.block;
	}

	override render({ block, fresh } = this.props) {
		return block.events.map((event) => <Row key={event.id} event={event} isFresh={fresh.has(event.id)} />);
	}
}

/** @param props.isFresh whether it has just arrived, when it is drawn for the first time */
function Row({ event, isFresh }: { event: ListedEvent; isFresh: boolean }) {
	const [isMarked, setMarked] = useState(isFresh);
	const { id, kind, from_account: from, event_time: at, opt_platform: platform, to_accounts: targets } = event;
	const when = isDate(at) ? clock(at) : String(at);
	return (
		// biome-ignore lint/a11y/useKeyWithClickEvents: the button in it is for the keyboard.
		<li
			class={isMarked ? "event fresh" : "event"}
			data-id={id}
			data-testid="event-row"
			onClick={(click) => open(click, id)}
			onAnimationEnd={() => setMarked(false)}
		>
			<span class="at" data-testid="time">
				<button
					type="button"
					class="open"
					aria-label={`${when}: ${KIND_NAMES[kind] ?? kind} by ${userText(from)}, show the record`}
				>
					<Time at={at}>{when}</Time>
				</button>
				{isDate(at) && at > event.received_at && <Ahead at={at} />}
			</span>
			<span class={`badge ${kind}`} data-testid="kind">
				{KIND_NAMES[kind] ?? kind}
			</span>
			<span class="who">
				{/* Tab does not stop at them: a row has one stop, and its record has the same links. */}
				<UserLink id={from} class="actor" tabIndex={-1} testid="actor" />
				<span class="arrow" role="img" aria-label={VERBS[kind] ?? kind}>
					→
				</span>
				{targets.slice(0, SHOWN).map((target) => (
					<UserLink key={target} id={target} class="target" tabIndex={-1} testid="target" />
				))}
				{targets.length > SHOWN && <span class="rest">+{targets.length - SHOWN} more</span>}
			</span>
			<span class="platform" data-testid="platform">
				{platform}
			</span>
		</li>
	);
}

function Ahead({ at }: { at: number }) {
	if (!isAhead(at, now.value)) return null;
	return <span class="ahead"> {ago(at, now.value)}</span>;
}

/** Shows the record of a row that is clicked on: not where a link is, nor where text is selected. */
function open({ target, currentTarget, detail }: MouseEvent, id: string): void {
	if (target instanceof Element && target.closest("a")) return;
	const selection = getSelection();
	const isSelected =
		selection?.type === "Range" && currentTarget instanceof Node && selection.containsNode(currentTarget, true);
	if (isSelected && detail > 0) return;
	go({ event: id });
}
