// The comparison of the log with Tencent's own data, with progress; what it has found, and the recording of that.

import { useState } from "preact/hooks";
import { count, number } from "../lib/format.ts";
import type { Board } from "../state/board.ts";
import { type Compared, Comparison, type Found } from "../state/comparison.ts";
import { announce } from "../state/feedback.ts";
import { t } from "../text/language.ts";
import { Dialog } from "./Dialog.tsx";
import { TaskButton, TaskView, useStop } from "./TaskView.tsx";
import { UserId } from "./UserId.tsx";
import { Button, FactList, type Facts, Moment, P } from "./ui.tsx";

export function CompareDialog({ board, of, close }: { board: Board; of: Compared; close: () => void }) {
	const create = (isRecording: boolean) => new Comparison(board.session.api, board.app, of, isRecording);
	const [task, setTask] = useState(() => create(false));
	useStop(task);
	const { state, found, users, isRecording } = task;
	const { actions: buttons, comparison: text } = t();
	const run = async (task: Comparison) => {
		const isDone = await task.run();
		// What was recorded until it was stopped stays.
		if (task.found.value.recorded > 0) board.readAgain();
		if (isDone) announce(sentenceOf(task));
	};
	const record = () => {
		const recording = create(true);
		setTask(recording);
		void run(recording);
	};
	const isDone = state.value === "done";
	const toRecord = isDone && !isRecording && task.missed > 0;
	const relations = count(found.value.checked, "relation");
	const progress = [
		isRecording ? text.recordedSoFar(count(found.value.recorded, "event")) : text.comparedSoFar(relations),
		users.value && text.usersLeft(count(users.value.left, "user")),
	].filter((part) => part !== null);
	const fraction = users.value && users.value.done / Math.max(1, users.value.done + users.value.left);
	const actions = [
		<Button text={isDone ? buttons.close : buttons.cancel} onClick={close} />,
		state.value === "new" && <Button text={text.run} class="primary" onClick={() => run(task)} />,
		<TaskButton task={task} run={() => run(task)} />,
		toRecord && <Button text={text.record} class="primary" onClick={record} />,
	];
	return (
		<Dialog title={text.title} testid="compare-dialog" close={close} actions={actions}>
			<P text={"user" in of ? text.ofUser(<UserId id={of.user} />) : text.ofSpan(<Moment at={of.since} />)} />
			{state.value === "new" && <P class="hint" text={text.effect} />}
			{state.value !== "new" && <TaskView task={task} fraction={fraction} text={text.progress(progress)} />}
			{state.value !== "new" && <Figures found={found.value} isRecording={isRecording} />}
			{isDone && <P class="outcome" text={sentenceOf(task)} testid="compare-outcome" />}
			{toRecord && <P class="hint" text={text.toRecord} />}
		</Dialog>
	);
}

/** How it has ended, in a sentence. */
function sentenceOf({ isRecording, missed, found }: Comparison): string {
	const { comparison: text } = t();
	if (isRecording) return text.recorded(count(found.value.recorded, "event"));
	return missed === 0 ? text.nothingMissed : text.missed(count(missed, "event"));
}

function Figures({ found, isRecording }: { found: Found; isRecording: boolean }) {
	const { figures } = t().comparison;
	const names = (Object.keys(figures) as (keyof Found)[]).filter((name) => isRecording || name !== "recorded");
	const fact = (name: keyof Found): Facts[number] => {
		return [`compare-${name.replaceAll("_", "-")}`, figures[name], number(found[name])];
	};
	return <FactList facts={names.map(fact)} style={{ "--names": "15em" }} data-testid="compare-figures" />;
}
