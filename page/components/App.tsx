// The whole page: the header, and the board or what stands in its place.

import { announcement } from "../state/announcement.ts";
import { board } from "../state/board.ts";
import { view } from "../state/route.ts";
import { stage } from "../state/session.ts";
import { BoardView } from "./BoardView.tsx";
import { Header } from "./Header.tsx";
import { Insecure, Login, Opening, Stuck } from "./Stages.tsx";

export function App() {
	const { text, number } = announcement.value;
	return (
		<>
			{shownBoard() && view.value !== "dead-letters" && (
				<a class="skip" href="#events">
					Skip to the events
				</a>
			)}
			<Header board={shownBoard()} />
			<p class="visually-hidden" role="status" aria-live="polite" data-testid="announcement">
				<span key={number}>{text}</span>
			</p>
			<Main />
		</>
	);
}

const shownBoard = () => (stage.value.name === "board" ? board.value : null);

function Main() {
	const { value: shown } = stage;
	switch (shown.name) {
		case "opening":
			return <Opening />;
		case "insecure":
			return <Insecure />;
		case "login":
			return <Login stage={shown} />;
		case "stuck":
			return <Stuck problem={shown.problem} />;
		case "board": {
			const { value: it } = board;
			// Another app has other elements: a dialog or a selection is of the one before.
			return it && <BoardView key={it.app} board={it} />;
		}
	}
}
