// Events that the log has damaged: links to their records, which KV may have whole.

import type { ComponentChildren } from "preact";
import { timeOfId } from "../lib/export_part.ts";
import { number } from "../lib/format.ts";
import { href } from "../state/route.ts";
import { t } from "../text/language.ts";
import { Link, Moment, P } from "./ui.tsx";

/** Links at most, before it says how many more there are. */
const SHOWN = 10;

/** @param props.text the sentence that the links are in */
export function Damaged({ ids, text }: { ids: string[]; text: (links: ComponentChildren) => ComponentChildren }) {
	const links = ids
		.slice(0, SHOWN)
		.map((event) => <Link key={event} href={href({ event })} title={event} text={<Moment at={timeOfId(event)} />} />);
	const rest = ids.length - SHOWN;
	const all = [...links, ...(rest > 0 ? [t().more(number(rest))] : [])];
	return ids.length > 0 && <P class="warning" text={text(t().list(all))} testid="damaged" />;
}
