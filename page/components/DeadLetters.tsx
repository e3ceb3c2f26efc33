// The dead letters, with the reason and the users of each. Each can be replayed or discarded, and so can many at once.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { type DeadLetter, sentenceOf } from "../api/client.ts";
import { reasonOf, title } from "../lib/delivery.ts";
import { count, number } from "../lib/format.ts";
import { groupBy } from "../lib/group.ts";
import type { Board } from "../state/board.ts";
import { type DeadLetters, doneText, eventIdOf, isReplayable, isWaiting, keyOf } from "../state/dead_letters.ts";
import { places } from "../state/feedback.ts";
import { type ReplayAll, Settlement } from "../state/letter_tasks.ts";
import type * as state from "../state/letter_users.ts";
import { go, route } from "../state/route.ts";
import { t } from "../text/language.ts";
import { Dialog } from "./Dialog.tsx";
import { TaskButton, TaskView } from "./TaskView.tsx";
import { UserLink } from "./UserId.tsx";
import { Ago, Button, Card, Loaded, Moment, MoreButton, P, Span } from "./ui.tsx";

/** Targets that a dead letter shows before it says how many more there are. */
const SHOWN = 3;

export function DeadLettersCard({ board }: { board: Board }) {
	const { deadLetters, mayChange, mayReplay } = board;
	const [discarded, discard] = useState<DeadLetter[]>([]);
	const { listed, isBusy, more } = deadLetters;
	const { value: all } = deadLetters.letters;
	const { reason } = route.value;
	const shown = all.filter((letter) => reason === null || reasonOf(letter) === reason);
	const { deadLetters: text } = t();
	const card = { title: text.title, testid: "dead-letters", back: text.back, place: places.deadLetters };
	const replayAll = () => deadLetters.replayAll();
	const canReplay =
		mayReplay.value && reason === null && all.some((letter) => isReplayable(letter) && isWaiting(letter));
	const beside = canReplay && <Button text={text.replayAll} disabled={isBusy.value} onClick={replayAll} />;
	const isMore = (listed.data?.next ?? []).length > 0;
	const draw = () => {
		if (all.length === 0) return <P class="nothing" text={text.none} />;
		return shown.length === 0 && <P class="nothing" text={text.noneOfReason} testid="none-of-reason" />;
	};
	return (
		<Card {...card} cell={listed} beside={beside}>
			{deadLetters.task.value && <Outcome task={deadLetters.task.value} goOn={() => deadLetters.goOn()} />}
			<Loaded cell={listed} draw={draw} />
			{all.length > 0 && (
				<div class="choices">
					<Reasons letters={all} reason={reason} />
					{mayChange.value && shown.length > 0 && <Selection letters={shown} {...{ board, discard }} />}
				</div>
			)}
			<ul class="dead-letters">
				{shown.map((letter) => (
					<Letter key={keyOf(letter)} {...{ letter, board, discard }} />
				))}
			</ul>
			{isMore && <MoreButton more={more.value} load={() => deadLetters.loadMore()} testid="more-dead-letters" />}
			{discarded.length > 0 && <DiscardDialog letters={discarded} all={deadLetters} close={() => discard([])} />}
		</Card>
	);
}

/** How far the last action is, or how it has ended. */
function Outcome({ task, goOn }: { task: Settlement | ReplayAll; goOn: () => void }) {
	const isOver = task.state.value === "done";
	const { left, refused } = task instanceof Settlement ? task : {};
	const [done, rest] = [task.total.value, left?.value.length ?? 0];
	const { count: refusals, problem } = refused?.value ?? { count: 0 };
	const { deadLetters: text } = t();
	const sentence = isOver ? text.done(doneText(task)) : text.underWay(doneText(task), left ? number(rest) : null);
	const why = problem?.status === 404 ? text.gone : sentenceOf(problem);
	const share = left ? (done + refusals) / Math.max(1, done + refusals + rest) : null;
	return (
		<div class="task" data-testid="letter-task">
			{isOver && <P role="status" text={sentence} />}
			{refusals > 0 && <P class="problem" text={text.refused(count(refusals, "deadLetter"), why)} testid="refused" />}
			<TaskView task={task} text={sentence} fraction={share} />
			<TaskButton task={task} run={goOn} />
		</div>
	);
}

/** A choice of the reasons that there are. */
function Reasons({ letters, reason }: { letters: DeadLetter[]; reason: string | null }) {
	const { deadLetters: text } = t();
	const groups = [...groupBy(letters, reasonOf)];
	const choose = (chosen: string) => go({ reason: chosen || null }, { replace: true });
	const options = groups.map(([name, [first, ...rest]]) => (
		<option key={name} value={name}>
			{first && text.ofReason(title(first), number(rest.length + 1))}
		</option>
	));
	// The reason in the URL may be one that no dead letter has any more.
	const isGone = reason !== null && !groups.some(([name]) => name === reason);
	return (
		<label>
			{`${text.reason} `}
			<select value={reason ?? ""} onChange={(event) => choose(event.currentTarget.value)} data-testid="reason-filter">
				<option value="">{text.all(number(letters.length))}</option>
				{options}
				{isGone && <option value={reason}>{text.ofReason(reason, number(0))}</option>}
			</select>
		</label>
	);
}

type Discard = (letters: DeadLetter[]) => void;

/** Selects all that are shown, and does the same with all that are selected. */
function Selection({ letters, board, discard }: { letters: DeadLetter[]; board: Board; discard: Discard }) {
	const { deadLetters: all, mayReplay } = board;
	const selected = letters.filter((letter) => all.selected.value.has(keyOf(letter)));
	const replayed = selected.filter((letter) => mayReplay.value && isReplayable(letter) && isWaiting(letter));
	const isAll = selected.length === letters.length;
	const { deadLetters: texts } = t();
	const act = (text: string, of: DeadLetter[], onClick: () => unknown, className = "quiet") =>
		of.length > 0 && <Button text={text} class={className} disabled={all.isBusy.value} onClick={onClick} />;
	return (
		<>
			<label>
				<input
					type="checkbox"
					checked={isAll}
					indeterminate={selected.length > 0 && !isAll}
					onChange={() => all.select(letters, !isAll)}
					data-testid="select-all"
				/>
				{selected.length === 0 ? texts.selectAll : texts.selected(number(selected.length))}
			</label>
			{act(texts.replayMany(number(replayed.length)), replayed, () => all.settle("replay", replayed))}
			{act(texts.discardMany(number(selected.length)), selected, () => discard(selected), "quiet danger")}
		</>
	);
}

function Letter({ letter, board, discard }: { letter: DeadLetter; board: Board; discard: Discard }) {
	const { deadLetters: all, mayChange, mayReplay } = board;
	const { id, job, targets, received_at: receivedAt, dead_at: deadAt, replayed_at: replayedAt } = letter;
	const { actions, deadLetters: texts, deliveries } = t();
	const facts = [
		targets !== undefined && <Span text={count(targets, "target")} testid="targets" />,
		job !== undefined && (deliveries.jobs[job] ?? job),
		deadAt !== null && texts.givenUp(<Ago at={deadAt} />),
		receivedAt !== undefined && texts.received(<Moment at={receivedAt} />),
	].filter((fact) => fact !== false);
	const act = (text: string, onClick: () => unknown, className = "quiet") => (
		<Button
			class={className}
			aria-label={texts.actionOn(text, id)}
			disabled={all.isBusy.value}
			{...{ text, onClick }}
		/>
	);
	const ofReplay =
		mayReplay.value && isReplayable(letter) ? (
			act(isWaiting(letter) ? actions.replay : texts.replayAgain, () => all.settle("replay", [letter]))
		) : (
			<Span class="hint" text={texts.cannotReplay} />
		);
	return (
		<li data-testid="dead-letter">
			{mayChange.value && (
				<input
					type="checkbox"
					aria-label={texts.select(id)}
					checked={all.selected.value.has(keyOf(letter))}
					onChange={(event) => all.select([letter], event.currentTarget.checked)}
				/>
			)}
			<div class="about">
				<strong>{title(letter)}</strong>
				{replayedAt !== undefined && (
					<P class="under-way" text={texts.replayedSince(<Moment at={replayedAt} />)} testid="replayed-since" />
				)}
				{isReplayable(letter) && <LetterUsers id={id} users={all.users} />}
				<P text={facts.map((fact, at) => [at > 0 && " · ", fact])} />
				<code>{id}</code>
			</div>
			<div class="actions">
				{isReplayable(letter) && (
					<Button
						text={texts.record}
						aria-label={texts.actionOn(texts.record, id)}
						onClick={() => go({ event: eventIdOf(letter) })}
					/>
				)}
				{mayChange.value && ofReplay}
				{mayChange.value && act(texts.toDiscard, () => discard([letter]), "quiet danger")}
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
	const { deadLetters: texts, more } = t();
	const known = users.known.value.get(id);
	let text: ComponentChildren = "…";
	if (known === "unreadable") {
		text = texts.usersUnknown;
	} else if (known === "failed") {
		text = [texts.usersFailed, <Button text={texts.readAgain} class="link" onClick={() => users.want(id)} />];
	} else if (known) {
		const { from_account: from, to_accounts: targets } = known;
		text = [
			<UserLink id={from} class="user-link actor" data-testid="actor" />,
			" → ",
			targets.slice(0, SHOWN).map((target) => <UserLink id={target} class="user-link target" data-testid="target" />),
			targets.length > SHOWN && <Span class="rest" text={` ${more(number(targets.length - SHOWN))}`} />,
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
	const { actions: buttons, deadLetters: text } = t();
	const question = isOne ? text.askOne : text.askMany(count(letters.length, "deadLetter"));
	const actions = [
		<Button text={buttons.cancel} onClick={close} />,
		<Button text={buttons.discard} class="danger solid" onClick={discard} />,
	];
	return (
		<Dialog title={question} testid="discard" close={close} actions={actions}>
			<P text={isOne ? text.effectOne(<code>{letters[0]?.id}</code>) : text.effectMany} />
		</Dialog>
	);
}
