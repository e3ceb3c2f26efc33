// One user: totals of all time, and the erasure of all that is stored about them.

import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import type { User } from "../api/client.ts";
import { fullDayName } from "../lib/days.ts";
import { number, signed } from "../lib/format.ts";
import type { Route } from "../lib/router.ts";
import type { Board } from "../state/board.ts";
import { now } from "../state/clock.ts";
import { announce, places } from "../state/feedback.ts";
import { t } from "../text/language.ts";
import { CompareDialog } from "./CompareDialog.tsx";
import { EraseDialog } from "./EraseDialog.tsx";
import { EventsLink } from "./EventsLink.tsx";
import { UserId } from "./UserId.tsx";
import { Button, Card, copyText, FactList, type Facts, Loaded, P, Recorded, Span, Time } from "./ui.tsx";

export function UserCard({ board, user }: { board: Board; user: string }) {
	const [isErasing, setErasing] = useState(false);
	const [isComparing, setComparing] = useState(false);
	const id = useRef<HTMLSpanElement>(null);
	const { user: cell } = board.totals;
	const copy = async () => announce((await copyText(user, id)) ? t().copied : t().user.notCopied);
	const title = [
		<span class="visually-hidden">{t().user.title}</span>,
		<Span ref={id} text={<UserId id={user} />} testid="user-id" />,
	];
	const card = { title, testid: "user-view", back: t().user.back, place: places.user };
	const { mayChange, mayCompare, hasLog } = board;
	// KV may have records of a user of whom the event log knows nothing.
	const canErase = mayChange.value && (cell.data !== null || !hasLog.value);
	const erase = <Button text={t().user.erase} class="quiet danger" onClick={() => setErasing(true)} />;
	const compare = <Button text={t().comparison.open} onClick={() => setComparing(true)} testid="compare" />;
	const beside = [<Button text={t().actions.copy} onClick={copy} />, mayCompare.value && compare, canErase && erase];
	return (
		<Card {...card} cell={hasLog.value ? cell : null} beside={beside}>
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
	const figures: [testid: string, name: string, value: ComponentChildren, events: Partial<Route>][] = [
		["followers-lost", totals.followersLost, number(followers.lost), { role: "target", kind: "unfollow" }],
		["followers-gained", totals.followersGained, number(followers.gained), { role: "target", kind: "follow" }],
		["followers-net", totals.net, signed(followers.gained - followers.lost), { role: "target" }],
		["following-removed", totals.unfollowed, number(following.removed), { role: "actor", kind: "unfollow" }],
		["following-added", totals.followed, number(following.added), { role: "actor", kind: "follow" }],
		["first-event", totals.firstEvent, <Time at={first} text={fullDayName(first, now.value)} />, at(first)],
		["last-event", totals.lastEvent, <Time at={last} text={fullDayName(last, now.value)} />, at(last)],
	];
	const facts = figures.map(([testid, name, value, events]): Facts[number] => {
		const link = <EventsLink text={value} events={{ ...ofAllTime, ...events }} />;
		return [testid, name, [link, <Recorded n={recorded[testid]} />]];
	});
	return <FactList class="totals" facts={facts} data-testid="user-totals" />;
}
