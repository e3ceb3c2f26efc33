// The export of the events that the filters let through, in a form for a spreadsheet or for programs, with progress.

import { useId, useRef, useState } from "preact/hooks";
import type { Format } from "../api/client.ts";
import { FILES } from "../lib/export_part.ts";
import { count, isoDay } from "../lib/format.ts";
import { rangeOf, sinceText, spanOf, spanText, timesOf } from "../lib/range.ts";
import type { Board } from "../state/board.ts";
import { now } from "../state/clock.ts";
import { Export } from "../state/export.ts";
import { announce } from "../state/feedback.ts";
import { filterOf, route } from "../state/route.ts";
import { t } from "../text/language.ts";
import { Damaged } from "./Damaged.tsx";
import { Dialog } from "./Dialog.tsx";
import { TaskButton, TaskView, useStop } from "./TaskView.tsx";
import { Button, P } from "./ui.tsx";

export function ExportDialog({ board, close }: { board: Board; close: () => void }) {
	const [task, setTask] = useState<Export | null>(null);
	const [format, setFormat] = useState<Format>("spreadsheet");
	const [isRange, setRange] = useState(false);
	const startedAt = useRef(0);
	const form = useId();
	const { kind, user, role } = route.value;
	const span = spanOf(route.value);
	const range = rangeOf(route.value.range, now.value);
	useStop(task);
	const run = async (task: Export) => {
		if (!(await task.run())) return;
		const { extension, type } = FILES[task.format];
		download(`unfollow-events-${board.app}-${isoDay(startedAt.current)}.${extension}`, type, task.texts);
		announce(t().export.done(count(task.total.value, "event")));
		if (task.damaged.value.length === 0) close();
	};
	const start = (event: Event) => {
		event.preventDefault();
		// As the labels say: of the same present as they.
		startedAt.current = now.value;
		const filter = filterOf(route.value);
		if (span === null && isRange) Object.assign(filter, timesOf(range, startedAt.current));
		const task = new Export(board.session.api, board.app, filter, format);
		setTask(task);
		void run(task);
	};
	const { actions: buttons, export: text, kindPlurals, ranges } = t();
	const parts = [
		kind ? kindPlurals[kind] : text.events,
		user === null ? null : text.ofUser,
		role && text.asRole[role],
		span && spanText(span, now.value),
	].filter((part) => part !== null);
	const option = (name: string, label: string, checked: boolean, onChange: () => void) => (
		<label>
			<input type="radio" {...{ name, checked, onChange }} /> {label}
		</label>
	);
	const forms = (Object.keys(text.forms) as Format[]).map((form) =>
		option("form", text.forms[form], form === format, () => setFormat(form)),
	);
	const ofRange = text.range(ranges[route.value.range], sinceText(range, now.value));
	const button = task ? (
		<TaskButton task={task} run={() => run(task)} />
	) : (
		<Button text={text.run} type="submit" form={form} class="primary" />
	);
	const isDone = task?.state.value === "done";
	const actions = [<Button text={isDone ? buttons.close : buttons.cancel} onClick={close} />, button];
	return (
		<Dialog title={text.title} testid="export-dialog" close={close} actions={actions}>
			<form id={form} onSubmit={start}>
				<P text={text.what(parts)} />
				<fieldset class="options" disabled={task !== null}>
					<legend class="visually-hidden">{text.form}</legend>
					{forms}
				</fieldset>
				{span === null && (
					<fieldset class="options" disabled={task !== null}>
						<legend class="visually-hidden">{text.times}</legend>
						{option("time", text.allTimes, !isRange, () => setRange(false))}
						{option("time", ofRange, isRange, () => setRange(true))}
					</fieldset>
				)}
			</form>
			{task && (
				<TaskView
					task={task}
					fraction={task.fraction.value}
					text={task.total.value > 0 && text.progress(count(task.total.value, "event"))}
					testid="export-count"
				/>
			)}
			{task && isDone && (
				<Damaged ids={task.damaged.value} text={(links) => text.damaged(task.format !== "jsonl", links)} />
			)}
		</Dialog>
	);
}

function download(name: string, type: string, texts: string[]): void {
	const url = URL.createObjectURL(new Blob(texts, { type }));
	Object.assign(document.createElement("a"), { href: url, download: name }).click();
	// The download has begun by then.
	setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
