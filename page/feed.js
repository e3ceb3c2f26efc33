// The list of events, newest first, as it grows at both ends: newer ones come with each refresh, older ones when asked
// for. Ids sort newest first as text. A page of the API may be short, even empty, and still have a cursor.

/**
 * The list after the newest page came; there is no list before the first. A page may have been asked to end at a time,
 * `since` (Unix ms): it then says nothing of what is older.
 * `fresh` are the ids that were not in the list before.
 */
export function withNewest(list, page, since = null) {
	const known = new Set(list?.events.map((event) => event.id));
	const fresh = new Set(page.events.map((event) => event.id).filter((id) => !known.has(id)));
	if (list === null) return { list: page, fresh };
	const isWhole = page.cursor === null;
	if (isWhole && since === null) return { list: page, fresh };
	// It does not reach down to what we have: between the two there may be others.
	if (!isWhole && fresh.size === page.events.length) return { list: page, fresh };
	// What it covers is as it says; what was deleted elsewhere is gone.
	const last = page.events.at(-1)?.id;
	const older = list.events.filter((event) => (isWhole ? event.event_time < since : event.id > last));
	const cursor = isWhole || older.length > 0 ? list.cursor : page.cursor;
	return { list: { events: [...page.events, ...older], cursor }, fresh };
}

/**
 * Whether a page that was asked to end at a time can go into the list. Where it is not whole it must lie within the
 * list: its own cursor leads no further than to that time.
 */
export function fits(list, page) {
	if (page.cursor === null) return true;
	const known = new Set(list.events.map((event) => event.id));
	const last = page.events.at(-1)?.id;
	return page.events.some((event) => known.has(event.id)) && list.events.some((event) => event.id > last);
}

/** The list after the page behind it came. */
export function withOlder(list, page) {
	const known = new Set(list.events.map((event) => event.id));
	return { events: [...list.events, ...page.events.filter((event) => !known.has(event.id))], cursor: page.cursor };
}

/** The list without one event. */
export function without(list, id) {
	return { ...list, events: list.events.filter((event) => event.id !== id) };
}
