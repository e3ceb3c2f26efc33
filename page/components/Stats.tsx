// The counts of the range: the tiles, the chart, and the same as a table.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { count, number, signed } from "../lib/format.ts";
import { type Bar, type Range, type Span, sinceText, spanOf, spanText } from "../lib/range.ts";
import type { Board } from "../state/board.ts";
import { now } from "../state/clock.ts";
import { go, route } from "../state/route.ts";
import type { Stats } from "../state/stats.ts";
import { Loaded } from "./Card.tsx";
import { Chart } from "./Chart.tsx";
import { Ago, Time } from "./Time.tsx";

const TITLES = {
	app: { unfollows: "Unfollows", follows: "Follows" },
	user: { unfollows: "Followers lost", follows: "Followers gained" },
};

interface TileProps {
	title: string;
	figure: ComponentChildren;
	class?: string;
	testid: string;
	children: ComponentChildren;
}

const Tile = ({ title, figure, class: className = "", testid, children }: TileProps) => (
	<div class={`tile ${className}`} data-testid={testid}>
		<h2>{title}</h2>
		<p class="figure" data-testid="figure">
			{figure}
		</p>
		<p>{children}</p>
	</div>
);

export function Tiles({ board: { stats, alerts, lastEvent } }: { board: Board }) {
	const { user } = route.value;
	const { value: counts } = stats.bars;
	const titles = TITLES[user === null ? "app" : "user"];
	const since = counts && sinceText(counts.range);
	const { value: last } = lastEvent;
	const call = user === null ? alerts.lastCall.value : null;
	return (
		<section class="tiles" aria-label="Totals" aria-busy={counts === null}>
			<Tile
				title={titles.unfollows}
				figure={counts ? number(counts.unfollows) : "–"}
				class="unfollow"
				testid="tile-unfollows"
			>
				{since}
			</Tile>
			<Tile title={titles.follows} figure={counts ? number(counts.follows) : "–"} class="follow" testid="tile-follows">
				{since}
			</Tile>
			<Tile title="Net" figure={counts ? signed(counts.follows - counts.unfollows) : "–"} testid="tile-net">
				{since}
			</Tile>
			<Tile title="Last event" figure={last === null ? "–" : <Ago at={last} />} class="last" testid="tile-last-event">
				<span data-testid="last-call">
					{call && (
						<>
							{/* An event came with a call, which may not be counted yet. */}
							last call <Ago at={Math.max(call, last ?? 0)} />
						</>
					)}
				</span>
			</Tile>
		</section>
	);
}

/** Narrows the list to a bar, or widens it again where it is narrowed to this one. */
function narrow(bar: Bar): void {
	const isSame = isSpan(bar, spanOf(route.value));
	go({ since: isSame ? null : bar.start, until: isSame ? null : bar.end - 1 });
}

const isSpan = (bar: Bar, span: Span | null) => bar.start === span?.start && bar.end === span.end;

/** A bar in words, as a label. */
const describe = (bar: Bar) =>
	`${spanText(bar, now.value)}: ${count(bar.unfollows, "unfollow")}, ${count(bar.follows, "follow")}`;

export function StatsCard({ stats }: { stats: Stats }) {
	const [pointed, setPointed] = useState<Bar | null>(null);
	const { value: counts } = stats.bars;
	const isEmpty = counts !== null && counts.unfollows + counts.follows === 0;
	return (
		<section class="card" aria-labelledby="stats-title" aria-busy={counts === null} data-testid="chart">
			<div class="head">
				<h2 id="stats-title">Per {counts?.range.unit ?? (route.value.range === "24h" ? "hour" : "day")}</h2>
				<p class="readout" aria-hidden="true">
					{pointed && !isEmpty && describe(pointed)}
				</p>
				<p class="legend">
					<span class="unfollow" data-testid="legend-unfollows">
						Unfollows
					</span>
					<span class="follow" data-testid="legend-follows">
						Follows
					</span>
				</p>
			</div>
			<Loaded cell={stats.counts} tall>
				{() =>
					counts &&
					(isEmpty ? (
						<p class="nothing">No unfollows or follows {sinceText(counts.range)}.</p>
					) : (
						<Figures {...counts} point={setPointed} />
					))
				}
			</Loaded>
		</section>
	);
}

interface FiguresProps {
	range: Range;
	bars: Bar[];
	unfollows: number;
	follows: number;
	point: (bar: Bar | null) => void;
}

function Figures({ range: { unit }, bars, unfollows, follows, point }: FiguresProps) {
	const span = spanOf(route.value);
	const selected = bars.findIndex((bar) => isSpan(bar, span));
	const sums = `${count(unfollows, "unfollow")} and ${count(follows, "follow")}`;
	return (
		<figure>
			<Chart
				bars={bars}
				unit={unit}
				label={`Bars of ${sums}; the table below has the same.`}
				selected={selected}
				describe={describe}
				choose={narrow}
				point={point}
			/>
			<details>
				<summary>The figures as a table</summary>
				{/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled with keys. */}
				<section class="scroll" tabIndex={0} aria-label="Figures">
					<table>
						<thead>
							<tr>
								<th scope="col">{unit === "hour" ? "Hour" : "Day"}</th>
								<th scope="col">Unfollows</th>
								<th scope="col">Follows</th>
							</tr>
						</thead>
						<tbody>
							{bars.toReversed().map((bar) => (
								<tr key={bar.start} data-start={bar.start} data-testid="chart-row">
									<th scope="row">
										<button type="button" class="link" aria-pressed={isSpan(bar, span)} onClick={() => narrow(bar)}>
											<Time at={bar.start}>{spanText(bar, now.value)}</Time>
										</button>
									</th>
									<td data-testid="unfollows">{number(bar.unfollows)}</td>
									<td data-testid="follows">{number(bar.follows)}</td>
								</tr>
							))}
						</tbody>
					</table>
				</section>
			</details>
		</figure>
	);
}
