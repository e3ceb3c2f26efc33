// The events of the list, which follows the filters in the URL, and older ones on demand.

import { batch, computed, signal } from "@preact/signals";
import { type EventQuery, type ListedEvent, PAGE_MAX, sentenceOf } from "../api/client.ts";
import { startOfDay } from "../lib/days.ts";
import { EventList } from "../lib/event_list.ts";
import { count, HOUR, isDate } from "../lib/format.ts";
import { groupBy } from "../lib/group.ts";
import { t } from "../text/language.ts";
import { Cell, type More, Part, type Poll } from "./cell.ts";
import { announce } from "./feedback.ts";
import { type Filter, filterOf, route } from "./route.ts";

/** Events of the first page. */
const PAGE = 50;
/** No block has events of two days: these begin on a quarter hour in every zone. */
const BLOCK = HOUR / 4;

/** Events that are drawn together, or left alone together; at least one. */
export type Block = [ListedEvent, ...ListedEvent[]];

export class Events extends Part {
	readonly list = new Cell<{ it: EventList }>(() => filterOf(route.value));
	/** The events by day, newest first. A block that has not changed stays the same object. */
	readonly days = computed(() => {
		const drawn = this.#drawn;
		const events = this.list.data?.it.events ?? [];
		this.#drawn = groupBy(events, ({ event_time: at }) => Math.floor(at / BLOCK));
		for (const [key, block] of this.#drawn) {
			const old = drawn.get(key);
			const isSame = old?.length === block.length && block.every((event, at) => event === old[at]);
			if (old && isSame) this.#drawn.set(key, old);
		}
		return groupBy(this.#drawn, ([, [{ event_time: at }]]) => (isDate(at) ? startOfDay(at) : null));
	});
	#drawn = new Map<number, Block>();
	/** The ids of those that have just arrived. */
	fresh: ReadonlySet<string> = new Set();
	/** The loading of older events, and of which list: that of other filters has its own. */
	readonly #more = signal<More & { of?: EventList }>({ isBusy: false });
	readonly more = computed(
		(): More => (this.#more.value.of === this.list.data?.it ? this.#more.value : { isBusy: false }),
	);
	/** Whether there are new events that were not read. */
	#isGap = false;

	/** The event of this id, where it is loaded. */
	find(id: string): ListedEvent | undefined {
		return this.list.data?.it.find(id);
	}

	/** Takes what a poll has read; asks for the newest page at first, after a gap, and where all is read again. */
	async refresh({ route, news, isFull, signal }: Poll): Promise<void> {
		const filter = filterOf(route);
		const held = this.list.data?.it;
		if (held?.remove(news.gone)) this.list.set({ it: held });
		this.#isGap ||= news.isGap;
		if (held === undefined || this.#isGap || isFull) {
			await this.list.read(async () => {
				const page = await this.#page(filter, { limit: PAGE }, signal);
				if (held === undefined || this.#isGap) return { it: new EventList(page) };
				held.replaceNewest(page);
				return { it: held };
			}, signal);
			if (held !== undefined && this.#isGap) announce(t().events.many);
			this.#isGap = false;
		}
		const list = this.list.data?.it;
		const added = list?.add(news.read.filter((event) => matches(event, filter))) ?? [];
		if (list === undefined || added.length === 0) return;
		this.fresh = new Set(news.fresh.map(({ id }) => id));
		const arrived = added.filter(({ id }) => this.fresh.has(id)).length;
		if (arrived > 0) announce(count(arrived, "newEvent"));
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
		this.#more.value = { of: list, isBusy: true };
		const limit = Math.min(Math.max(list.events.length, PAGE), PAGE_MAX);
		try {
			const page = await this.#page(filterOf(route.value), { ...list.older, limit });
			return batch(() => {
				if (this.list.data?.it !== list) return undefined;
				this.#more.value = { of: list, isBusy: false };
				const added = list.addOlder(page);
				this.list.set({ it: list });
				announce(count(added.length, "moreEvent"));
				return added[0];
			});
		} catch (error) {
			if (this.list.data?.it !== list) return undefined;
			announce(sentenceOf(error));
			this.#more.value = { of: list, isBusy: false, error };
			return undefined;
		}
	}

	#page(filter: Filter, query: EventQuery, signal?: AbortSignal) {
		return this.session.api.get("/v1/events", { app: this.app, ...filter, ...query }, signal);
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
