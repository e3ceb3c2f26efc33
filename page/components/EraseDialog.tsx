// The erasure of a user, after a confirmation: first of what the event log knows of, and then, where the API says that KV may
// have more, the search of KV.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { count } from "../lib/format.ts";
import type { Board } from "../state/board.ts";
import { Erasure, RecordSearch } from "../state/erasure.ts";
import { announce, moveFocus, places } from "../state/feedback.ts";
import { go } from "../state/route.ts";
import { Dialog } from "./Dialog.tsx";
import { TaskButton, TaskView, useStop } from "./TaskView.tsx";
import { UserId } from "./UserId.tsx";
import { Button, P } from "./ui.tsx";

export function EraseDialog({ board, user, close }: { board: Board; user: string; close: () => void }) {
	const { api } = board.session;
	const [erasure] = useState(() => new Erasure(api, board.app, user));
	const [search] = useState(() => new RecordSearch(api, board.app, user));
	const isOpen = useRef(true);
	useStop(erasure, search);
	useLayoutEffect(() => {
		return () => {
			isOpen.current = false;
		};
	}, []);
	const total = erasure.total.value + search.total.value;
	const erased = `${count(total, "record")} erased`;
	/** Leaves the user, of whom something may be gone. */
	const leave = (said: string) => {
		announce(said);
		go({ user: null, role: null, since: null, until: null });
		board.readAgain();
		moveFocus(places.events);
	};
	const erase = async () => {
		if (!(await erasure.run()) || !isOpen.current || erasure.isSearchNeeded.value) return;
		leave(`${count(erasure.total.value, "record")} erased.`);
	};
	const searchOn = async () => {
		if (!(await search.run()) || !isOpen.current) return;
		const found = count(erasure.total.value + search.total.value, "record");
		leave(`${found} erased; ${count(search.searched.value, "key")} of KV searched.`);
	};
	const isErased = erasure.state.value === "done";
	const stop = () => {
		close();
		if (isErased) leave(`${erased}; KV was not searched to its end.`);
		else if (erasure.state.value !== "new") board.readAgain();
	};
	const [task, run] = isErased ? [search, searchOn] : [erasure, erase];
	const button =
		task.state.value === "new" ? (
			<Button text={isErased ? "Search KV" : "Erase"} class="danger solid" onClick={run} />
		) : (
			<TaskButton task={task} run={run} />
		);
	const actions = [<Button text={isErased ? "Close" : "Cancel"} onClick={stop} />, button];
	return (
		<Dialog title="Erase this user?" testid="erase" close={stop} actions={actions}>
			{isErased ? (
				<P text={needsSearch(board, total)} testid="search-needed" />
			) : (
				<p>
					Every event in which <UserId id={user} /> acted or is a target is erased for good, also for the other users in
					it: the records that the event log knows of, the dead letters and the counts. At the end you are told whether
					KV may have more.
				</p>
			)}
			{!isErased && (
				<P
					class="hint"
					text={`What no call reaches: copies in KV elsewhere for a minute, and D1's Time Travel for ${board.status.value.plan === "paid" ? 30 : 7} days.`}
				/>
			)}
			<TaskView task={task} text={task === search ? searching(search, erased) : total > 0 && `${erased} so far …`} />
		</Dialog>
	);
}

function needsSearch({ hasLog }: Board, total: number): string {
	const why = hasLog.value
		? `${count(total, "record")} erased. KV may have records of this user that the event log does not know of.`
		: "There is no event log that knows where this user's records are.";
	return `${why} The search reads the names of all keys of this app, which costs one KV list for each 1,000 of them, and erases what it finds.`;
}

const searching = ({ searched, state }: RecordSearch, erased: string) =>
	state.value !== "new" && `${erased}, ${count(searched.value, "key")} of KV searched so far …`;
