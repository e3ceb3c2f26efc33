// The chart: for each hour a bar of unfollows and one of follows, drawn by uPlot in the colours of the style sheet.

import uPlot from "uplot";
import { clock, day, number } from "./dom.js";

const HOUR = 3_600_000;
/** Pixels, as in the style sheet. */
const HEIGHT = 210;
/** How much of an hour's width a bar takes, and how many pixels at most. */
const BAR = [0.36, 22];
/** The highest value that the axis shows at least: a single event does not fill the chart. */
const TOP_MIN = 4;

export class Chart {
	#container;
	#describe;
	#plot = null;
	#hours = [];

	/** @param describe is called with the hour under the pointer, or null where there is none */
	constructor(container, describe) {
		this.#container = container;
		this.#describe = describe;
		new ResizeObserver(() => this.#resize()).observe(container);
		// The canvas does not follow the style sheet by itself.
		matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
	}

	/** @param hours the buckets that the API gives */
	show(hours) {
		this.#hours = hours;
		this.#draw();
	}

	#draw() {
		this.#plot?.destroy();
		this.#plot = null;
		const width = this.#container.clientWidth;
		if (width === 0 || this.#hours.length === 0) return;
		// A bar is in the middle of its hour.
		const middles = this.#hours.map((hour) => hour.start + HOUR / 2);
		const data = [middles, this.#hours.map((hour) => hour.unfollows), this.#hours.map((hour) => hour.follows)];
		this.#plot = new uPlot(this.#options(width), data, this.#container);
	}

	#resize() {
		const width = this.#container.clientWidth;
		if (this.#plot === null) this.#draw();
		else if (width > 0 && width !== this.#plot.width) this.#plot.setSize({ width, height: HEIGHT });
	}

	#options(width) {
		const style = getComputedStyle(this.#container);
		const colour = (name) => style.getPropertyValue(name).trim();
		const font = `12px ${style.fontFamily}`;
		const first = this.#hours[0].start;
		const end = this.#hours.at(-1).start + HOUR;
		const axis = { stroke: colour("--muted"), font, ticks: { show: false } };
		const bars = (name, align) => ({
			fill: colour(name),
			stroke: colour(name),
			width: 0,
			points: { show: false },
			paths: uPlot.paths.bars({ size: BAR, align, radius: 0.12 }),
		});
		return {
			width,
			height: HEIGHT,
			ms: 1,
			padding: [8, 20, 0, 0],
			legend: { show: false },
			cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
			scales: {
				x: { range: [first, end] },
				y: { range: (_plot, _min, max) => [0, Math.max(TOP_MIN, max * 1.08)] },
			},
			series: [{}, bars("--unfollow", -1), bars("--follow", 1)],
			axes: [
				{
					...axis,
					grid: { show: false },
					size: 26,
					space: 52,
					incrs: [1, 2, 3, 4, 6, 12].map((hours) => hours * HOUR),
					values: (_plot, ticks) => ticks.map(tick),
				},
				{
					...axis,
					grid: { stroke: colour("--line"), width: 1 },
					incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500].concat([1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6]),
					values: (_plot, ticks) => ticks.map(number),
					size: 46,
				},
			],
			hooks: {
				setCursor: [(plot) => this.#describe(plot.cursor.idx == null ? null : this.#hours[plot.cursor.idx])],
			},
		};
	}
}

/** "14:00–15:00" of an hour, "14:00–now" of the one that is not over. */
export function span(hour) {
	const end = hour.start + HOUR;
	return `${clock(hour.start)}–${end > Date.now() ? "now" : clock(end)}`;
}

/** A time on the axis; midnight is the day that begins. */
function tick(ms) {
	const date = new Date(ms);
	return date.getHours() === 0 && date.getMinutes() === 0 ? day(ms) : clock(ms);
}
