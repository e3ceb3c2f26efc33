// The board of an app: the overview, a user's view, or the dead letters.

import { moment, timeZone } from "../lib/format.ts";
import type { Board } from "../state/board.ts";
import { now } from "../state/clock.ts";
import { boardRef } from "../state/focus.ts";
import { route, view } from "../state/route.ts";
import { AlertsCard } from "./Alerts.tsx";
import { DeadLettersCard } from "./DeadLetters.tsx";
import { EventsCard } from "./Events.tsx";
import { RecordDialog } from "./RecordDialog.tsx";
import { StatsCard, Tiles } from "./Stats.tsx";
import { Toolbar } from "./Toolbar.tsx";
import { TopCard } from "./Top.tsx";
import { UserCard } from "./UserCard.tsx";

export function BoardView({ board }: { board: Board }) {
	const { value: shown } = view;
	const { event, user } = route.value;
	const hasLog = board.hasLog.value && shown !== "dead-letters";
	return (
		<main class={`board ${shown}`} ref={boardRef} tabIndex={-1}>
			<h1 class="visually-hidden">What the webhook has received</h1>
			<Banner board={board} />
			{shown === "overview" && <AlertsCard board={board} />}
			{hasLog && <Toolbar />}
			{shown === "user" && user !== null && <UserCard key={user} board={board} user={user} />}
			{hasLog && (
				<>
					<Tiles board={board} />
					<div class="columns">
						<StatsCard stats={board.stats} />
						{shown === "overview" && <TopCard top={board.top} />}
					</div>
				</>
			)}
			{shown === "dead-letters" && <DeadLettersCard board={board} />}
			<EventsCard board={board} hidden={shown === "dead-letters"} />
			<Footer board={board} />
			{event !== null && <RecordDialog key={event} board={board} id={event} />}
		</main>
	);
}

function Banner({ board }: { board: Board }) {
	const { value: failure } = board.failure;
	const { value: updatedAt } = board.updatedAt;
	if (failure === "") return null;
	return (
		<p class="banner" data-testid="banner">
			<span>
				{failure} {updatedAt > 0 && `What is shown is as of ${moment(updatedAt, now.value)}. `}Trying again.
			</span>
			<button type="button" class="quiet" onClick={() => board.pollNow()}>
				Try now
			</button>
		</p>
	);
}

function Footer({ board }: { board: Board }) {
	const { version, settings } = board.status.value;
	const invalid = settings.length === 1 ? "1 invalid setting" : `${settings.length} invalid settings`;
	return (
		<footer>
			Times are in the time zone {timeZone()}.{" "}
			<span data-testid="version">
				Version {version}. {settings.length === 0 ? "Settings are valid" : invalid}.
			</span>{" "}
			<a href="/openapi.json">The API</a>
		</footer>
	);
}
