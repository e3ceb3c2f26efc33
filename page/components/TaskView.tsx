// Long work as it is shown: how far it is, why it waits or has stopped, and the button that stops it or goes on with it.

import type { ComponentChildren } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { due } from "../lib/format.ts";
import { now } from "../state/clock.ts";
import type { Task } from "../state/task.ts";
import { t } from "../text/language.ts";
import { Button, P, Problem } from "./ui.tsx";

/** What is done so far, in words; and as a share, from 0 to 1, where that is known. */
interface Props {
	task: Task;
	text: ComponentChildren;
	fraction?: number | null;
	testid?: string;
}

export function TaskView({ task, text, fraction, testid }: Props) {
	const { state, problem, retryAt } = task;
	const isOver = state.value === "done";
	const why = retryAt.value > 0 ? t().problems.retry(problem.value, due(retryAt.value, now.value)) : problem.value;
	return (
		<div class="running">
			{task.isRunning.value && <progress aria-label={t().progress} value={fraction ?? undefined} />}
			<P role="status" text={!isOver && text} testid={testid} />
			<Problem text={why} testid="task-problem" />
		</div>
	);
}

/** The button that stops work which is under way, or goes on with it. None where there is nothing to stop or to go on with. */
export function TaskButton({ task, run }: { task: Task; run: () => unknown }) {
	const { value: state } = task.state;
	if (state === "running") return <Button text={t().actions.stop} onClick={() => task.stop()} />;
	return state === "stopped" && <Button text={t().actions.goOn} class="primary" onClick={run} />;
}

/** Stops work when the dialog that shows it goes. */
export function useStop(task: Task | null): void {
	useLayoutEffect(() => () => task?.stop(), [task]);
}
