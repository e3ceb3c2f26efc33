// The URL, which is the state: what is shown is derived from it.

import { computed } from "@preact/signals";
import { type Route, Router } from "../lib/router.ts";

const router = new Router(window);

export const route = router.route;
export const go: Router["go"] = (changes, options) => router.go(changes, options);
export const href: Router["href"] = (changes) => router.href(changes);

/** The filters of the list: a part of the route, and the same as the API's parameters. */
export type Filter = Pick<Route, "kind" | "user" | "role" | "since" | "until">;
export const filterOf = ({ kind, user, role, since, until }: Route): Filter => ({ kind, user, role, since, until });

/** What is left behind on the way to another view. */
const LEFT = { view: null, event: null, since: null, until: null, role: null };
export const toOverview: Partial<Route> = { ...LEFT, user: null };
export const toDeadLetters: Partial<Route> = { ...toOverview, view: "dead-letters" };
export const toUser = (user: string): Partial<Route> => ({ ...LEFT, user });

/** Which of the views is shown. */
export const view = computed(() => route.value.view ?? (route.value.user === null ? "overview" : "user"));
