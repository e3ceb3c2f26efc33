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
import { Dialog } from "./Dialog.tsx";
import { Button, P, Problem } from "./ui.tsx";

export function ExportDialog({ board, close }: { board: Board; close: () => void }) {
	const [task] = useState(() => new Export());
	const [isRange, setRange] = useState(false);
	const form = useId();
	const { kind, user, range } = route.value;
	const span = spanOf(route.value);
	const { isRunning, total, fraction, problem } = task;
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
						{option(true, `The last ${RANGES[range].title}`)}
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
