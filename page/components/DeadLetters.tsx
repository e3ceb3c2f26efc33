// The dead letters, with the reason of each. Each can be replayed or discarded.

import { useState } from "preact/hooks";
import type { DeadLetter } from "../api/client.ts";
import { count } from "../lib/format.ts";
import type { Board } from "../state/board.ts";
import { type DeadLetters, eventIdOf, isReplayable, keyOf } from "../state/dead_letters.ts";
import { deadLettersRef } from "../state/focus.ts";
import { go, href, toOverview } from "../state/route.ts";
import { JOBS, title } from "../text/delivery.ts";
import { Loaded } from "./Card.tsx";
import { Dialog } from "./Dialog.tsx";
import { Ago, Moment } from "./Time.tsx";

export function DeadLettersCard({ board: { deadLetters } }: { board: Board }) {
	const [discarded, setDiscarded] = useState<DeadLetter | null>(null);
	const letters = deadLetters.letters.value ?? [];
	const { text, isProblem } = deadLetters.outcome.value;
	const replayAll = () => deadLetters.replayAll((total) => `${count(total, "dead letter")} back on the queue.`);
	return (
		<section
			class="card"
			ref={deadLettersRef}
			tabIndex={-1}
			aria-labelledby="dead-letters-title"
			aria-busy={deadLetters.letters.value === null}
			data-testid="dead-letters"
		>
			<a class="back" href={href(toOverview)}>
				Overview
			</a>
			<div class="head">
				<h2 id="dead-letters-title">Dead letters</h2>
				{letters.some(isReplayable) && (
					<button type="button" class="quiet" disabled={deadLetters.isBusy.value} onClick={replayAll}>
						Replay all
					</button>
				)}
			</div>
			<p class={isProblem ? "problem" : undefined} role="alert">
				{text}
			</p>
			<Loaded cell={deadLetters.listed}>
				{({ hasMore }) => (
					<>
						{letters.length === 0 && (
							<p class="nothing">
								None. An event that cannot be delivered to your backend, or stored, is listed here and can be replayed.
							</p>
						)}
						<ul class="dead-letters">
							{letters.map((letter) => (
								<Letter key={keyOf(letter)} letter={letter} all={deadLetters} discard={() => setDiscarded(letter)} />
							))}
						</ul>
						{hasMore && <p class="hint">These are the first hundred; there are more.</p>}
					</>
				)}
			</Loaded>
			{discarded && <DiscardDialog letter={discarded} all={deadLetters} close={() => setDiscarded(null)} />}
		</section>
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
	const act = (text: string, action: () => unknown, className = "quiet") => (
		<button
			type="button"
			class={className}
			aria-label={`${text} ${id}`}
			disabled={all.isBusy.value}
			onClick={() => void action()}
		>
			{text}
		</button>
	);
	return (
		<li data-testid="dead-letter">
			<div class="about">
				<strong>{title(letter)}</strong>
				<p>{facts.map((fact, at) => [at > 0 && " · ", fact])}</p>
				<code>{id}</code>
			</div>
			<div class="actions">
				{isReplayable(letter) ? (
					<>
						{act("Record", () => go({ event: eventIdOf(letter) }))}
						{act("Replay", () => all.replay(letter))}
					</>
				) : (
					<span class="hint">Cannot be replayed</span>
				)}
				{act("Discard…", discard, "quiet danger")}
			</div>
		</li>
	);
}

function DiscardDialog({ letter, all, close }: { letter: DeadLetter; all: DeadLetters; close: () => void }) {
	const discard = () => {
		close();
		void all.discard(letter);
	};
	return (
		<Dialog title="Discard this dead letter?" testid="discard" close={close}>
			<p>
				It will not be delivered or stored any more. <code>{letter.id}</code>
			</p>
			<div class="actions">
				<button type="button" class="quiet" onClick={close}>
					Cancel
				</button>
				<button type="button" class="danger solid" onClick={discard}>
					Discard
				</button>
			</div>
		</Dialog>
	);
}
