// Who lost or gained most followers.

import { useLayoutEffect, useRef } from "preact/hooks";
import type { Ranking, TopUser } from "../api/client.ts";
import { number, signed } from "../lib/format.ts";
import { sinceText, spanText } from "../lib/range.ts";
import type { Board } from "../state/board.ts";
import { now } from "../state/clock.ts";
import { go, route } from "../state/route.ts";
import { UserLink } from "./UserId.tsx";
import { Card, Choice, Loaded, P, Span } from "./ui.tsx";

const OPTIONS: [Ranking, string][] = [
	["lost", "Lost"],
	["gained", "Gained"],
	["net", "Net"],
];

export function TopCard({ leaders }: Pick<Board["top"], "leaders">) {
	const { data } = leaders;
	const { by } = route.value;
	const choose = (chosen: Ranking) => go({ by: chosen }, { replace: true });
	const since = data && (data.span ? spanText(data.span, now.value) : sinceText(data.range, now.value));
	return (
		<Card title="Top users" testid="top" cell={leaders} beside={<P class="hint" text={since} />}>
			<Choice legend="Ranked by" options={OPTIONS} value={by} choose={choose} testid="ranking" />
			<Loaded cell={leaders} tall draw={({ users }) => <Leaders users={users} by={by} />} />
		</Card>
	);
}

function Leaders({ users, by }: { users: TopUser[]; by: Ranking }) {
	const list = useRef<HTMLOListElement>(null);
	// A row that moves to another rank would lose the focus.
	const focused = document.activeElement;
	useLayoutEffect(() => {
		if (focused instanceof HTMLElement && list.current?.contains(focused)) focused.focus({ preventScroll: true });
	});
	const value = (it: TopUser) => ({ lost: it.unfollows, gained: it.follows, net: it.net })[by];
	// Nobody lost most where nobody lost any.
	const ranked = users.filter((it) => value(it) !== 0);
	if (ranked.length === 0) return <P class="nothing" text="Nobody." />;
	const most = Math.max(...ranked.map((it) => Math.abs(value(it))));
	const row = (it: TopUser) => {
		const [counts, text] = [`−${number(it.unfollows)} +${number(it.follows)}`, by === "net" ? signed : number];
		return (
			<li key={it.user} class={value(it) < 0 || by === "lost" ? "lost" : undefined} data-testid="top-row">
				<UserLink id={it.user} data-testid="user" class="user-link" />
				<Span class="of" title={counts} text={text(value(it))} testid="count" />
				<meter min={0} max={most} value={Math.abs(value(it))} aria-hidden="true" />
			</li>
		);
	};
	return <ol class="top" ref={list} children={ranked.map(row)} />;
}
