// A time: local as text, in UTC as the tooltip. A time that is no date is shown as a number.

import { ago, due, isAhead, isDate, moment } from "../lib/format.ts";
import { now } from "../state/clock.ts";

/** @param props.text how it is written, where it is a date */
export function Time({ at, text }: { at: number; text: string }) {
	if (!isDate(at)) return <span>{at}</span>;
	const iso = new Date(at).toISOString();
	return (
		<time dateTime={iso} title={iso}>
			{text}
		</time>
	);
}

/** How long ago it was. */
export const Ago = ({ at }: { at: number }) => <Time at={at} text={ago(at, now.value)} />;

/** When it is due. */
export const Due = ({ at }: { at: number }) => <Time at={at} text={due(at, now.value)} />;

/** Date and time to the second, as short as they can be. */
export const Moment = ({ at }: { at: number }) => <Time at={at} text={isDate(at) ? moment(at, now.value) : ""} />;

/** How far a time lies ahead; nothing where it does not. */
export const Ahead = ({ at }: { at: number }) =>
	isDate(at) && isAhead(at, now.value) ? <span class="ahead"> {ago(at, now.value)}</span> : null;
