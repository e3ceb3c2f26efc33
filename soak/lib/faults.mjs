// Which fault meets which attempt, in one table. An event is told by its number, so that both processes decide alike.

import { chanceOf, pick } from "./chance.mjs";

/** How long an engine that hangs holds a request before it breaks off, in ms: longer than the Worker has for its answer. */
export const HANG_MS = 3000;

/** How long a slow engine takes, in ms: longer than the Worker waits before its second attempt. */
export const SLOW_MS = 800;

/** So many events in a row share an incident. */
const BLOCK = 100;

/** How likely a block is to have an incident. */
const INCIDENT = 0.2;

/** An engine recovers after so many attempts for one event. */
const ATTEMPTS = 4;

/** @typedef {"kv" | "d1" | "queue" | "origin"} Engine */
/**
 * @typedef {"refuse" | "hang" | "slow" | "pause" | "day_limit" | "unanswered" | "overloaded" | "full" | "busy" | "break" | "loop"} Fault
 */
/** @typedef {Partial<Record<Engine, Fault>> & { until_repaired?: boolean }} Incident */
/** @typedef {ReturnType<typeof faultsOf>} Faults */

/**
 * The engines that an incident strikes, and how. None outlasts the repair, which comes when all has been sent; one that is
 * `until_repaired` lasts so long.
 * @type {Incident[]}
 */
const INCIDENTS = [
	{ kv: "refuse" },
	{ kv: "hang" },
	{ kv: "slow" },
	{ kv: "pause" },
	{ kv: "day_limit" },
	{ kv: "unanswered" },
	{ d1: "refuse" },
	{ d1: "hang" },
	{ d1: "slow" },
	{ d1: "overloaded" },
	{ d1: "full", until_repaired: true },
	{ d1: "unanswered" },
	{ queue: "refuse" },
	{ queue: "hang" },
	{ queue: "unanswered" },
	{ kv: "refuse", queue: "refuse" },
	{ kv: "hang", queue: "hang" },
	{ d1: "overloaded", queue: "hang" },
	{ kv: "refuse", d1: "refuse", queue: "refuse" },
	{ kv: "hang", d1: "hang", queue: "hang" },
	{ origin: "refuse" },
	{ origin: "refuse", until_repaired: true },
	{ origin: "busy" },
	{ origin: "hang" },
	{ origin: "break" },
	{ origin: "unanswered" },
	{ origin: "loop", until_repaired: true },
];

/** What strikes single attempts, outside of any incident: one in a hundred of each engine. */
const SINGLE = 0.01;
/** @type {Record<Engine, Fault[]>} */
const SINGLES = {
	kv: ["refuse", "slow", "pause", "unanswered"],
	d1: ["refuse", "slow", "overloaded", "unanswered"],
	queue: ["refuse", "slow", "unanswered"],
	origin: ["refuse", "busy", "break", "unanswered"],
};

/**
 * Decides by `seed`. `repair` ends all incidents; single attempts still meet faults.
 * @param {number | string} seed
 */
export function faultsOf(seed) {
	const chance = chanceOf(seed);
	let is_repaired = false;
	return {
		/**
		 * The fault of `engine` that meets this attempt for event `number`, for `purpose`; undefined where there is none.
		 * @param {Engine} engine
		 * @param {number} number
		 * @param {string} purpose
		 * @param {number} attempt from 1
		 * @returns {Fault | undefined}
		 */
		of(engine, number, purpose, attempt) {
			const block = Math.floor(number / BLOCK);
			/** @type {Incident} */
			const incident = chance("incident", block) < INCIDENT ? pick(INCIDENTS, chance("which incident", block)) : {};
			const lasts = !is_repaired && (incident.until_repaired || attempt <= ATTEMPTS);
			if (incident[engine] && lasts) return incident[engine];
			if (chance("single", engine, number, purpose, attempt) >= SINGLE) return undefined;
			return pick(SINGLES[engine], chance("which single", engine, number, purpose, attempt));
		},
		repair() {
			is_repaired = true;
		},
	};
}
