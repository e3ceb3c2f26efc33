// The board of an app: the overview, a user's view, or the dead letters.

import { count, moment, timeZone } from "../lib/format.ts";
import type { Board } from "../state/board.ts";
import { now } from "../state/clock.ts";
import { places } from "../state/feedback.ts";
import { poller } from "../state/poller.ts";
import { route, view } from "../state/route.ts";
import { AlertsCard } from "./Alerts.tsx";
import { Link } from "./Card.tsx";
import { Button } from "./Controls.tsx";
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
		<main class={`board ${shown}`} ref={places.board} tabIndex={-1}>
			<h1 class="visually-hidden">What the webhook has received</h1>
			<Banner board={board} />
			{shown === "overview" && <AlertsCard board={board} />}
			{hasLog && <Toolbar />}
			{shown === "user" && user !== null && <UserCard key={user} board={board} user={user} />}
			{hasLog && <Tiles board={board} />}
			{hasLog && (
				<div class="columns">
					<StatsCard stats={board.stats} />
					{shown === "overview" && <TopCard leaders={board.top.leaders} />}
				</div>
			)}
			{shown === "dead-letters" && <DeadLettersCard deadLetters={board.deadLetters} />}
			<EventsCard board={board} hidden={shown === "dead-letters"} />
			<Footer board={board} />
			{event !== null && <RecordDialog key={event} board={board} id={event} />}
		</main>
	);
}

function Banner({ board: { failure, updatedAt } }: { board: Board }) {
	const asOf = updatedAt.value > 0 ? ` What is shown is as of ${moment(updatedAt.value, now.value)}.` : "";
	if (failure.value === "") return null;
	return (
		<div class="banner" data-testid="banner">
			<p>{`${failure.value}${asOf} Trying again.`}</p>
			<Button text="Try now" onClick={() => poller.again()} />
		</div>
	);
}

function Footer({ board }: { board: Board }) {
	const { version, settings } = board.status.value;
	const health = settings.length === 0 ? "Settings are valid" : count(settings.length, "invalid setting");
	return (
		<footer>
			Times are in the time zone {timeZone()}. <span data-testid="version">{`Version ${version}. ${health}.`}</span>{" "}
			<Link href="/openapi.json" text="The API" />
		</footer>
	);
}
