// The export of the events that the filters let through, as a CSV file, with progress.

import { useId, useState } from "preact/hooks";
import { count, isoDay, number } from "../lib/format.ts";
import { rangeOf, sinceText, spanOf, spanText, timesOf } from "../lib/range.ts";
import type { Board } from "../state/board.ts";
import { now } from "../state/clock.ts";
import { announce } from "../state/feedback.ts";
import { filterOf, route } from "../state/route.ts";
import { Export } from "../state/tasks.ts";
import { KIND_PLURALS } from "../text/kinds.ts";
import { Dialog } from "./Dialog.tsx";
import { Button, P, Problem } from "./ui.tsx";

export function ExportDialog({ board, close }: { board: Board; close: () => void }) {
	const [task] = useState(() => new Export());
	const [isRange, setRange] = useState(false);
	const form = useId();
	const { kind, user } = route.value;
	const span = spanOf(route.value);
	const range = rangeOf(route.value.range, now.value);
	const { isRunning, total, fraction, problem } = task;
	const stop = () => {
		task.stop();
		close();
	};
	const run = async (event: Event) => {
		event.preventDefault();
		// As the labels say: of the same present as they.
		const at = now.value;
		const filter = filterOf(route.value);
		if (span === null && isRange) Object.assign(filter, timesOf(range, at));
		if (!(await task.start(board.session.api, board.app, filter))) return;
		download(`unfollow-events-${board.app}-${isoDay(at)}.csv`, task.parts);
		close();
		announce(`${count(total.value, "event")} exported.`);
	};
	const times = [kind ? KIND_PLURALS[kind] : "Events", user && "of this user", span && spanText(span, now.value)];
	const what = `${times.filter((part) => part !== null).join(", ")}: one row for each target.`;
	const option = (value: boolean, text: string) => (
		<label>
			<input type="radio" name="time" checked={isRange === value} onChange={() => setRange(value)} /> {text}
		</label>
	);
	const start = <Button text="Export" type="submit" form={form} class="primary" />;
	const actions = [<Button text="Cancel" onClick={stop} />, !isRunning.value && start];
	return (
		<Dialog title="Export as CSV" testid="export-dialog" close={stop} actions={actions}>
			<form id={form} onSubmit={run}>
				<P text={what} />
				{span === null && (
					<fieldset class="options" disabled={isRunning.value}>
						<legend class="visually-hidden">Times</legend>
						{option(false, "All that are stored")}
						{option(true, `The last ${range.title}, ${sinceText(range, now.value)}`)}
					</fieldset>
				)}
			</form>
			{isRunning.value && (
				<div class="running" role="status">
					<progress aria-label="Progress" value={fraction.value ?? undefined} />
					<P text={total.value > 0 && `${number(total.value)} events …`} testid="export-count" />
				</div>
			)}
			<Problem text={problem.value} />
		</Dialog>
	);
}

function download(name: string, parts: string[]): void {
	const url = URL.createObjectURL(new Blob(parts, { type: "text/csv;charset=utf-8" }));
	Object.assign(document.createElement("a"), { href: url, download: name }).click();
	// The download has begun by then.
	setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
