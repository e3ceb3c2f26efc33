// The chart: for each hour or day a bar of unfollows and one of follows, in the colours of the style sheet. Above each pair
// lies a button with its name, which shows where it is and narrows the list to its time.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { clock, day, HOUR, number } from "../lib/format.ts";
import type { Bar } from "../lib/range.ts";

/** How much of an hour's width a bar takes, and how many pixels at most. */
const [BAR, BAR_MAX] = [0.36, 22];
/** Pixels that a label below the bars needs, and one beside them. */
const [LABEL, LINE] = [50, 30];
/** Pixels around the bars, as in the style sheet: on the left the counts, on the right half a label under the last bar. */
const [LEFT, RIGHT, TOP, BOTTOM] = [46, LABEL / 2, 8, 28];
/** Hours between two labels. */
const STEPS = [1, 2, 3, 4, 6, 12];

interface Props {
	/** Oldest first. */
	bars: Bar[];
	unit: "hour" | "day";
	label: string;
	/** The position of the bar that the list is narrowed to; −1 where it is not. */
	selected: number;
	describe: (bar: Bar) => string;
	choose: (bar: Bar) => void;
	/** Called with the bar under the pointer, or with the focus; or null. */
	point: (bar: Bar | null) => void;
}

export function Chart({ bars, unit, label, selected, describe, choose, point }: Props) {
	const ref = useRef<HTMLDivElement>(null);
	const [{ width, height }, setSize] = useState({ width: 0, height: 0 });
	useLayoutEffect(() => {
		const element = ref.current;
		if (element === null) return undefined;
		const measure = () => setSize({ width: element.clientWidth, height: element.clientHeight });
		const observer = new ResizeObserver(measure);
		observer.observe(element);
		measure();
		return () => observer.disconnect();
	}, []);
	const [right, bottom] = [Math.max(LEFT + 1, width - RIGHT), Math.max(TOP + 1, height - BOTTOM)];
	const slot = (right - LEFT) / bars.length;
	const max = Math.max(1, ...bars.map((bar) => Math.max(bar.unfollows, bar.follows))) * 1.08;
	const y = (n: number) => bottom - ((bottom - TOP) * n) / max;
	const x = (at: number) => LEFT + slot * (at + 0.5);
	const size = Math.min(BAR * slot, BAR_MAX);
	return (
		<div class="chart" ref={ref}>
			<svg role="img" aria-label={label}>
				{selected >= 0 && (
					<rect class="selected" x={x(selected) - slot / 2} y={TOP} width={slot} height={bottom - TOP} />
				)}
				{ticks(max, Math.floor((bottom - TOP) / LINE)).map((n) => (
					<g key={n}>
						<line x1={LEFT} x2={right} y1={y(n)} y2={y(n)} />
						<text class="count" x={LEFT - 8} y={y(n)} dy="0.32em">
							{number(n)}
						</text>
					</g>
				))}
				{bars.map((bar, at) => (
					<g key={bar.start}>
						<path class="unfollow" d={barPath(x(at) - size, size, y(bar.unfollows), bottom)} />
						<path class="follow" d={barPath(x(at), size, y(bar.follows), bottom)} />
					</g>
				))}
				{labelled(bars, unit, Math.max(1, Math.floor((right - LEFT) / LABEL))).map((at) => (
					<text key={at} x={x(at)} y={bottom + 19}>
						{labelOf(bars[at], unit)}
					</text>
				))}
			</svg>
			<Buttons bars={bars} selected={selected} describe={describe} choose={choose} point={point} />
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
	return (
		<div
			class="bars"
			role="toolbar"
			aria-label="Bars"
			onKeyDown={move}
			onPointerLeave={() => point(null)}
			onFocusOut={() => point(null)}
			data-testid="chart-plot"
		>
			{bars.map((bar, at) => (
				<button
					key={bar.start}
					type="button"
					tabIndex={at === stop ? 0 : -1}
					aria-label={describe(bar)}
					aria-pressed={at === selected}
					onClick={() => choose(bar)}
					onPointerEnter={() => point(bar)}
					onFocusIn={() => {
						setFocused(at);
						point(bar);
					}}
				/>
			))}
		</div>
	);
}

/** A bar with rounded corners at its top. */
function barPath(x: number, width: number, top: number, bottom: number): string {
	const radius = Math.min(width * 0.12, bottom - top);
	const corner = `${radius} ${radius} 0 0 1`;
	return bottom - top <= 0
		? ""
		: `M${x} ${bottom}V${top + radius}a${corner} ${radius} ${-radius}h${width - 2 * radius}a${corner} ${radius} ${radius}V${bottom}z`;
}

/** Round numbers from 0 up to the greatest, as many as there is room for. */
function ticks(max: number, room: number): number[] {
	const least = Math.max(1, max / Math.max(1, room));
	const power = 10 ** Math.floor(Math.log10(least));
	const step = power * ([1, 2, 5].find((factor) => factor * power >= least) ?? 10);
	return Array.from({ length: Math.floor(max / step) + 1 }, (_, at) => at * step);
}

/** The positions of the bars that have a label: as many as there is room for. */
function labelled(bars: Bar[], unit: "hour" | "day", room: number): number[] {
	const places = [...bars.keys()];
	if (unit === "day") {
		const step = Math.ceil(places.length / room);
		return places.filter((at) => (places.length - 1 - at) % step === 0);
	}
	const step = STEPS.find((hours) => places.length / hours <= room) ?? 24;
	return places.filter((at) => new Date(bars[at]?.start ?? 0).getHours() % step === 0);
}

/** Midnight is the day that begins. */
function labelOf({ start } = { start: 0 }, unit: "hour" | "day"): string {
	if (unit === "day") return day(start + 12 * HOUR);
	const date = new Date(start);
	return date.getHours() === 0 && date.getMinutes() === 0 ? day(start) : clock(start);
}
