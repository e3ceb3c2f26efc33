// The list of events, newest first. It grows at both ends: each refresh adds newer events, and older ones are added on
// demand. Ids sort newest first as text. A page of the API may be short, even empty, and still have a cursor.

/**
 * The list with the newest page; `list` is null before the first. The page may have been limited to `since` (Unix ms):
 * it then has nothing older. `fresh` are the ids that were not in the list before.
 */
export function withNewest(list, page, since = null) {
	const known = new Set(list?.events.map((event) => event.id));
	const fresh = new Set(page.events.map((event) => event.id).filter((id) => !known.has(id)));
	if (list === null) return { list: page, fresh };
	const isWhole = page.cursor === null;
	if (isWhole && since === null) return { list: page, fresh };
	// The page does not overlap with the list: there may be others between the two.
	if (!isWhole && fresh.size === page.events.length) return { list: page, fresh };
	// Within the range of the page, only its events remain: others were deleted elsewhere.
	const last = page.events.at(-1)?.id;
	const older = list.events.filter((event) => (isWhole ? event.event_time < since : event.id > last));
	const cursor = isWhole || older.length > 0 ? list.cursor : page.cursor;
	return { list: { events: [...page.events, ...older], cursor }, fresh };
}

/**
* Whether a page that was limited to a time can be added to the list. Where it is not complete, it must overlap with the
 * list: its own cursor reaches no further back than that time.
 */
export function fits(list, page) {
	if (page.cursor === null) return true;
	const known = new Set(list.events.map((event) => event.id));
	const last = page.events.at(-1)?.id;
	return page.events.some((event) => known.has(event.id)) && list.events.some((event) => event.id > last);
}

/** The list with the next older page. */
export function withOlder(list, page) {
	const known = new Set(list.events.map((event) => event.id));
	return { events: [...list.events, ...page.events.filter((event) => !known.has(event.id))], cursor: page.cursor };
}

/** The list without one event. */
export function without(list, id) {
	return { ...list, events: list.events.filter((event) => event.id !== id) };
}
