// A UserID as it is. The text of the element is the id, and it cannot reorder the text around it.

import { untracked } from "@preact/signals";
import { partsOf, userText } from "../lib/user_id.ts";
import { href, toUser } from "../state/route.ts";

export const UserId = ({ id }: { id: string }) => (
	<bdi class="user">
		{partsOf(id).map((part) =>
			typeof part === "string" ? (
				part
			) : (
				<span class="invisible" data-mark={part.mark}>
					{part.character}
				</span>
			),
		)}
	</bdi>
);

interface LinkProps {
	id: string;
	class?: string;
	tabIndex?: number;
	testid?: string;
}

/** A link to a user's view. Where the id has what cannot be seen, its title tells it in words. */
export function UserLink({ id, class: className = "", tabIndex, testid }: LinkProps) {
	const text = userText(id);
	// There may be many: they are not drawn again with each change of the route. A click goes by `data-user`.
	const url = untracked(() => href(toUser(id)));
	return (
		<a
			class={`user-link ${className}`}
			href={url}
			title={text === id ? undefined : text}
			tabIndex={tabIndex}
			data-user={id}
			data-testid={testid}
		>
			<UserId id={id} />
		</a>
	);
}
