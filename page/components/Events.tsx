// The events in a list, grouped by day, and older ones on demand. There may be 20,000: only blocks of rows that have changed
// are drawn again.

import { useComputed } from "@preact/signals";
import { Component } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Kind, ListedEvent, Role } from "../api/client.ts";
import { dayTitle } from "../lib/days.ts";
import type { EventList } from "../lib/event_list.ts";
import { clock, isDate, number } from "../lib/format.ts";
import { spanOf, spanText } from "../lib/range.ts";
import { userText } from "../lib/user_id.ts";
import type { Board } from "../state/board.ts";
import { now } from "../state/clock.ts";
import type { Block, Events } from "../state/events.ts";
import { moveFocus, places } from "../state/feedback.ts";
import { filterOf, go, route } from "../state/route.ts";
import { t } from "../text/language.ts";
import { Damaged } from "./Damaged.tsx";
import { Empty } from "./Empty.tsx";
import { ExportDialog } from "./ExportDialog.tsx";
import { UserLink } from "./UserId.tsx";
import { Ahead, Button, Card, Choice, Loaded, MoreButton, P, Span, Time } from "./ui.tsx";

/** Users that a row shows before it says how many more there are. */
const SHOWN = 3;

export function EventsCard({ board, hidden }: { board: Board; hidden: boolean }) {
	const [isExporting, setExporting] = useState(false);
	const cell = board.hasLog.value ? board.events.list : null;
	const { title: all, timeline } = t().events;
	const title = route.value.user === null ? all : timeline;
	const filters = JSON.stringify(filterOf(route.value));
	// What is to be exported is what is shown.
	useLayoutEffect(() => () => setExporting(false), [hidden, filters]);
	const exportButton = <Button text={t().export.open} onClick={() => setExporting(true)} testid="export" />;
	const beside = [<Narrowed />, cell && <Filters />, cell && exportButton];
	const draw = ({ it }: { it: EventList }) =>
		it.events.length + it.damaged.length > 0 ? <List list={it} events={board.events} /> : <Empty board={board} />;
	return (
		<Card title={title} testid="events" class="card events" {...{ cell, beside, hidden }} place={places.events}>
			{cell ? <Loaded cell={cell} tall draw={draw} /> : <Empty board={board} />}
			{isExporting && <ExportDialog board={board} close={() => setExporting(false)} />}
		</Card>
	);
}

/** The times that the list is narrowed to. */
function Narrowed() {
	const span = spanOf(route.value);
	const widen = () => {
		go({ since: null, until: null });
		moveFocus(places.events);
	};
	const times = <Button text="×" class="plain" aria-label={t().events.allTimes} onClick={widen} />;
	return span && <P class="narrowed" text={[spanText(span, now.value), " ", times]} testid="narrowed" />;
}

function Filters() {
	const { user, role, kind } = route.value;
	const { events, kindPlurals } = t();
	const kinds: Record<Kind | "", string> = { "": events.all, ...kindPlurals };
	const chooseRole = (chosen: Role | "") => go({ role: chosen || null });
	const chooseKind = (chosen: Kind | "") => go({ kind: chosen || null });
	return (
		<form class="filters" aria-label={events.filter} onSubmit={(event) => event.preventDefault()}>
			{user !== null && (
				<Choice
					legend={events.role}
					options={events.roles}
					value={role ?? ""}
					choose={chooseRole}
					testid="role-filter"
				/>
			)}
			<Choice legend={events.kind} options={kinds} value={kind ?? ""} choose={chooseKind} testid="kind-filter" />
		</form>
	);
}

function List({ list: { events: all, damaged, older }, events }: { list: EventList; events: Events }) {
	const element = useRef<HTMLDivElement>(null);
	/** The event whose row gets the focus as soon as it is drawn. */
	const next = useRef<ListedEvent | undefined>(undefined);
	const focusNext = () => {
		if (!next.current) return;
		element.current?.querySelector<HTMLElement>(`[data-id="${next.current.id}"] .open`)?.focus();
		next.current = undefined;
	};
	useLayoutEffect(focusNext);
	const loadMore = async () => {
		next.current = await events.loadMore();
		focusNext();
	};
	/** The arrow keys move from row to row. */
	const move = (event: KeyboardEvent) => {
		const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
		const row = event.target instanceof Element ? event.target.closest<HTMLElement>(".event") : null;
		const at = all.findIndex(({ id }) => id === row?.dataset.id);
		if (step === undefined || at < 0 || !all[at + step]) return;
		event.preventDefault();
		next.current = all[at + step];
		focusNext();
	};
	return (
		<>
			{/* biome-ignore lint/a11y/noStaticElementInteractions: the keys are those of the buttons in it. */}
			<div ref={element} onKeyDown={move}>
				{[...events.days.value].map(([key, blocks]) => (
					<DaySection key={key} blocks={blocks} fresh={events.fresh} />
				))}
			</div>
			<Damaged ids={damaged} text={t().events.damaged} />
			{older !== null && <MoreButton more={events.more.value} load={loadMore} testid="more" />}
		</>
	);
}

function DaySection({ blocks, fresh }: { blocks: [number, Block][]; fresh: ReadonlySet<string> }) {
	const at = blocks[0]?.[1][0].event_time ?? 0;
	// Computed apart, so that the rows are left alone until the title is another.
	const { value: title } = useComputed(() => (isDate(at) ? dayTitle(at, now.value) : t().times.noDate));
	return (
		<section data-testid="day">
			<h3>{title}</h3>
			{/* biome-ignore lint/a11y/useSemanticElements: a list element has no blocks in it. */}
			<div role="list" aria-label={title}>
				{blocks.map(([key, block]) => (
					<Rows key={key} block={block} fresh={fresh} />
				))}
			</div>
		</section>
	);
}

class Rows extends Component<{ block: Block; fresh: ReadonlySet<string> }> {
	override shouldComponentUpdate({ block }: { block: Block }) {
		return block !== this.props.block;
	}

	override render({ block, fresh } = this.props) {
		const rows = block.map((event) => <Row key={event.id} event={event} isFresh={fresh.has(event.id)} />);
		return <div class="block" role="none" style={{ "--rows": block.length }} children={rows} />;
	}
}

/** @param props.isFresh whether it has just arrived, when it is drawn for the first time */
function Row({ event, isFresh }: { event: ListedEvent; isFresh: boolean }) {
	const [isMarked, setMarked] = useState(isFresh);
	const { id, kind, from_account: from, event_time: at, opt_platform: platform, to_accounts: targets, source } = event;
	const when = isDate(at) ? clock(at) : String(at);
	const { events, kinds, verbs, more } = t();
	const name = kinds[kind] ?? kind;
	const label = events.row(when, name, userText(from));
	const button = <Button text={<Time at={at} text={when} />} class="open" aria-label={label} />;
	const clicked = (click: MouseEvent) => open(click, id);
	const settled = () => setMarked(false);
	return (
		// biome-ignore lint/a11y: an item of the list above; the button in it is for the keyboard.
		<div
			role="listitem"
			class={isMarked ? "event fresh" : "event"}
			data-id={id}
			data-testid="event-row"
			onClick={clicked}
			onAnimationEnd={settled}
		>
			<Span class="at" text={[button, at > event.received_at && <Ahead at={at} />]} testid="time" />
			<Span class={`badge ${kind}`} text={name} testid="kind" />
			<span class="who">
				{/* Tab does not stop at them: a row has one stop, and its record has the same links. */}
				<UserLink id={from} class="user-link actor" tabIndex={-1} data-testid="actor" />
				<Span class="arrow" role="img" aria-label={verbs[kind] ?? kind} text="→" />
				{targets.slice(0, SHOWN).map((target) => (
					<UserLink id={target} class="user-link target" tabIndex={-1} data-testid="target" />
				))}
				{targets.length > SHOWN && <Span class="rest" text={more(number(targets.length - SHOWN))} />}
			</span>
			<Span class="platform" text={source === undefined ? platform : events.compared} testid="platform" />
		</div>
	);
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
