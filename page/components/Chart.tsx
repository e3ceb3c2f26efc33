// The chart: for each hour or day a bar of unfollows and one of follows, in the colours of the style sheet. Above each pair
// lies a button with its name, which shows where it is and narrows the list to its time. All places are in percent.

import { useState } from "preact/hooks";
import { dayName, startOfDay } from "../lib/days.ts";
import { clock, HOUR, number } from "../lib/format.ts";
import type { Bar } from "../lib/range.ts";
import { t } from "../text/language.ts";

/** The width of a bar at most: as a share of its hour or day, and of the chart. */
const [OF_SLOT, OF_CHART] = [0.36, 0.025];
/** Lines above the lowest, at most. */
const LINES = 8;

/** The bars, oldest first; which of them the list is narrowed to, or −1. `point` gets the one with the pointer or the focus. */
interface Props {
	bars: Bar[];
	unit: "hour" | "day";
	label: string;
	selected: number;
	describe: (bar: Bar) => string;
	choose: (bar: Bar) => void;
	point: (bar: Bar | null) => void;
}

const percent = (share: number) => `${100 * share}%`;

export function Chart({ bars, unit, label, ...rest }: Props) {
	const max = Math.max(1, ...bars.map((bar) => Math.max(bar.unfollows, bar.follows))) * 1.08;
	const width = Math.min(OF_SLOT / bars.length, OF_CHART);
	const x = (at: number) => (at + 0.5) / bars.length;
	const slot = { width: percent(1 / bars.length), height: "100%" };
	const step = stepOf(max);
	const lines = Array.from({ length: Math.floor(max / step) + 1 }, (_, at) => at * step);
	const y = (n: number) => percent(1 - n / max);
	const draw = (kind: string, left: number, n: number) => (
		<rect fill={`var(--${kind})`} x={percent(left)} width={percent(width)} y={y(n)} height={percent(n / max)} rx={2} />
	);
	return (
		<div class="chart">
			<svg role="img" aria-label={label}>
				{rest.selected >= 0 && <rect fill="var(--selected)" x={percent(rest.selected / bars.length)} {...slot} />}
				{lines.map((n) => (
					<g key={n}>
						<line x2="100%" y1={y(n)} y2={y(n)} stroke="var(--line)" />
						<text text-anchor="end" x={-8} y={y(n)} dy="0.32em" children={number(n)} />
					</g>
				))}
				{bars.map((bar, at) => (
					<g key={bar.start}>
						{draw("unfollow", x(at) - width, bar.unfollows)}
						{draw("follow", x(at), bar.follows)}
						<text class={weightOf(bars, at, unit)} x={percent(x(at))} y="100%" dy={19} children={labelOf(bar, unit)} />
					</g>
				))}
			</svg>
			<Buttons bars={bars} {...rest} />
		</div>
	);
}

/** One stop for Tab; the arrow keys, Home and End move from bar to bar. */
function Buttons({ bars, selected, describe, choose, point }: Omit<Props, "unit" | "label">) {
	const [focused, setFocused] = useState(-1);
	const stop = bars[focused] ? focused : selected >= 0 ? selected : bars.length - 1;
	const move = (event: KeyboardEvent & { currentTarget: HTMLElement }) => {
		const steps: Record<string, number> = { ArrowLeft: stop - 1, ArrowRight: stop + 1, Home: 0, End: bars.length - 1 };
		const next = event.currentTarget.children[steps[event.key] ?? -1];
		if (!(next instanceof HTMLElement)) return;
		event.preventDefault();
		next.focus();
	};
	const button = (bar: Bar, at: number) => {
		const focus = () => {
			setFocused(at);
			point(bar);
		};
		const names = { "aria-label": describe(bar), "aria-pressed": at === selected };
		const handlers = { onClick: () => choose(bar), onPointerEnter: () => point(bar), onFocusIn: focus };
		return <button key={bar.start} type="button" tabIndex={at === stop ? 0 : -1} {...names} {...handlers} />;
	};
	const handlers = { onKeyDown: move, onPointerLeave: () => point(null), onFocusOut: () => point(null) };
	return (
		<div class="bars" role="toolbar" aria-label={t().chart.bars} {...handlers} data-testid="chart-plot">
			{bars.map(button)}
		</div>
	);
}

/** A round number of which there are a few up to the greatest. */
function stepOf(max: number): number {
	const power = 10 ** Math.floor(Math.log10(Math.max(1, max / LINES)));
	return power * ([1, 2, 5].find((factor) => factor * power * LINES >= max) ?? 10);
}

/** Whether a bar has a label: always, or only where there is room; counted from the day's first hour, or in days from the last. */
function weightOf(bars: Bar[], at: number, unit: "hour" | "day"): "major" | "minor" | "none" {
	const [wide, narrow] = unit === "hour" ? [3, 6] : bars.length > 10 ? [3, 9] : [1, 2];
	const start = bars[at]?.start ?? 0;
	const place = unit === "hour" ? (start - startOfDay(start)) / HOUR : bars.length - 1 - at;
	// The last hour of a day of 25: the next bar is a day's first.
	if (unit === "hour" && place === 24) return "none";
	return place % narrow === 0 ? "major" : place % wide === 0 ? "minor" : "none";
}

/** The first hour of a day is the day that begins. */
const labelOf = ({ start }: Bar, unit: "hour" | "day") =>
	unit === "day" || startOfDay(start) === start ? dayName(start) : clock(start);
