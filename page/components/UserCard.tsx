// One user: totals of all time, and the erasure of all that is stored about them.

import { useRef, useState } from "preact/hooks";
import type { User } from "../api/client.ts";
import { dayName } from "../lib/days.ts";
import { count, number, signed } from "../lib/format.ts";
import type { Board } from "../state/board.ts";
import { announce, moveFocus, places } from "../state/feedback.ts";
import { go } from "../state/route.ts";
import { Erasure } from "../state/tasks.ts";
import { Dialog } from "./Dialog.tsx";
import { UserId } from "./UserId.tsx";
import { Button, Card, Loaded, P, Problem, Span, Time } from "./ui.tsx";

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
	const erase = <Button text="Erase…" class="quiet danger" onClick={() => setErasing(true)} />;
	const beside = [<Button text="Copy" onClick={copy} />, board.mayChange.value && cell.data?.last_event_time && erase];
	return (
		<Card title={title} testid="user-view" cell={cell} back="All users" beside={beside} place={places.user}>
			{board.hasLog.value && <Loaded cell={cell} draw={(totals) => <Totals user={totals} />} />}
			{isErasing && <EraseDialog board={board} user={user} close={() => setErasing(false)} />}
		</Card>
	);
}

function Totals({ user: { followers, following, first_event_time: first } }: { user: User }) {
	const exactly = "No event has this user. UserIDs are matched exactly: case counts, and so do spaces.";
	if (first === null) return <P class="hint" text={exactly} testid="no-user" />;
	const facts = [
		["followers-lost", "Followers lost", number(followers.lost)],
		["followers-gained", "Followers gained", number(followers.gained)],
		["followers-net", "Net", signed(followers.gained - followers.lost)],
		["following-removed", "Unfollowed others", number(following.removed)],
		["following-added", "Followed others", number(following.added)],
		["first-event", "First event", <Time at={first} text={dayName(first)} />],
	] as const;
	return (
		<dl class="totals" data-testid="user-totals">
			{facts.map(([testid, name, value]) => (
				<div key={testid}>
					<dt>{name}</dt>
					<dd data-testid={testid}>{value}</dd>
				</div>
			))}
		</dl>
	);
}

function EraseDialog({ board, user, close }: { board: Board; user: string; close: () => void }) {
	const [erasure] = useState(() => new Erasure());
	const { isRunning, problem, total } = erasure;
	const erased = `${count(total.value, "record")} erased`;
	const stop = () => {
		erasure.stop();
		close();
	};
	const erase = async () => {
		if (!(await erasure.start(board.session.api, board.app, user))) return;
		announce(`${count(total.value, "record")} erased.`);
		go({ user: null, role: null, since: null, until: null });
		board.readAgain();
		moveFocus(places.events);
	};
	const actions = [
		<Button text="Cancel" onClick={stop} />,
		<Button text="Erase" class="danger solid" disabled={isRunning.value} onClick={erase} />,
	];
	return (
		<Dialog title="Erase this user?" testid="erase" close={stop} actions={actions}>
			<p>
				Every event in which <UserId id={user} /> acted or is a target is erased for good, also for the other users in
				it: the records, the dead letters and the counts.
			</p>
			<P class="outcome" role="status" text={total.value > 0 && `${erased} so far …`} />
			<Problem text={problem.value && `${problem.value} ${erased} so far; erase again for the rest.`} />
		</Dialog>
	);
}
