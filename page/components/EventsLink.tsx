// A figure as a link to the events that it counts: the list below with other filters.

import type { ComponentChildren } from "preact";
import type { Route } from "../lib/router.ts";
import { moveFocus, places } from "../state/feedback.ts";
import { href } from "../state/route.ts";

export function EventsLink({ text, events }: { text: ComponentChildren; events: Partial<Route> }) {
	/** The list may be below what is seen. With a key that opens a tab or a window, it is there. */
	const show = ({ ctrlKey, metaKey, shiftKey, altKey }: MouseEvent) => {
		if (ctrlKey || metaKey || shiftKey || altKey) return;
		places.events.current?.scrollIntoView();
		moveFocus(places.events);
	};
	return (
		<a class="figure-link" href={href(events)} onClick={show}>
			{text}
		</a>
	);
}
