// The chart: for each hour or day a bar of unfollows and one of follows, drawn by uPlot in the colours of the style sheet.

import uPlot from "uplot";
import { clock, day, HOUR, number } from "./format.js";

/** How much of an hour's width a bar takes, and how many pixels at most. */
const BAR = [0.36, 22];
/** Pixels that a label of the axis needs. */
const LABEL = 50;
/** Pixels beside the bars: on the left the counts, on the right half a label, which may stand under the last bar. */
const [LEFT, RIGHT] = [46, LABEL / 2];
/** Hours between two labels. */
const STEPS = [1, 2, 3, 4, 6, 12];

export class Chart {
	#container;
	#describe;
	#plot = null;
	#bars = [];
	#unit = "hour";
	#selected = null;

	/** @param describe is called with the bar under the pointer, or null @param choose is called with the one that is clicked */
	constructor(container, { describe, choose }) {
		this.#container = container;
		this.#describe = describe;
		container.addEventListener("click", () => {
			const bar = this.#bars[this.#plot?.cursor.idx ?? -1];
			if (bar) choose(bar);
		});
		new ResizeObserver(() => this.#resize()).observe(container);
		// The canvas does not follow the style sheet by itself.
		matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
	}

	/** @param bars those of the range @param selected the times of the bar that the list is narrowed to, or null */
	show(bars, unit, selected) {
		const isLike =
			this.#plot !== null &&
			this.#unit === unit &&
			this.#bars[0]?.start === bars[0]?.start &&
			this.#bars.length === bars.length;
		this.#bars = bars;
		this.#unit = unit;
		this.#selected = selected;
		// New counts in the same place do not move the pointer's readout.
		if (isLike) this.#plot.setData(this.#data());
		else this.#draw();
	}

	#data() {
		return [
			this.#bars.map((_, at) => at),
			this.#bars.map((bar) => bar.unfollows),
			this.#bars.map((bar) => bar.follows),
		];
	}

	#draw() {
		this.#plot?.destroy();
		this.#plot = null;
		const { clientWidth: width, clientHeight: height } = this.#container;
		if (width === 0 || this.#bars.length === 0) return;
		this.#plot = new uPlot(this.#options(width, height), this.#data(), this.#container);
		this.#plot.over.dataset.testid = "chart-plot";
	}

	#resize() {
		const { clientWidth: width, clientHeight: height } = this.#container;
		if (this.#plot === null) this.#draw();
		else if (width > 0 && (width !== this.#plot.width || height !== this.#plot.height))
			this.#plot.setSize({ width, height });
	}

	#options(width, height) {
		const style = getComputedStyle(this.#container);
		const colour = (name) => style.getPropertyValue(name).trim();
		// uPlot does not know fractions of a pixel.
		const font = `${Math.round(Number.parseFloat(style.fontSize))}px ${style.fontFamily}`;
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
			height,
			padding: [8, RIGHT, 0, 0],
			legend: { show: false },
			cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
			scales: {
				x: { time: false, range: () => [-0.5, this.#bars.length - 0.5] },
				y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.08)] },
			},
			series: [{}, bars("--unfollow", -1), bars("--follow", 1)],
			axes: [
				{
					...axis,
					grid: { show: false },
					size: 28,
					splits: (plot) => this.#labelled(plot.width),
					values: (_plot, places) => places.map((at) => this.#label(this.#bars[at].start)),
				},
				{
					...axis,
					grid: { stroke: colour("--line"), width: 1 },
					incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500].concat([1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6]),
					values: (_plot, ticks) => ticks.map(number),
					size: LEFT,
				},
			],
			hooks: {
				setCursor: [(plot) => this.#describe(this.#bars[plot.cursor.idx ?? -1] ?? null)],
				drawClear: [(plot) => this.#mark(plot, colour("--selected"))],
			},
		};
	}

	/** The places of the bars that have a label: as many as fit. */
	#labelled(width) {
		const places = this.#bars.map((_, at) => at);
		const room = Math.max(1, Math.floor((width - LEFT - RIGHT) / LABEL));
		if (this.#unit === "day") {
			const step = Math.ceil(places.length / room);
			return places.filter((at) => (places.length - 1 - at) % step === 0);
		}
		const step = STEPS.find((hours) => places.length / hours <= room) ?? 24;
		return places.filter((at) => new Date(this.#bars[at].start).getHours() % step === 0);
	}

	/** Midnight is the day that begins. */
	#label(start) {
		if (this.#unit === "day") return day(start + 12 * HOUR);
		const date = new Date(start);
		return date.getHours() === 0 && date.getMinutes() === 0 ? day(start) : clock(start);
	}

	/** The background of the selected bar. */
	#mark(plot, fill) {
		const at = this.#bars.findIndex((bar) => bar.start === this.#selected?.start && bar.end === this.#selected.end);
		if (at < 0) return;
		const [left, right] = [at - 0.5, at + 0.5].map((x) => plot.valToPos(x, "x", true));
		plot.ctx.save();
		plot.ctx.fillStyle = fill;
		plot.ctx.fillRect(left, plot.bbox.top, right - left, plot.bbox.height);
		plot.ctx.restore();
	}
}
