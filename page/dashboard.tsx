// The operator's page: begins, and listens to what concerns the whole document.

import { render } from "preact";
import { App } from "./components/App.tsx";
import { startPolling } from "./state/board.ts";
import { startClock } from "./state/clock.ts";
import { followLinks, startScrolling } from "./state/navigation.ts";
import { begin } from "./state/session.ts";

/** What is copied of a user id is the id: browsers turn a no-break space into a plain one. */
function copyExactly() {
	document.addEventListener("copy", (event) => {
		const selection = getSelection();
		if (selection?.rangeCount !== 1) return;
		const range = selection.getRangeAt(0);
		const container = range.commonAncestorContainer;
		const element = container instanceof Element ? container : container.parentElement;
		if (!element?.closest(".user")) return;
		event.clipboardData?.setData("text/plain", range.toString());
		event.preventDefault();
	});
}

render(<App />, document.body);
followLinks();
startScrolling();
copyExactly();
startClock();
startPolling();
void begin();
