// The whole page: the header, and the board of an app or what stands in its place.

import { useLayoutEffect } from "preact/hooks";
import { ago, count, moment, number, timeZone } from "../lib/format.ts";
import { type Board, board } from "../state/board.ts";
import { now } from "../state/clock.ts";
import { announcement, places } from "../state/feedback.ts";
import { choose } from "../state/language.ts";
import { poller } from "../state/poller.ts";
import { go, href, route, toDeadLetters, toOverview, view } from "../state/route.ts";
import { leave, stage } from "../state/session.ts";
import { LANGUAGES, type Language, shown as language, t } from "../text/language.ts";
import { AlertsCard } from "./Alerts.tsx";
import { DeadLettersCard } from "./DeadLetters.tsx";
import { EventsCard } from "./Events.tsx";
import { RecordDialog } from "./RecordDialog.tsx";
import { Insecure, Login, Opening, Stuck } from "./Stages.tsx";
import { StatsCard, Tiles } from "./Stats.tsx";
import { TestMessages } from "./TestMessages.tsx";
import { Toolbar } from "./Toolbar.tsx";
import { TopCard } from "./Top.tsx";
import { UserCard } from "./UserCard.tsx";
import { Button, Link, P, Span } from "./ui.tsx";

export function App() {
	const { value: shown } = stage;
	const { text, number } = announcement.value;
	const entered = shown.name === "board" ? board.value : null;
	return (
		<>
			{entered && view.value !== "dead-letters" && <Link class="skip" href="#events" text={t().header.skip} />}
			<header class="bar">
				<Link class="name" href={href(toOverview)} text={[<Icon />, "unfollow-webhook"]} />
				{entered && <Controls board={entered} />}
				<LanguageChoice />
			</header>
			<P class="visually-hidden" role="status" text={<span key={number}>{text}</span>} testid="announcement" />
			{shown.name === "opening" && <Opening />}
			{shown.name === "insecure" && <Insecure />}
			{shown.name === "login" && <Login stage={shown} />}
			{shown.name === "stuck" && <Stuck {...shown} />}
			{/* Another app has other elements: a dialog or a selection is of the one before. */}
			{entered && <BoardView key={entered.app} board={entered} />}
		</>
	);
}

const Icon = () => <img src="/dashboard/icon.svg" alt="" width="24" height="24" />;

/** Each language has its own name, so that whoever cannot read the page finds theirs. */
const LanguageChoice = () => (
	<select
		class="language"
		aria-label={t().language}
		value={language.value.language}
		onChange={(event) => choose(event.currentTarget.value as Language)}
		data-testid="language"
	>
		{LANGUAGES.map(([language, name]) => (
			<option key={language} value={language} lang={language}>
				{name}
			</option>
		))}
	</select>
);

/** Which app is shown, the way to its dead letters where there are some, and how old what is shown is. */
function Controls({ board }: { board: Board }) {
	const { app, session, deadLetters, failure, updatedAt, mayChange } = board;
	const choose = (chosen: string) => go({ app: Number(chosen), user: null, since: null, until: null, event: null });
	const options = [
		...session.apps.map((id) => <option key={id}>{id}</option>),
		...session.removed.map((id) => <option key={id} value={id} children={t().header.removed(id)} />),
	];
	const letters = deadLetters.waiting.value;
	const more = (deadLetters.listed.data?.next ?? []).length > 0 ? "+" : "";
	const hasLetters = deadLetters.letters.value.length > 0 || view.value === "dead-letters";
	const toLetters = [`${t().deadLetters.title} `, <span>{`${number(letters)}${more}`}</span>];
	const isWrong = failure.value !== "" || board.alerts.isWrong.value;
	const updated = updatedAt.value > 0 && t().header.updated(ago(updatedAt.value, now.value));
	return (
		<>
			{options.length > 1 && (
				<label class="app">
					{`${t().header.app} `}
					<select
						value={app}
						onChange={(event) => choose(event.currentTarget.value)}
						data-testid="app"
						children={options}
					/>
				</label>
			)}
			{!mayChange.value && <Span class="hint" text={t().header.readOnly} testid="role" />}
			{hasLetters && <Link class="count-link" href={href(toDeadLetters)} text={toLetters} testid="dead-letters-link" />}
			<p class="poll-state">
				<span class={isWrong ? "dot amber" : "dot"} aria-hidden="true" data-testid="light" />
				<Span text={updated} testid="updated" />
			</p>
			<Button text={t().actions.refresh} onClick={board.readAgain} />
			<Button text={t().actions.signOut} onClick={leave} />
		</>
	);
}

function BoardView({ board }: { board: Board }) {
	const { value: shown } = view;
	const { event, user } = route.value;
	const hasLog = board.hasLog.value && shown !== "dead-letters";
	// What is under way is the operator's who began it, and on this app.
	useLayoutEffect(() => () => board.deadLetters.task.peek()?.stop(), [board]);
	return (
		<main class={`board ${shown}`} ref={places.board} tabIndex={-1}>
			<h1 class="visually-hidden">{t().board}</h1>
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
			{shown === "dead-letters" && <DeadLettersCard board={board} />}
			<EventsCard board={board} hidden={shown === "dead-letters"} />
			<Footer board={board} />
			{event !== null && <RecordDialog key={event} board={board} id={event} />}
		</main>
	);
}

function Banner({ board: { failure, updatedAt } }: { board: Board }) {
	const asOf = updatedAt.value > 0 ? moment(updatedAt.value, now.value) : "";
	if (failure.value === "") return null;
	return (
		<div class="banner" data-testid="banner">
			<P text={t().problems.poll(failure.value, asOf)} />
			<Button text={t().actions.tryNow} onClick={() => poller.again()} />
		</div>
	);
}

function Footer({ board }: { board: Board }) {
	const { version, settings } = board.status.value;
	const { times, footer } = t();
	const invalid = settings.length === 0 ? null : count(settings.length, "invalidSetting");
	return (
		<footer>
			{times.zone(timeZone())}
			<Span text={footer.version(version, invalid)} testid="version" /> <Link href="/openapi.json" text={footer.api} />
			<TestMessages board={board} />
		</footer>
	);
}
