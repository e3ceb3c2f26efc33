// The export of the events that the filters let through, as a CSV file, with progress.

import { useId, useState } from "preact/hooks";
import { count, number } from "../lib/format.ts";
import { RANGES, rangeOf, spanOf, spanText } from "../lib/range.ts";
import type { Board } from "../state/board.ts";
import { currentTime, now } from "../state/clock.ts";
import { announce } from "../state/feedback.ts";
import { filterOf, route } from "../state/route.ts";
import { Export } from "../state/tasks.ts";
import { KIND_PLURALS } from "../text/kinds.ts";
import { Problem } from "./Card.tsx";
import { Button } from "./Controls.tsx";
import { Dialog } from "./Dialog.tsx";

export function ExportDialog({ board, close }: { board: Board; close: () => void }) {
	const [task] = useState(() => new Export());
	const [isRange, setRange] = useState(false);
	const form = useId();
	const { kind, user, range } = route.value;
	const span = spanOf(route.value);
	const { value: isRunning } = task.isRunning;
	const stop = () => {
		task.stop();
		close();
	};
	const run = async (event: Event) => {
		event.preventDefault();
		const at = currentTime();
		const filter = filterOf(route.value);
		if (span === null && isRange) filter.since = rangeOf(range, at).since;
		if (!(await task.start(board.session.api, board.app, filter))) return;
		download(`unfollow-events-${board.app}-${new Date(at).toISOString().slice(0, 10)}.csv`, task.parts);
		close();
		announce(`${count(task.total.value, "event")} exported.`);
	};
	const what = [
		kind === null ? "Events" : KIND_PLURALS[kind],
		user !== null && "of this user",
		span && spanText(span, now.value),
	];
	const option = (value: boolean, text: string) => (
		<label>
			<input type="radio" name="time" checked={isRange === value} onChange={() => setRange(value)} /> {text}
		</label>
	);
	const actions = (
		<>
			<Button text="Cancel" onClick={stop} />
			{!isRunning && <Button text="Export" type="submit" form={form} class="primary" />}
		</>
	);
	return (
		<Dialog title="Export as CSV" testid="export-dialog" close={stop} actions={actions}>
			<form id={form} onSubmit={run}>
				<p>{what.filter(Boolean).join(", ")}: one row for each target.</p>
				{span === null && (
					<fieldset class="options" disabled={isRunning}>
						<legend class="visually-hidden">Times</legend>
						{option(false, "All that are stored")}
						{option(true, `The last ${RANGES[range].title}`)}
					</fieldset>
				)}
			</form>
			{isRunning && (
				<div class="running" role="status">
					<progress aria-label="Progress" value={task.fraction.value ?? undefined} />
					<p data-testid="export-count">{task.total.value > 0 && `${number(task.total.value)} events …`}</p>
				</div>
			)}
			<Problem text={task.problem.value} />
		</Dialog>
	);
}

function download(name: string, parts: string[]): void {
	const url = URL.createObjectURL(new Blob(parts, { type: "text/csv;charset=utf-8" }));
	Object.assign(document.createElement("a"), { href: url, download: name }).click();
	// The download has begun by then.
	setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
