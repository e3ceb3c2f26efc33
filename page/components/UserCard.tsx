// One user: totals of all time, and the erasure of all that is stored about them.

import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import type { User } from "../api/client.ts";
import { dayName } from "../lib/days.ts";
import { number, signed } from "../lib/format.ts";
import type { Route } from "../lib/router.ts";
import type { Board } from "../state/board.ts";
import { announce, places } from "../state/feedback.ts";
import { EraseDialog } from "./EraseDialog.tsx";
import { EventsLink } from "./EventsLink.tsx";
import { UserId } from "./UserId.tsx";
import { Button, Card, Loaded, P, Span, Time } from "./ui.tsx";

export function UserCard({ board, user }: { board: Board; user: string }) {
	const [isErasing, setErasing] = useState(false);
	const id = useRef<HTMLSpanElement>(null);
	const { user: cell } = board.totals;
	const copy = async () => {
		try {
			await navigator.clipboard.writeText(user);
			announce("Copied.");
		} catch {
			if (id.current) getSelection()?.selectAllChildren(id.current);
			announce("The browser does not allow copying; the UserID is selected.");
		}
	};
	const title = [
		<span class="visually-hidden">User </span>,
		<Span ref={id} text={<UserId id={user} />} testid="user-id" />,
	];
	const { mayChange, hasLog } = board;
	// KV may have records of a user of whom the event log knows nothing.
	const canErase = mayChange.value && (cell.data !== null || !hasLog.value);
	const erase = <Button text="Erase…" class="quiet danger" onClick={() => setErasing(true)} />;
	const beside = [<Button text="Copy" onClick={copy} />, canErase && erase];
	return (
		<Card
			title={title}
			testid="user-view"
			cell={hasLog.value ? cell : null}
			{...{ back: "All users", beside }}
			place={places.user}
		>
			{hasLog.value && <Loaded cell={cell} draw={(totals) => <Totals user={totals} />} />}
			{isErasing && <EraseDialog board={board} user={user} close={() => setErasing(false)} />}
		</Card>
	);
}

/** Totals of all time. Each figure is a link to the events that it counts. */
function Totals({ user: { followers, following, first_event_time: first, last_event_time: last } }: { user: User }) {
	const exactly = "No event has this user. UserIDs are matched exactly: case counts, and so do spaces.";
	if (first === null || last === null) return <P class="hint" text={exactly} testid="no-user" />;
	const ofAllTime = { role: null, kind: null, since: null, until: null };
	const at = (ms: number) => ({ ...ofAllTime, since: ms, until: ms });
	const facts: [testid: string, name: string, value: ComponentChildren, events: Partial<Route>][] = [
		["followers-lost", "Followers lost", number(followers.lost), { role: "target", kind: "unfollow" }],
		["followers-gained", "Followers gained", number(followers.gained), { role: "target", kind: "follow" }],
		["followers-net", "Net", signed(followers.gained - followers.lost), { role: "target" }],
		["following-removed", "Unfollowed others", number(following.removed), { role: "actor", kind: "unfollow" }],
		["following-added", "Followed others", number(following.added), { role: "actor", kind: "follow" }],
		["first-event", "First event", <Time at={first} text={dayName(first)} />, at(first)],
		["last-event", "Last event", <Time at={last} text={dayName(last)} />, at(last)],
	];
	return (
		<dl class="totals" data-testid="user-totals">
			{facts.map(([testid, name, value, events]) => (
				<div key={testid}>
					<dt>{name}</dt>
					<dd data-testid={testid}>
						<EventsLink text={value} events={{ ...ofAllTime, ...events }} />
					</dd>
				</div>
			))}
		</dl>
	);
}
