// Who lost or gained most followers.

import { signal } from "@preact/signals";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Ranking, TopUser } from "../api/client.ts";
import { number, signed } from "../lib/format.ts";
import { sinceText, spanOf, spanText } from "../lib/range.ts";
import { type Before, before, type RankingBefore, rankedBy } from "../lib/ranking.ts";
import type { Board } from "../state/board.ts";
import { now } from "../state/clock.ts";
import { go, route } from "../state/route.ts";
import { t } from "../text/language.ts";
import { UserLink } from "./UserId.tsx";
import { Button, Card, Choice, Loaded, P, Span } from "./ui.tsx";

/** Whether the window is as narrow as a phone's: the same width as in the style sheet. */
const phone = matchMedia("(max-width: 640px)");
const isNarrow = signal(phone.matches);
phone.addEventListener("change", ({ matches }) => {
	isNarrow.value = matches;
});

/** On a phone, the ranking is closed at first: the events are below it. */
export function TopCard({ leaders }: Pick<Board["top"], "leaders">) {
	const [isOpened, setOpened] = useState(false);
	const { data } = leaders;
	const { by } = route.value;
	const { actions, top } = t();
	const choose = (chosen: Ranking) => go({ by: chosen }, { replace: true });
	const span = spanOf(route.value);
	const since = data && (span ? spanText(span, now.value) : sinceText(data.range, now.value));
	const isShown = isOpened || !isNarrow.value;
	const toggle = isNarrow.value && (
		<Button
			text={isOpened ? actions.hide : actions.show}
			aria-label={isOpened ? top.hide : top.show}
			aria-expanded={isOpened}
			onClick={() => setOpened(!isOpened)}
			testid="top-toggle"
		/>
	);
	const beside = [<P class="hint" text={since} />, toggle];
	return (
		<Card title={top.title} testid="top" class="card ranking" cell={leaders} beside={beside}>
			{isShown && <Choice legend={top.rankedBy} options={top.by} value={by} choose={choose} testid="ranking" />}
			{isShown && <Loaded cell={leaders} tall draw={(drawn) => <Leaders {...drawn} by={by} />} />}
		</Card>
	);
}

function Leaders({ users, before: ranking, by }: { users: TopUser[]; before: RankingBefore; by: Ranking }) {
	const list = useRef<HTMLOListElement>(null);
	// A row that moves to another rank would lose the focus.
	const focused = document.activeElement;
	useLayoutEffect(() => {
		if (focused instanceof HTMLElement && list.current?.contains(focused)) focused.focus({ preventScroll: true });
	});
	const value = (it: TopUser) => rankedBy(by, it);
	const text = by === "net" ? signed : number;
	// Nobody lost most where nobody lost any.
	const ranked = users.filter((it) => value(it) !== 0);
	if (ranked.length === 0) return <P class="nothing" text={t().top.nobody} />;
	const most = Math.max(...ranked.map((it) => Math.abs(value(it))));
	const row = (it: TopUser) => {
		const old = before(ranking, by, it.user, value(it));
		const counts = t().top.counts(number(it.unfollows), number(it.follows), signed(it.net));
		return (
			<li key={it.user} class={value(it) < 0 || by === "lost" ? "lost" : undefined} data-testid="top-row">
				<UserLink id={it.user} data-testid="user" class="user-link" />
				<Span class="of" text={text(value(it))} testid="count" />
				<Span class="counts" text={counts} testid="counts" />
				{old !== null && <Trend value={value(it)} old={old} text={text} />}
				<meter min={0} max={most} value={Math.abs(value(it))} aria-hidden="true" />
			</li>
		);
	};
	return <ol class="top" ref={list} children={ranked.map(row)} />;
}

/** Whether a figure is higher or lower than in the range before, and what it was. */
function Trend({ value, old: { figure, bound }, text }: { value: number; old: Before; text: (n: number) => string }) {
	const than = value > figure ? "more" : value < figure ? "less" : "same";
	const mark = { more: "▲", less: "▼", same: "=" }[than];
	const { top } = t();
	return (
		<span class="counts" data-testid="trend">
			<span aria-hidden="true">{`${mark} ${top.was(`${bound}${text(figure)}`)}`}</span>
			<span class="visually-hidden">{top.trend(than, bound, text(figure))}</span>
		</span>
	);
}
