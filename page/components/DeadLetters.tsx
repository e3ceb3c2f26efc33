// The dead letters, with the reason of each. Each can be replayed or discarded.

import { useState } from "preact/hooks";
import type { DeadLetter } from "../api/client.ts";
import { count } from "../lib/format.ts";
import { type DeadLetters, eventIdOf, isReplayable, keyOf } from "../state/dead_letters.ts";
import { places } from "../state/feedback.ts";
import { go } from "../state/route.ts";
import { JOBS, title } from "../text/delivery.ts";
import { Card, Hint, Loaded } from "./Card.tsx";
import { Button } from "./Controls.tsx";
import { Dialog } from "./Dialog.tsx";
import { Ago, Moment } from "./Time.tsx";

const NONE = "None. An event that cannot be delivered to your backend, or stored, is listed here and can be replayed.";

export function DeadLettersCard({ deadLetters }: { deadLetters: DeadLetters }) {
	const [discarded, setDiscarded] = useState<DeadLetter | null>(null);
	const letters = deadLetters.letters.value ?? [];
	const { replayed, problem } = deadLetters.outcome.value;
	const replayAll = letters.some(isReplayable) && (
		<Button text="Replay all" disabled={deadLetters.isBusy.value} onClick={() => deadLetters.replayAll()} />
	);
	const close = () => setDiscarded(null);
	const discard = (letter: DeadLetter) => {
		close();
		void deadLetters.discard(letter);
	};
	const { listed } = deadLetters;
	return (
		<Card
			title="Dead letters"
			testid="dead-letters"
			cell={listed}
			back="Overview"
			beside={replayAll}
			place={places.deadLetters}
		>
			<p class={problem && "problem"} role="alert">
				{problem ?? (replayed !== undefined && `${count(replayed, "dead letter")} back on the queue.`)}
			</p>
			<Loaded cell={listed}>{() => letters.length === 0 && <p class="nothing">{NONE}</p>}</Loaded>
			<ul class="dead-letters">
				{letters.map((letter) => (
					<Letter key={keyOf(letter)} letter={letter} all={deadLetters} discard={() => setDiscarded(letter)} />
				))}
			</ul>
			{listed.data?.hasMore && <Hint text="These are the first hundred; there are more." />}
			{discarded && <DiscardDialog letter={discarded} discard={() => discard(discarded)} close={close} />}
		</Card>
	);
}

function Letter({ letter, all, discard }: { letter: DeadLetter; all: DeadLetters; discard: () => void }) {
	const { id, job, targets, received_at: receivedAt, dead_at: deadAt } = letter;
	const facts = [
		targets !== undefined && <span data-testid="targets">{count(targets, "target")}</span>,
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
				<p>{facts.map((fact, at) => [at > 0 && " · ", fact])}</p>
				<code>{id}</code>
			</div>
			<div class="actions">
				{isReplayable(letter) && act("Record", () => go({ event: eventIdOf(letter) }))}
				{isReplayable(letter) ? act("Replay", () => all.replay(letter)) : <Hint text="Cannot be replayed" />}
				{act("Discard…", discard, "quiet danger")}
			</div>
		</li>
	);
}

function DiscardDialog({ letter, discard, close }: { letter: DeadLetter; discard: () => void; close: () => void }) {
	const actions = (
		<>
			<Button text="Cancel" onClick={close} />
			<Button text="Discard" class="danger solid" onClick={discard} />
		</>
	);
	return (
		<Dialog title="Discard this dead letter?" testid="discard" close={close} actions={actions}>
			<p>
				It will not be delivered or stored any more. <code>{letter.id}</code>
			</p>
		</Dialog>
	);
}
