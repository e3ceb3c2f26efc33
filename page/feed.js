// The list of events, newest first. It grows at both ends: each refresh adds newer events, and older ones are added on
// demand. Ids sort newest first as text.

/** The list with the newest page; `list` is null before the first. `fresh` are the ids that were not in the list before. */
export function withNewest(list, page) {
	const known = new Set(list?.events.map((event) => event.id));
	const fresh = new Set(page.events.map((event) => event.id).filter((id) => !known.has(id)));
	// The page is the whole log, or does not overlap with the list: there may be others between the two.
	if (list === null || page.cursor === null || fresh.size === page.events.length) return { list: page, fresh };
	// Within the range of the page, only its events remain: others were deleted elsewhere.
	const last = page.events.at(-1).id;
	const older = list.events.filter((event) => event.id > last);
	const cursor = older.length > 0 ? list.cursor : page.cursor;
	return { list: { events: [...page.events, ...older], cursor }, fresh };
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
