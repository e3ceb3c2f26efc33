// The erasure of a user, after a confirmation: first of what the event log knows of, and then, where the API says that KV may
// have more, the search of KV.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { count } from "../lib/format.ts";
import type { Board } from "../state/board.ts";
import { Erasure, RecordSearch } from "../state/erasure.ts";
import { announce, moveFocus, places } from "../state/feedback.ts";
import { go } from "../state/route.ts";
import { t } from "../text/language.ts";
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
	const { actions: buttons, erasure: text } = t();
	const records = count(total, "record");
	/** Leaves the user, of whom something may be gone. */
	const leave = (said: string) => {
		announce(said);
		go({ user: null, role: null, since: null, until: null });
		board.readAgain();
		moveFocus(places.events);
	};
	const erase = async () => {
		if (!(await erasure.run()) || !isOpen.current || erasure.isSearchNeeded.value) return;
		leave(t().erasure.done(count(erasure.total.value, "record")));
	};
	const searchOn = async () => {
		if (!(await search.run()) || !isOpen.current) return;
		const found = count(erasure.total.value + search.total.value, "record");
		leave(t().erasure.searched(found, count(search.searched.value, "key")));
	};
	const searched = search.state.value !== "new" && text.searching(records, count(search.searched.value, "key"));
	const isErased = erasure.state.value === "done";
	const stop = () => {
		close();
		if (isErased) leave(text.notSearched(records));
		else if (erasure.state.value !== "new") board.readAgain();
	};
	const [task, run] = isErased ? [search, searchOn] : [erasure, erase];
	const button =
		task.state.value === "new" ? (
			<Button text={isErased ? text.search : text.run} class="danger solid" onClick={run} />
		) : (
			<TaskButton task={task} run={run} />
		);
	const actions = [<Button text={isErased ? buttons.close : buttons.cancel} onClick={stop} />, button];
	return (
		<Dialog title={text.title} testid="erase" close={stop} actions={actions}>
			{isErased ? (
				<P text={text.needsSearch(board.hasLog.value ? records : null)} testid="search-needed" />
			) : (
				<P text={text.what(<UserId id={user} />)} />
			)}
			{!isErased && <P class="hint" text={text.copies(board.status.value.plan === "paid" ? 30 : 7)} />}
			<TaskView task={task} text={task === search ? searched : total > 0 && text.soFar(records)} />
		</Dialog>
	);
}
