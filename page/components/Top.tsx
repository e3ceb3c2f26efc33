// Who lost or gained most followers.

import { useLayoutEffect, useRef } from "preact/hooks";
import type { Ranking, TopUser } from "../api/client.ts";
import { number, signed } from "../lib/format.ts";
import { sinceText, spanText } from "../lib/range.ts";
import { now } from "../state/clock.ts";
import type { Top } from "../state/counts.ts";
import { go, route } from "../state/route.ts";
import { Card, Hint, Loaded } from "./Card.tsx";
import { Choice } from "./Controls.tsx";
import { UserLink } from "./UserId.tsx";

const OPTIONS: [Ranking, string][] = [
	["lost", "Lost"],
	["gained", "Gained"],
	["net", "Net"],
];

export function TopCard({ leaders }: Pick<Top, "leaders">) {
	const { data } = leaders;
	const { by } = route.value;
	const choose = (chosen: Ranking) => go({ by: chosen }, { replace: true });
	const since = data && (data.span ? spanText(data.span, now.value) : sinceText(data.range));
	return (
		<Card title="Top users" testid="top" cell={leaders} beside={<Hint text={since} />}>
			<Choice legend="Ranked by" options={OPTIONS} value={by} choose={choose} testid="ranking" />
			<Loaded cell={leaders} tall>
				{({ users }) => <Leaders users={users} by={by} />}
			</Loaded>
		</Card>
	);
}

const VALUES: Record<Ranking, (it: TopUser) => number> = {
	lost: (it) => it.unfollows,
	gained: (it) => it.follows,
	net: (it) => it.net,
};

function Leaders({ users, by }: { users: TopUser[]; by: Ranking }) {
	const list = useRef<HTMLOListElement>(null);
	// A row that moves to another rank would lose the focus.
	const focused = document.activeElement;
	useLayoutEffect(() => {
		if (focused instanceof HTMLElement && list.current?.contains(focused)) focused.focus({ preventScroll: true });
	});
	const value = VALUES[by];
	// Nobody lost most where nobody lost any.
	const ranked = users.filter((it) => value(it) !== 0);
	if (ranked.length === 0) return <p class="nothing">Nobody.</p>;
	const most = Math.max(...ranked.map((it) => Math.abs(value(it))));
	return (
		<ol class="top" ref={list}>
			{ranked.map((it) => (
				<li key={it.user} class={value(it) < 0 || by === "lost" ? "lost" : undefined} data-testid="top-row">
					<UserLink id={it.user} testid="user" />
					<span class="of" title={`−${number(it.unfollows)} +${number(it.follows)}`} data-testid="count">
						{by === "net" ? signed(value(it)) : number(value(it))}
					</span>
					<meter min={0} max={most} value={Math.abs(value(it))} aria-hidden="true" />
				</li>
			))}
		</ol>
	);
}
