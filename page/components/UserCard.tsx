// One user: totals of all time, and the erasure of all that is stored about them.

import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import type { User } from "../api/client.ts";
import { dayName } from "../lib/days.ts";
import { number, signed } from "../lib/format.ts";
import type { Route } from "../lib/router.ts";
import type { Board } from "../state/board.ts";
import { announce, places } from "../state/feedback.ts";
import { t } from "../text/language.ts";
import { CompareDialog } from "./CompareDialog.tsx";
import { EraseDialog } from "./EraseDialog.tsx";
import { EventsLink } from "./EventsLink.tsx";
import { UserId } from "./UserId.tsx";
import { Button, Card, Loaded, P, Recorded, Span, Time } from "./ui.tsx";

export function UserCard({ board, user }: { board: Board; user: string }) {
	const [isErasing, setErasing] = useState(false);
	const [isComparing, setComparing] = useState(false);
	const id = useRef<HTMLSpanElement>(null);
	const { user: cell } = board.totals;
	const copy = async () => {
		try {
			await navigator.clipboard.writeText(user);
			announce(t().copied);
		} catch {
			if (id.current) getSelection()?.selectAllChildren(id.current);
			announce(t().user.notCopied);
		}
	};
	const title = [
		<span class="visually-hidden">{t().user.title}</span>,
		<Span ref={id} text={<UserId id={user} />} testid="user-id" />,
	];
	const { mayChange, mayCompare, hasLog } = board;
	// KV may have records of a user of whom the event log knows nothing.
	const canErase = mayChange.value && (cell.data !== null || !hasLog.value);
	const erase = <Button text={t().user.erase} class="quiet danger" onClick={() => setErasing(true)} />;
	const compare = <Button text={t().comparison.open} onClick={() => setComparing(true)} testid="compare" />;
	const beside = [<Button text={t().actions.copy} onClick={copy} />, mayCompare.value && compare, canErase && erase];
	return (
		<Card
			title={title}
			testid="user-view"
			cell={hasLog.value ? cell : null}
			{...{ back: t().user.back, beside }}
			place={places.user}
		>
			{hasLog.value && <Loaded cell={cell} draw={({ totals }) => <Totals user={totals} />} />}
			{isComparing && <CompareDialog board={board} of={{ user }} close={() => setComparing(false)} />}
			{isErasing && <EraseDialog board={board} user={user} close={() => setErasing(false)} />}
		</Card>
	);
}

/** Totals of all time. Each figure is a link to the events that it counts. */
function Totals({ user: { followers, following, first_event_time: first, last_event_time: last } }: { user: User }) {
	if (first === null || last === null) return <P class="hint" text={t().user.none} testid="no-user" />;
	const { totals } = t();
	const ofAllTime = { role: null, kind: null, since: null, until: null };
	const at = (ms: number) => ({ ...ofAllTime, since: ms, until: ms });
	/** How many of a figure were recorded by a comparison, where any were. */
	const recorded: Record<string, number> = {
		"followers-lost": followers.lost_recorded,
		"followers-gained": followers.gained_recorded,
	};
	const facts: [testid: string, name: string, value: ComponentChildren, events: Partial<Route>][] = [
		["followers-lost", totals.followersLost, number(followers.lost), { role: "target", kind: "unfollow" }],
		["followers-gained", totals.followersGained, number(followers.gained), { role: "target", kind: "follow" }],
		["followers-net", totals.net, signed(followers.gained - followers.lost), { role: "target" }],
		["following-removed", totals.unfollowed, number(following.removed), { role: "actor", kind: "unfollow" }],
		["following-added", totals.followed, number(following.added), { role: "actor", kind: "follow" }],
		["first-event", totals.firstEvent, <Time at={first} text={dayName(first)} />, at(first)],
		["last-event", totals.lastEvent, <Time at={last} text={dayName(last)} />, at(last)],
	];
	return (
		<dl class="totals" data-testid="user-totals">
			{facts.map(([testid, name, value, events]) => (
				<div key={testid}>
					<dt>{name}</dt>
					<dd data-testid={testid}>
						<EventsLink text={value} events={{ ...ofAllTime, ...events }} />
						<Recorded n={recorded[testid]} />
					</dd>
				</div>
			))}
		</dl>
	);
}
