// The events of the list, which follows the filters in the URL, and older ones on demand.

import { batch, computed, signal } from "@preact/signals";
import { type Api, type EventQuery, type ListedEvent, PAGE_MAX, sentenceOf } from "../api/client.ts";
import { EventList } from "../lib/event_list.ts";
import { count, dayKey, HOUR, isDate } from "../lib/format.ts";
import { Cell, type Part, type Poll } from "./cell.ts";
import { announce } from "./feedback.ts";
import { type Filter, filterOf, route } from "./route.ts";
import type { Session } from "./session.ts";

/** Events of the first page. */
const PAGE = 50;
/** No block has events of two days: midnight is on a quarter hour in every zone. */
const BLOCK = HOUR / 4;

/** Events that are drawn together, or left alone together. */
export interface Block {
	key: number;
	events: ListedEvent[];
}

export interface Day {
	key: string;
	/** The time of its newest event, in Unix ms. */
	at: number;
	blocks: Block[];
}

export class Events implements Part {
	readonly list = new Cell<{ it: EventList }>(() => filterOf(route.value));
	readonly #blocks = computed((): Map<number, Block> => {
		const before = this.#drawn;
		const blocks = new Map<number, Block>();
		for (const event of this.list.data?.it.events ?? []) {
			const key = Math.floor(event.event_time / BLOCK);
			const block = blocks.get(key);
			if (block === undefined) blocks.set(key, { key, events: [event] });
			else block.events.push(event);
		}
		// A block that has not changed stays the same object, and is not drawn again.
		for (const [key, { events }] of blocks) {
			const old = before.get(key);
			const isSame = old?.events.length === events.length && events.every((event, at) => event === old.events[at]);
			if (old !== undefined && isSame) blocks.set(key, old);
		}
		this.#drawn = blocks;
		return blocks;
	});
	#drawn = new Map<number, Block>();
	/** The events by day, newest first. */
	readonly days = computed(() => {
		const days: Day[] = [];
		for (const block of this.#blocks.value.values()) {
			const at = block.events[0]?.event_time ?? 0;
			const key = isDate(at) ? dayKey(at) : "no date";
			const day = days.at(-1);
			if (day?.key === key) day.blocks.push(block);
			else days.push({ key, at, blocks: [block] });
		}
		return days;
	});
	/** The ids of those that have just arrived. */
	fresh: ReadonlySet<string> = new Set();
	/** The loading of older events: whether it is under way, and why it has failed. */
	readonly more = signal({ isBusy: false, problem: "" });
	readonly #api: Api;
	readonly #app: number;

	constructor({ api }: Session, app: number) {
		this.#api = api;
		this.#app = app;
	}

	/** The event of this id, where it is loaded. */
	find(id: string): ListedEvent | undefined {
		return this.list.data?.it.find(id);
	}

	/** Takes what a poll has read; asks for the newest page at first, after a gap, and where all is to be read again. */
	async refresh({ route, news, isFull, signal }: Poll): Promise<void> {
		const filter = filterOf(route);
		const held = this.list.data?.it;
		if (held?.remove(news.gone)) this.list.set({ it: held });
		if (held === undefined || news.isGap || isFull) {
			await this.list.read(async () => {
				const page = await this.#page(filter, { limit: PAGE }, signal);
				if (held === undefined || news.isGap) return { it: new EventList(page) };
				held.replaceNewest(page);
				return { it: held };
			}, signal);
			if (held !== undefined && news.isGap) announce("There are many new events.");
		}
		const list = this.list.data?.it;
		if (list === undefined) return;
		const added = list.add(news.read.filter((event) => matches(event, filter)));
		if (added.length === 0) return;
		const fresh = new Set(news.fresh.map((event) => event.id));
		const arrived = added.filter((event) => fresh.has(event.id)).length;
		if (arrived > 0) announce(count(arrived, "new event"));
		this.fresh = fresh;
		this.list.set({ it: list });
	}

	/** Removes an event that was deleted. */
	remove(id: string): void {
		const list = this.list.data?.it;
		if (list?.remove([id])) this.list.set({ it: list });
	}

	/** Loads as many events again as there are. Returns the first of them. */
	async loadMore(): Promise<ListedEvent | undefined> {
		const list = this.list.data?.it;
		if (list === undefined) return undefined;
		this.more.value = { isBusy: true, problem: "" };
		try {
			const limit = Math.min(Math.max(list.events.length, PAGE), PAGE_MAX);
			const page = await this.#page(filterOf(route.value), { cursor: list.cursor, limit });
			return batch(() => {
				this.more.value = { isBusy: false, problem: "" };
				if (this.list.data?.it !== list) return undefined;
				const added = list.addOlder(page);
				this.list.set({ it: list });
				announce(count(added.length, "more event"));
				return added[0];
			});
		} catch (error) {
			announce(sentenceOf(error));
			this.more.value = { isBusy: false, problem: sentenceOf(error) };
			return undefined;
		}
	}

	#page(filter: Filter, query: EventQuery, signal?: AbortSignal) {
		return this.#api.get("/v1/events", { app: this.#app, ...filter, ...query }, signal);
	}
}

/** Whether an event is one of those that the filters let through; the same rules as the API's. */
function matches(event: ListedEvent, { kind, user, role, since, until }: Filter): boolean {
	const isActor = event.from_account === user;
	const isTarget = user !== null && event.to_accounts.includes(user);
	const hasUser = user === null || (role !== "target" && isActor) || (role !== "actor" && isTarget);
	const isInTime = since === null || until === null || (event.event_time >= since && event.event_time <= until);
	return hasUser && isInTime && (kind === null || event.kind === kind);
}
