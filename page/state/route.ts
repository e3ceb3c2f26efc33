// The URL, which is the state: what is shown is derived from it.

import { computed, effect } from "@preact/signals";
import { parse, type Route, Router } from "../lib/router.ts";
import { moveFocus, places } from "./feedback.ts";

const router = new Router(window);
export const { route } = router;
export const go: Router["go"] = (changes, options) => router.go(changes, options);
export const href: Router["href"] = (changes) => router.href(changes);

/** The filters of the list: a part of the route, and the same as the API's parameters. */
export type Filter = Pick<Route, "kind" | "user" | "role" | "since" | "until">;
export const filterOf = ({ kind, user, role, since, until }: Route): Filter => ({ kind, user, role, since, until });

/** The ways to other views, and what is left behind on them. */
const LEFT = { view: null, reason: null, event: null, since: null, until: null, role: null };
export const toOverview: Partial<Route> = { ...LEFT, user: null };
export const toDeadLetters: Partial<Route> = { ...toOverview, view: "dead-letters" };
export const toUser = (user: string): Partial<Route> => ({ ...LEFT, user });

/** Which of the views is shown. */
export const view = computed(() => route.value.view ?? (route.value.user === null ? "overview" : "user"));

/** Has a plain click on a link of ours show its route. Others, such as one that opens a tab, are the browser's. */
export function followLinks(): void {
	document.addEventListener("click", (event) => {
		const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>("a[href]") : null;
		const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
		const isOurs = link?.origin === location.origin && link.pathname === location.pathname && link.hash === "";
		if (!link || !isOurs || !isPlain || event.defaultPrevented) return;
		event.preventDefault();
		const before = place.value;
		// Not the link's own query where it is a user's: a row's may be from before a change of the range.
		go(link.dataset.user === undefined ? parse(link.search) : toUser(link.dataset.user));
		// The link is gone with its view.
		if (place.value !== before)
			moveFocus({ overview: places.board, user: places.user, "dead-letters": places.deadLetters }[view.value]);
	});
}

/** What is shown, whatever its filters are. */
const place = computed(() => JSON.stringify([route.value.app, route.value.user, route.value.view]));

/** Another app, user or view begins at its top. */
export function startScrolling(): void {
	let before = place.value;
	effect(() => {
		if (place.value !== before) scrollTo(0, 0);
		before = place.value;
	});
}
