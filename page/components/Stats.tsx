// The counts of the range: the tiles, the chart, and the same as a table.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Kind } from "../api/client.ts";
import { cutNote } from "../lib/days.ts";
import { count, number, signed } from "../lib/format.ts";
import { type Bar, sinceText, spanOf, spanText, type Span as Times, timesOf } from "../lib/range.ts";
import type { Board } from "../state/board.ts";
import { now } from "../state/clock.ts";
import { go, route } from "../state/route.ts";
import { t } from "../text/language.ts";
import { Chart } from "./Chart.tsx";
import { EventsLink } from "./EventsLink.tsx";
import { Ago, Button, Card, Loaded, P, Recorded, Span, Time } from "./ui.tsx";

export function Tiles({ board: { stats, alerts, lastEvent, newestCall } }: { board: Board }) {
	const { user } = route.value;
	const { value: figures } = stats.figures;
	const { value: last } = lastEvent;
	const { kindPlurals: kinds, totals } = t();
	const [lost, gained] =
		user === null ? [kinds.unfollow, kinds.follow] : [totals.followersLost, totals.followersGained];
	const call = user === null ? alerts.lastCall.value : null;
	const lastCall = call && totals.lastCall(<Ago at={Math.max(call, newestCall.value ?? 0)} />);
	const { recorded } = figures ?? {};
	const since = (n?: number) => <P text={figures && [sinceText(figures.range, now.value), <Recorded n={n} />]} />;
	/** In a user's view, a figure is a link to the events that it counts. */
	const linked = (figure: string, kind: Kind | null) => {
		if (user === null || figures === null) return figure;
		const events = { role: "target", kind, ...timesOf(figures.range, figures.at) } as const;
		return <EventsLink text={figure} events={events} />;
	};
	const tile = (name: string, title: string, figure: ComponentChildren, below = since()) => (
		<div class={`tile ${name}`} data-testid={`tile-${name}`}>
			<h2>{title}</h2>
			<P class="figure" text={figure ?? "–"} testid="figure" />
			{below}
		</div>
	);
	return (
		<section class="tiles" aria-label={totals.label} aria-busy={figures === null}>
			{tile("unfollows", lost, figures && linked(number(figures.unfollows), "unfollow"), since(recorded?.unfollows))}
			{tile("follows", gained, figures && linked(number(figures.follows), "follow"), since(recorded?.follows))}
			{tile("net", totals.net, figures && linked(signed(figures.follows - figures.unfollows), null))}
			{tile("last-event", totals.lastEvent, last && <Ago at={last} />, <P text={lastCall} testid="last-call" />)}
		</section>
	);
}

/** Narrows the list to a bar, or widens it again where it is narrowed to this one. */
function narrow(bar: Bar): void {
	const isSame = isSpan(bar, spanOf(route.value));
	go({ since: isSame ? null : bar.start, until: isSame ? null : bar.end - 1 });
}

const isSpan = (bar: Bar, span: Times | null) => bar.start === span?.start && bar.end === span.end;

/** A bar in words. */
const describe = (bar: Bar) =>
	t().chart.bar(spanText(bar, now.value), count(bar.unfollows, "unfollow"), count(bar.follows, "follow"));

export function StatsCard({ stats: { counts, figures } }: { stats: Board["stats"] }) {
	const [pointedAt, setPointedAt] = useState<number | undefined>();
	const { range, bars, unfollows, follows } = figures.value ?? { bars: [], unfollows: 0, follows: 0 };
	const pointed = bars.find(({ start }) => start === pointedAt);
	const point = (bar: Bar | null) => setPointedAt(bar?.start);
	const unit = range?.unit ?? (route.value.range === "24h" ? "hour" : "day");
	const span = spanOf(route.value);
	const { chart: text, kindPlurals } = t();
	const label = text.label(count(unfollows, "unfollow"), count(follows, "follow"));
	const selected = bars.findIndex((bar) => isSpan(bar, span));
	const chart = { bars, unit, label, selected, describe, choose: narrow, point } as const;
	const kinds = [
		<Span text={kindPlurals.unfollow} testid="legend-unfollows" />,
		<Span text={kindPlurals.follow} testid="legend-follows" />,
	];
	const beside = (
		<>
			<P class="readout" aria-hidden="true" text={pointed && describe(pointed)} testid="readout" />
			<P class="legend" text={kinds} />
		</>
	);
	const draw = () =>
		unfollows + follows === 0 ? (
			<P class="nothing" text={text.none(range ? sinceText(range, now.value) : "")} />
		) : (
			<figure>
				<Chart {...chart} />
				<Figures bars={bars} unit={unit} selected={selected} />
			</figure>
		);
	return (
		<Card title={text.title[unit]} testid="chart" cell={counts} beside={beside}>
			<Loaded cell={counts} tall draw={draw} />
			<P class="hint" text={cutNote(now.value)} testid="cut" />
		</Card>
	);
}

function Figures({ bars, unit, selected }: { bars: Bar[]; unit: "hour" | "day"; selected: number }) {
	const { chart, kindPlurals } = t();
	const choice = (bar: Bar, at: number) => {
		const text = <Time at={bar.start} text={spanText(bar, now.value)} />;
		return <Button text={text} class="link" aria-pressed={at === selected} onClick={() => narrow(bar)} />;
	};
	const row = (bar: Bar, at: number) => (
		<tr key={bar.start} data-start={bar.start} data-testid="chart-row">
			<th scope="row">{choice(bar, at)}</th>
			<td data-testid="unfollows">{number(bar.unfollows)}</td>
			<td data-testid="follows">{number(bar.follows)}</td>
		</tr>
	);
	return (
		<details>
			<summary>{chart.table}</summary>
			{/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled with keys. */}
			<section class="scroll" tabIndex={0} aria-label={chart.figures}>
				<table>
					<thead>
						<tr>
							<th scope="col">{chart.unit[unit]}</th>
							<th scope="col">{kindPlurals.unfollow}</th>
							<th scope="col">{kindPlurals.follow}</th>
						</tr>
					</thead>
					<tbody>{bars.map(row).reverse()}</tbody>
				</table>
			</section>
		</details>
	);
}
