// The dead letters, with the reason and the users of each. Each can be replayed or discarded, and so can many at once.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { DeadLetter } from "../api/client.ts";
import { count, number } from "../lib/format.ts";
import type { Board } from "../state/board.ts";
import { type DeadLetters, doneText, eventIdOf, isReplayable, isWaiting, keyOf } from "../state/dead_letters.ts";
import { places } from "../state/feedback.ts";
import { type ReplayAll, Settlement } from "../state/letter_tasks.ts";
import type * as state from "../state/letter_users.ts";
import { go, route } from "../state/route.ts";
import { JOBS, reasonOf, title } from "../text/delivery.ts";
import { Dialog } from "./Dialog.tsx";
import { TaskButton, TaskView } from "./TaskView.tsx";
import { UserLink } from "./UserId.tsx";
import { Ago, Button, Card, Loaded, Moment, P, Span } from "./ui.tsx";

const NONE = "None. An event that cannot be delivered to your backend, or stored, is listed here and can be replayed.";
/** Targets that a dead letter shows before it says how many more there are. */
const SHOWN = 3;

export function DeadLettersCard({ board: { deadLetters, mayChange } }: { board: Board }) {
	const [discarded, discard] = useState<DeadLetter[]>([]);
	const { listed, isBusy, more } = deadLetters;
	const { value: all } = deadLetters.letters;
	const { reason } = route.value;
	const shown = all.filter((letter) => reason === null || reasonOf(letter) === reason);
	const card = { title: "Dead letters", testid: "dead-letters", back: "Overview", place: places.deadLetters };
	const replayAll = () => deadLetters.replayAll();
	const canReplay =
		mayChange.value && reason === null && all.some((letter) => isReplayable(letter) && isWaiting(letter));
	const beside = canReplay && <Button text="Replay all" disabled={isBusy.value} onClick={replayAll} />;
	const isMore = (listed.data?.next ?? []).length > 0;
	const toLoad = more.value.problem === "" ? "Load more" : `${more.value.problem} Try again`;
	const draw = () => {
		if (all.length === 0) return <P class="nothing" text={NONE} />;
		return shown.length === 0 && <P class="nothing" text="None has this reason." testid="none-of-reason" />;
	};
	return (
		<Card {...card} cell={listed} beside={beside}>
			{deadLetters.task.value && <Outcome task={deadLetters.task.value} goOn={() => deadLetters.goOn()} />}
			<Loaded cell={listed} draw={draw} />
			{all.length > 0 && (
				<div class="choices">
					<Reasons letters={all} reason={reason} />
					{mayChange.value && shown.length > 0 && <Selection letters={shown} all={deadLetters} discard={discard} />}
				</div>
			)}
			<ul class="dead-letters">
				{shown.map((letter) => (
					<Letter
						key={keyOf(letter)}
						letter={letter}
						all={deadLetters}
						mayChange={mayChange.value}
						discard={() => discard([letter])}
					/>
				))}
			</ul>
			{isMore && (
				<Button
					class="quiet more"
					text={toLoad}
					disabled={more.value.isBusy}
					onClick={() => deadLetters.loadMore()}
					testid="more-dead-letters"
				/>
			)}
			{discarded.length > 0 && <DiscardDialog letters={discarded} all={deadLetters} close={() => discard([])} />}
		</Card>
	);
}

/** How far the last action is, or how it has ended. */
function Outcome({ task, goOn }: { task: Settlement | ReplayAll; goOn: () => void }) {
	const isOver = task.state.value === "done";
	const { left, refused } = task instanceof Settlement ? task : {};
	const [done, rest] = [task.total.value, left?.value.length ?? 0];
	const { count: refusals, reason } = refused?.value ?? { count: 0, reason: "" };
	const sentence = isOver
		? doneText(task)
		: `${doneText(task).replace(/\.$/, "")}${left ? `, ${number(rest)} left` : ""} …`;
	const share = left ? (done + refusals) / Math.max(1, done + refusals + rest) : null;
	return (
		<div class="task" data-testid="letter-task">
			{isOver && <P role="status" text={sentence} />}
			{refusals > 0 && (
				<P class="problem" text={`${count(refusals, "dead letter")} refused: ${reason}`} testid="refused" />
			)}
			<TaskView task={task} text={sentence} fraction={share} />
			<TaskButton task={task} run={goOn} />
		</div>
	);
}

/** A choice of the reasons that there are. */
function Reasons({ letters, reason }: { letters: DeadLetter[]; reason: string | null }) {
	const groups = [...Map.groupBy(letters, reasonOf)];
	const choose = (chosen: string) => go({ reason: chosen || null }, { replace: true });
	const options = groups.map(([name, [first, ...rest]]) => (
		<option key={name} value={name}>
			{first && title(first)} ({number(rest.length + 1)})
		</option>
	));
	// The reason in the URL may be one that no dead letter has any more.
	const isGone = reason !== null && !groups.some(([name]) => name === reason);
	return (
		<label>
			Reason{" "}
			<select value={reason ?? ""} onChange={(event) => choose(event.currentTarget.value)} data-testid="reason-filter">
				<option value="">All ({number(letters.length)})</option>
				{options}
				{isGone && <option value={reason}>{reason} (0)</option>}
			</select>
		</label>
	);
}

interface SelectionProps {
	letters: DeadLetter[];
	all: DeadLetters;
	discard: (letters: DeadLetter[]) => void;
}

/** Selects all that are shown, and does the same with all that are selected. */
function Selection({ letters, all, discard }: SelectionProps) {
	const box = useRef<HTMLInputElement>(null);
	const selected = letters.filter((letter) => all.selected.value.has(keyOf(letter)));
	const replayed = selected.filter((letter) => isReplayable(letter) && isWaiting(letter));
	const isAll = selected.length === letters.length;
	useLayoutEffect(() => {
		if (box.current) box.current.indeterminate = selected.length > 0 && !isAll;
	});
	const act = (text: string, of: DeadLetter[], onClick: () => unknown, className = "quiet") =>
		of.length > 0 && <Button text={text} class={className} disabled={all.isBusy.value} onClick={onClick} />;
	return (
		<>
			<label class="check">
				<input
					ref={box}
					type="checkbox"
					checked={isAll}
					onChange={() => all.select(letters, !isAll)}
					data-testid="select-all"
				/>
				{selected.length === 0 ? "Select all that are shown" : `${number(selected.length)} selected`}
			</label>
			{act(`Replay ${number(replayed.length)}`, replayed, () => all.settle("replay", replayed))}
			{act(`Discard ${number(selected.length)}…`, selected, () => discard(selected), "quiet danger")}
		</>
	);
}

interface LetterProps {
	letter: DeadLetter;
	all: DeadLetters;
	mayChange: boolean;
	discard: () => void;
}

function Letter({ letter, all, mayChange, discard }: LetterProps) {
	const { id, job, targets, received_at: receivedAt, dead_at: deadAt, replayed_at: replayedAt } = letter;
	const facts = [
		targets !== undefined && <Span text={count(targets, "target")} testid="targets" />,
		job !== undefined && (JOBS[job] ?? job),
		deadAt !== null && ["given up ", <Ago at={deadAt} />],
		receivedAt !== undefined && ["received ", <Moment at={receivedAt} />],
	].filter((fact) => fact !== false);
	const act = (text: string, onClick: () => unknown, className = "quiet") => (
		<Button {...{ text, onClick }} class={className} aria-label={`${text} ${id}`} disabled={all.isBusy.value} />
	);
	const select = (isSelected: boolean) => all.select([letter], isSelected);
	const ofReplay = isReplayable(letter) ? (
		act(isWaiting(letter) ? "Replay" : "Replay again", () => all.settle("replay", [letter]))
	) : (
		<Span class="hint" text="Cannot be replayed" />
	);
	return (
		<li data-testid="dead-letter">
			{mayChange && (
				<input
					type="checkbox"
					aria-label={`Select ${id}`}
					checked={all.selected.value.has(keyOf(letter))}
					onChange={(event) => select(event.currentTarget.checked)}
				/>
			)}
			<div class="about">
				<strong>{title(letter)}</strong>
				{replayedAt !== undefined && (
					<P class="under-way" text={["Being replayed since ", <Moment at={replayedAt} />]} testid="replayed-since" />
				)}
				{isReplayable(letter) && <LetterUsers id={id} users={all.users} />}
				<P text={facts.map((fact, at) => [at > 0 && " · ", fact])} />
				<code>{id}</code>
			</div>
			<div class="actions">
				{isReplayable(letter) && (
					<Button text="Record" aria-label={`Record ${id}`} onClick={() => go({ event: eventIdOf(letter) })} />
				)}
				{mayChange && ofReplay}
				{mayChange && act("Discard…", discard, "quiet danger")}
			</div>
		</li>
	);
}

/** Who has a part in the event of a dead letter. They are read when this comes on the screen. */
function LetterUsers({ id, users }: { id: string; users: state.LetterUsers }) {
	const element = useRef<HTMLDivElement>(null);
	useLayoutEffect(() => {
		const observer = new IntersectionObserver((entries) => {
			if (entries.at(-1)?.isIntersecting) users.want(id);
			else users.leave(id);
		});
		if (element.current) observer.observe(element.current);
		return () => {
			observer.disconnect();
			users.leave(id);
		};
	}, [id, users]);
	const known = users.known.value.get(id);
	let text: ComponentChildren = "…";
	if (known === "unreadable") {
		text = "Users are not known: the message cannot be read.";
	} else if (known === "failed") {
		text = ["Users could not be read. ", <Button text="Read again" class="link" onClick={() => users.want(id)} />];
	} else if (known) {
		const { from_account: from, to_accounts: targets } = known;
		text = [
			<UserLink id={from} class="user-link actor" data-testid="actor" />,
			" → ",
			targets.slice(0, SHOWN).map((target) => <UserLink id={target} class="user-link target" data-testid="target" />),
			targets.length > SHOWN && <Span class="rest" text={` +${number(targets.length - SHOWN)} more`} />,
		];
	}
	return <div ref={element} class="users" data-testid="letter-users" children={text} />;
}

function DiscardDialog({ letters, all, close }: { letters: DeadLetter[]; all: DeadLetters; close: () => void }) {
	const isOne = letters.length === 1;
	const discard = () => {
		close();
		void all.settle("discard", letters);
	};
	const actions = [
		<Button text="Cancel" onClick={close} />,
		<Button text="Discard" class="danger solid" onClick={discard} />,
	];
	const what = isOne ? ["It", <code>{letters[0]?.id}</code>] : ["They", ""];
	return (
		<Dialog
			title={isOne ? "Discard this dead letter?" : `Discard ${count(letters.length, "dead letter")}?`}
			testid="discard"
			close={close}
			actions={actions}
		>
			<P text={[what[0], " will not be delivered or stored any more. ", what[1]]} />
		</Dialog>
	);
}
