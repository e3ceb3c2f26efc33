// The whole page: the header, and the board or what stands in its place.

import { board } from "../state/board.ts";
import { announcement } from "../state/feedback.ts";
import { view } from "../state/route.ts";
import { stage } from "../state/session.ts";
import { BoardView } from "./BoardView.tsx";
import { Link } from "./Card.tsx";
import { Header } from "./Header.tsx";
import { Insecure, Login, Opening, Stuck } from "./Stages.tsx";

export function App() {
	const { value: shown } = stage;
	const { text, number } = announcement.value;
	const entered = shown.name === "board" ? board.value : null;
	return (
		<>
			{entered && view.value !== "dead-letters" && <Link class="skip" href="#events" text="Skip to the events" />}
			<Header board={entered} />
			<p class="visually-hidden" role="status" aria-live="polite" data-testid="announcement">
				<span key={number}>{text}</span>
			</p>
			{shown.name === "opening" && <Opening />}
			{shown.name === "insecure" && <Insecure />}
			{shown.name === "login" && <Login stage={shown} />}
			{shown.name === "stuck" && <Stuck problem={shown.problem} />}
			{/* Another app has other elements: a dialog or a selection is of the one before. */}
			{entered && <BoardView key={entered.app} board={entered} />}
		</>
	);
}
