// A UserID as it is. The text of the element is the id, and it cannot reorder the text around it.

import { untracked } from "@preact/signals";
import { type Part, partsOf, userText } from "../lib/user_id.ts";
import { href, toUser } from "../state/route.ts";

export function UserId({ id }: { id: string }) {
	const draw = (part: Part) =>
		typeof part === "string" ? part : <span class="invisible" data-mark={part.mark} children={part.character} />;
	return <bdi class="user">{partsOf(id).map(draw)}</bdi>;
}

/** A link to a user's view. Where the id has what cannot be seen, its title tells it in words. */
export function UserLink({ id, ...rest }: { id: string; class: string; tabIndex?: number; "data-testid"?: string }) {
	const text = userText(id);
	// There may be many: they are not drawn again with each change of the route. A click goes by `data-user`.
	const url = untracked(() => href(toUser(id)));
	const title = text === id ? undefined : text;
	return (
		<a href={url} title={title} data-user={id} {...rest}>
			<UserId id={id} />
		</a>
	);
}

/** What is copied of a user id is the id: browsers turn a no-break space into a plain one. */
export function copyExactly(): void {
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
