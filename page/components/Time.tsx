// A time: local as text, in UTC as the tooltip. A time that is no date is shown as a number.

import type { ComponentChildren } from "preact";
import { ago, isDate, moment } from "../lib/format.ts";
import { now } from "../state/clock.ts";

/** @param props.children how it is written, where it is a date */
export function Time({ at, children }: { at: number; children: ComponentChildren }) {
	if (!isDate(at)) return <span>{at}</span>;
	const iso = new Date(at).toISOString();
	return (
		<time dateTime={iso} title={iso}>
			{children}
		</time>
	);
}

/** How long ago it was. */
export const Ago = ({ at }: { at: number }) => <Time at={at}>{ago(at, now.value)}</Time>;

/** Date and time to the second, as short as they can be. */
export const Moment = ({ at }: { at: number }) => <Time at={at}>{isDate(at) && moment(at, now.value)}</Time>;
