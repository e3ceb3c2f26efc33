// One user: totals of all time, and the erasure of all that is stored about them.

import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import type { User } from "../api/client.ts";
import { count, day, number, signed } from "../lib/format.ts";
import { announce } from "../state/announcement.ts";
import type { Board } from "../state/board.ts";
import { eventsRef, moveFocus, userRef } from "../state/focus.ts";
import { go, href, toOverview } from "../state/route.ts";
import { Erasure } from "../state/user.ts";
import { Loaded } from "./Card.tsx";
import { Dialog } from "./Dialog.tsx";
import { Time } from "./Time.tsx";
import { UserId } from "./UserId.tsx";

export function UserCard({ board, user }: { board: Board; user: string }) {
	const [isErasing, setErasing] = useState(false);
	const id = useRef<HTMLSpanElement>(null);
	const { totals } = board.user;
	const { data } = totals;
	const copy = async () => {
		try {
			await navigator.clipboard.writeText(user);
			announce("Copied.");
		} catch {
			if (id.current) getSelection()?.selectAllChildren(id.current);
			announce("The browser does not allow copying; the UserID is selected.");
		}
	};
	return (
		<section
			class="card"
			ref={userRef}
			tabIndex={-1}
			aria-labelledby="user-title"
			aria-busy={data === null}
			data-testid="user-view"
		>
			<a class="back" href={href(toOverview)}>
				All users
			</a>
			<div class="head">
				<h2 id="user-title">
					<span class="visually-hidden">User </span>
					<span ref={id} data-testid="user-id">
						<UserId id={user} />
					</span>
				</h2>
				<button type="button" class="quiet" onClick={copy}>
					Copy
				</button>
				{data && data.last_event_time !== null && (
					<button type="button" class="quiet danger" onClick={() => setErasing(true)}>
						Erase…
					</button>
				)}
			</div>
			{board.hasLog.value && <Loaded cell={totals}>{(it) => <Totals user={it} />}</Loaded>}
			{isErasing && <EraseDialog board={board} user={user} close={() => setErasing(false)} />}
		</section>
	);
}

function Totals({ user: { followers, following, first_event_time: first, last_event_time: last } }: { user: User }) {
	if (last === null) {
		return (
			<p class="hint" data-testid="no-user">
				No event has this user. UserIDs are matched exactly: case counts, and so do spaces.
			</p>
		);
	}
	const fact = (testid: string, name: string, value: ComponentChildren) => (
		<div>
			<dt>{name}</dt>
			<dd data-testid={testid}>{value}</dd>
		</div>
	);
	return (
		<dl class="totals" data-testid="user-totals">
			{fact("followers-lost", "Followers lost", number(followers.lost))}
			{fact("followers-gained", "Followers gained", number(followers.gained))}
			{fact("followers-net", "Net", signed(followers.gained - followers.lost))}
			{fact("following-removed", "Unfollowed others", number(following.removed))}
			{fact("following-added", "Followed others", number(following.added))}
			{fact("first-event", "First event", first === null ? "–" : <Time at={first}>{day(first)}</Time>)}
		</dl>
	);
}

function EraseDialog({ board, user, close }: { board: Board; user: string; close: () => void }) {
	const [erasure] = useState(() => new Erasure());
	const { value: total } = erasure.total;
	const { value: problem } = erasure.problem;
	const stop = () => {
		erasure.stop();
		close();
	};
	const erase = async () => {
		if (!(await erasure.start(board.session.api, board.app, user))) return;
		announce(`${count(erasure.total.value, "record")} erased.`);
		go({ user: null, role: null, since: null, until: null });
		board.readAgain();
		moveFocus(eventsRef);
	};
	return (
		<Dialog title="Erase this user?" testid="erase" close={stop}>
			<p>
				Every event in which{" "}
				<strong>
					<UserId id={user} />
				</strong>{" "}
				acted or is a target is erased for good, also for the other users in it: the records, the dead letters and the
				counts.
			</p>
			<p class="outcome" role="status">
				{total > 0 && `${count(total, "record")} erased${erasure.hasMore.value ? " so far …" : "."}`}
			</p>
			<p class="problem" role="alert">
				{problem !== "" && `${problem} ${count(total, "record")} erased so far; erase again for the rest.`}
			</p>
			<div class="actions">
				<button type="button" class="quiet" onClick={stop}>
					Cancel
				</button>
				<button type="button" class="danger solid" disabled={erasure.isRunning.value} onClick={erase}>
					Erase
				</button>
			</div>
		</Dialog>
	);
}
