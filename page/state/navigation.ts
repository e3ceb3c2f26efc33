// What the browser would do with links and scroll positions if each route were a document of its own.

import { computed, effect } from "@preact/signals";
import { parse } from "../lib/router.ts";
import { go, route, toUser } from "./route.ts";

/** Has a plain click on a link of ours show its route. Others, such as one that opens a tab, are the browser's. */
export function followLinks(): void {
	document.addEventListener("click", (event) => {
		const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>("a[href]") : null;
		const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
		if (!link || !isPlain || event.defaultPrevented || link.hash || link.origin !== location.origin) return;
		if (link.pathname !== location.pathname) return;
		event.preventDefault();
		// Not the link's own query where it is a user's: a row's may be from before a change of the range.
		const { user } = link.dataset;
		go(user === undefined ? parse(link.search) : toUser(user));
	});
}

/** Another app, user or view begins at its top. */
export function startScrolling(): void {
	const place = computed(() => JSON.stringify([route.value.app, route.value.user, route.value.view]));
	let before = place.value;
	effect(() => {
		if (place.value !== before) scrollTo(0, 0);
		before = place.value;
	});
}
