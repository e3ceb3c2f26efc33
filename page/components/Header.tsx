// The header: the app, the way to its dead letters, how old what is shown is.

import { ago, number } from "../lib/format.ts";
import type { Board } from "../state/board.ts";
import { now } from "../state/clock.ts";
import { go, href, toDeadLetters, toOverview, view } from "../state/route.ts";
import { leave } from "../state/session.ts";
import { isWrong } from "./Alerts.tsx";
import { Button } from "./Controls.tsx";

export const Header = ({ board }: { board: Board | null }) => (
	<header class="bar">
		<a class="name" href={href(toOverview)}>
			<img src="/dashboard/icon.svg" alt="" width="24" height="24" /> unfollow-webhook
		</a>
		{board && (
			<>
				<AppChoice board={board} />
				<DeadLettersLink board={board} />
				<PollState board={board} />
				<Button text="Refresh" onClick={() => board.readAgain()} />
				<Button text="Sign out" onClick={leave} />
			</>
		)}
	</header>
);

function AppChoice({ board: { app, session } }: { board: Board }) {
	const choose = (chosen: string) => go({ app: Number(chosen), user: null, since: null, until: null, event: null });
	if (session.apps.length < 2) return null;
	return (
		<label class="app">
			App{" "}
			<select value={app} onChange={(event) => choose(event.currentTarget.value)} data-testid="app">
				{session.apps.map((id) => (
					<option key={id}>{id}</option>
				))}
			</select>
		</label>
	);
}

/** There is a way to the dead letters only where there are some. */
function DeadLettersLink({ board: { deadLetters } }: { board: Board }) {
	const count = deadLetters.letters.value?.length ?? 0;
	if (count === 0 && view.value !== "dead-letters") return null;
	return (
		<a class="count-link" href={href(toDeadLetters)} data-testid="dead-letters-link">
			Dead letters <span>{`${number(count)}${deadLetters.listed.data?.hasMore ? "+" : ""}`}</span>
		</a>
	);
}

function PollState({ board }: { board: Board }) {
	const { value: updatedAt } = board.updatedAt;
	const isGood = board.failure.value === "" && !isWrong(board);
	return (
		<p class="poll-state">
			<span class={isGood ? "dot" : "dot amber"} aria-hidden="true" data-testid="light" />
			<span data-testid="updated">{updatedAt > 0 && `Updated ${ago(updatedAt, now.value)}`}</span>
		</p>
	);
}
