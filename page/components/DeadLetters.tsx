// The dead letters, with the reason of each. Each can be replayed or discarded.

import { useState } from "preact/hooks";
import type { DeadLetter } from "../api/client.ts";
import { count } from "../lib/format.ts";
import { type DeadLetters, eventIdOf, isReplayable, keyOf } from "../state/dead_letters.ts";
import { places } from "../state/feedback.ts";
import { go } from "../state/route.ts";
import { JOBS, title } from "../text/delivery.ts";
import { Dialog } from "./Dialog.tsx";
import { Ago, Button, Card, Loaded, Moment, P, Span } from "./ui.tsx";

const NONE = "None. An event that cannot be delivered to your backend, or stored, is listed here and can be replayed.";

/** @param props.mayChange whether they can be replayed and discarded: not with a `VIEWER_TOKEN` */
export function DeadLettersCard({ deadLetters, mayChange }: { deadLetters: DeadLetters; mayChange: boolean }) {
	const [discarded, discard] = useState<DeadLetter | null>(null);
	const { listed, isBusy } = deadLetters;
	const { value: letters } = deadLetters.letters;
	const { replayed, problem } = deadLetters.outcome.value;
	const card = { title: "Dead letters", testid: "dead-letters", back: "Overview", place: places.deadLetters };
	const replayAll = () => deadLetters.replayAll();
	const canReplay = mayChange && letters.some(isReplayable);
	const beside = canReplay && <Button text="Replay all" disabled={isBusy.value} onClick={replayAll} />;
	const outcome = problem ?? (replayed !== undefined && `${count(replayed, "dead letter")} back on the queue.`);
	return (
		<Card {...card} cell={listed} beside={beside}>
			<P class={problem && "problem"} role="alert" text={outcome} />
			<Loaded cell={listed} draw={() => letters.length === 0 && <P class="nothing" text={NONE} />} />
			<ul class="dead-letters">
				{letters.map((letter) => (
					<Letter key={keyOf(letter)} {...{ letter, mayChange }} all={deadLetters} discard={() => discard(letter)} />
				))}
			</ul>
			{listed.data?.hasMore && <P class="hint" text="These are the first hundred; there are more." />}
			{discarded && <DiscardDialog letter={discarded} all={deadLetters} close={() => discard(null)} />}
		</Card>
	);
}

interface Props {
	letter: DeadLetter;
	all: DeadLetters;
}

function Letter({ letter, all, mayChange, discard }: Props & { mayChange: boolean; discard: () => void }) {
	const { id, job, targets, received_at: receivedAt, dead_at: deadAt } = letter;
	const facts = [
		targets !== undefined && <Span text={count(targets, "target")} testid="targets" />,
		job !== undefined && (JOBS[job] ?? job),
		deadAt !== null && ["given up ", <Ago at={deadAt} />],
		receivedAt !== undefined && ["received ", <Moment at={receivedAt} />],
	].filter((fact) => fact !== false);
	const act = (text: string, onClick: () => unknown, className = "quiet") => (
		<Button {...{ text, onClick }} class={className} aria-label={`${text} ${id}`} disabled={all.isBusy.value} />
	);
	return (
		<li data-testid="dead-letter">
			<div class="about">
				<strong>{title(letter)}</strong>
				<P text={facts.map((fact, at) => [at > 0 && " · ", fact])} />
				<code>{id}</code>
			</div>
			<div class="actions">
				{isReplayable(letter) && act("Record", () => go({ event: eventIdOf(letter) }))}
				{mayChange && isReplayable(letter) && act("Replay", () => all.replay(letter))}
				{!isReplayable(letter) && <Span class="hint" text="Cannot be replayed" />}
				{mayChange && act("Discard…", discard, "quiet danger")}
			</div>
		</li>
	);
}

function DiscardDialog({ letter, all, close }: Props & { close: () => void }) {
	const discard = () => {
		close();
		void all.discard(letter);
	};
	const actions = [
		<Button text="Cancel" onClick={close} />,
		<Button text="Discard" class="danger solid" onClick={discard} />,
	];
	return (
		<Dialog title="Discard this dead letter?" testid="discard" close={close} actions={actions}>
			<P text={["It will not be delivered or stored any more. ", <code>{letter.id}</code>]} />
		</Dialog>
	);
}
