// The erasure of a user, after a confirmation: first of what the event log knows of, and then, where the API says that KV may
// have more, the search of KV.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { count } from "../lib/format.ts";
import type { Board } from "../state/board.ts";
import { Erasure } from "../state/erasure.ts";
import { announce, moveFocus, places } from "../state/feedback.ts";
import { go } from "../state/route.ts";
import { t } from "../text/language.ts";
import { Dialog } from "./Dialog.tsx";
import { TaskButton, TaskView, useStop } from "./TaskView.tsx";
import { UserId } from "./UserId.tsx";
import { Button, P } from "./ui.tsx";

export function EraseDialog({ board, user, close }: { board: Board; user: string; close: () => void }) {
	const [task] = useState(() => new Erasure(board.session.api, board.app, user));
	const isOpen = useRef(true);
	useStop(task);
	useLayoutEffect(() => {
		return () => {
			isOpen.current = false;
		};
	}, []);
	const { actions: buttons, erasure: text } = t();
	const { value: state } = task.state;
	const { value: isErased } = task.isSearchNeeded;
	const records = () => count(task.total.value, "record");
	const keys = () => count(task.searched.value, "key");
	/** Leaves the user, of whom something may be gone. */
	const leave = (said: string) => {
		announce(said);
		go({ user: null, role: null, since: null, until: null });
		board.readAgain();
		moveFocus(places.events);
	};
	const run = async () => {
		if (!(await task.run()) || !isOpen.current) return;
		if (isErased) leave(t().erasure.searched(records(), keys()));
		else if (!task.isSearchNeeded.value) leave(t().erasure.done(records()));
	};
	const stop = () => {
		close();
		if (isErased) leave(text.notSearched(records()));
		else if (state !== "new") board.readAgain();
	};
	const start = <Button text={isErased ? text.search : text.run} class="danger solid" onClick={run} />;
	const actions = [
		<Button text={isErased ? buttons.close : buttons.cancel} onClick={stop} />,
		state === "new" || state === "done" ? start : <TaskButton task={task} run={run} />,
	];
	const soFar = task.total.value > 0 && text.soFar(records());
	return (
		<Dialog title={text.title} testid="erase" close={stop} actions={actions}>
			{isErased ? (
				<P text={text.needsSearch(board.hasLog.value ? records() : null)} testid="search-needed" />
			) : (
				<P text={text.what(<UserId id={user} />)} />
			)}
			{!isErased && <P class="hint" text={text.copies(board.status.value.plan === "paid" ? 30 : 7)} />}
			<TaskView task={task} text={isErased ? text.searching(records(), keys()) : soFar} />
		</Dialog>
	);
}
