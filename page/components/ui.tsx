// The small parts that all others are made of: buttons, choices, cards, times.

import type { ComponentChildren, ComponentProps } from "preact";
import { sentenceOf } from "../api/client.ts";
import { ago, due, isAhead, isDate, moment, number } from "../lib/format.ts";
import type { Cell, More } from "../state/cell.ts";
import { now } from "../state/clock.ts";
import type { Place } from "../state/feedback.ts";
import { href, toOverview } from "../state/route.ts";
import { t } from "../text/language.ts";

/** What an element takes, its content as `text`, and by what name the tests find it. */
type Props<E extends "a" | "button" | "p" | "span"> = ComponentProps<E> & { text: ComponentChildren; testid?: string };

export const Button = ({ text, testid, ...rest }: Props<"button">) => (
	<button type="button" class="quiet" data-testid={testid} {...rest} children={text} />
);
export const Link = ({ text, testid, ...rest }: Props<"a">) => <a data-testid={testid} {...rest} children={text} />;
export const P = ({ text, testid, ...rest }: Props<"p">) => <p data-testid={testid} {...rest} children={text} />;
export const Span = ({ text, testid, ...rest }: Props<"span">) => (
	<span data-testid={testid} {...rest} children={text} />
);

/** What is wrong, as a sentence; to be there before there is one, for screen readers. */
export const Problem = (props: Props<"p">) => <P class="problem" role="alert" {...props} />;

/** Copies a text. Where the browser does not allow that, it selects the element that shows it, and returns false. */
export async function copyText(text: string, shown: Place): Promise<boolean> {
	try {
		await navigator.clipboard.writeText(text);
		return true;
	} catch {
		if (shown.current) getSelection()?.selectAllChildren(shown.current);
		return false;
	}
}

/** Gives an element the focus as soon as it is there. */
export const focus = (element: HTMLElement | null): void => element?.focus();

/** The texts of a choice by their values. The legend is also the name of the radio buttons. */
interface ChoiceProps<T extends string> {
	legend: string;
	options: Record<T, string>;
	value: T;
	choose: (value: T) => void;
	testid: string;
}

/** A choice of one of a few: radio buttons that look like one control. */
export const Choice = <T extends string>({ legend, options, value, choose, testid }: ChoiceProps<T>) => (
	<fieldset class="choice" data-testid={testid}>
		<legend class="visually-hidden">{legend}</legend>
		{(Object.keys(options) as T[]).map((option) => (
			<label key={option}>
				<input type="radio" name={legend} checked={option === value} onChange={() => choose(option)} />
				<span>{options[option]}</span>
			</label>
		))}
	</fieldset>
);

/** What is shown in a card, in null's case without being asked for; the text of its link to the overview; where the focus goes. */
interface CardProps extends Omit<ComponentProps<"section">, "title"> {
	title: ComponentChildren;
	testid: string;
	cell: Cell<unknown> | null;
	back?: string;
	beside?: ComponentChildren;
	place?: Place;
}

export const Card = ({ title, testid, cell, back, beside, place, children, ...rest }: CardProps) => (
	<section
		class="card"
		{...rest}
		id={testid}
		ref={place}
		tabIndex={place && -1}
		aria-labelledby={`${testid}-title`}
		aria-busy={cell !== null && cell.data === null && cell.problem === ""}
		data-testid={testid}
	>
		{back && <Link class="back" href={href(toOverview)} text={back} />}
		<div class="head">
			<h2 id={`${testid}-title`}>{title}</h2>
			{beside}
		</div>
		{children}
	</section>
);

export const Skeleton = ({ tall = false }) => <div class={tall ? "skeleton tall" : "skeleton"} />;

/** What is drawn of a cell's data, or what stands in its place. */
export function Loaded<T>(props: { cell: Cell<T>; tall?: boolean; draw: (data: T) => ComponentChildren }) {
	const { data, problem } = props.cell;
	if (data !== null) return <>{props.draw(data)}</>;
	return problem === "" ? <Skeleton tall={props.tall} /> : <P class="problem" text={problem} />;
}

/** Names with their values, each of which the tests find by the first of the three. */
export type Facts = [testid: string, name: string, value: ComponentChildren][];

export const FactList = ({ facts, ...rest }: ComponentProps<"dl"> & { facts: Facts }) => (
	<dl class="facts" {...rest}>
		{facts.map(([testid, name, value]) => (
			<div key={testid}>
				<dt>{name}</dt>
				<dd data-testid={testid}>{value}</dd>
			</div>
		))}
	</dl>
);

/** Loads more of a list. Where that has failed, it says why. */
export const MoreButton = ({ more, load, testid }: { more: More; load: () => unknown; testid: string }) => {
	const { actions, problemOn } = t();
	const text = more.error === undefined ? actions.loadMore : problemOn(sentenceOf(more.error), actions.tryAgain);
	return <Button class="quiet more" text={text} disabled={more.isBusy} onClick={load} testid={testid} />;
};

/** A time: its text in local time, in UTC as the tooltip. A time that is no date is shown as a number. */
export function Time({ at, text }: { at: number; text: string }) {
	if (!isDate(at)) return <span>{at}</span>;
	const iso = new Date(at).toISOString();
	return (
		<time dateTime={iso} title={iso}>
			{text}
		</time>
	);
}

/** How many of a count a comparison has recorded, where any were. */
export const Recorded = ({ n = 0 }: { n?: number }) =>
	n > 0 ? <Span class="hint" text={[" · ", t().totals.recorded(number(n))]} testid="recorded" /> : null;

/** How long ago it was, when it is due, and when it was to the second. */
export const Ago = ({ at }: { at: number }) => <Time at={at} text={ago(at, now.value)} />;
export const Due = ({ at }: { at: number }) => <Time at={at} text={due(at, now.value)} />;
export const Moment = ({ at }: { at: number }) => <Time at={at} text={isDate(at) ? moment(at, now.value) : ""} />;

/** How far a time lies ahead; nothing where it does not. */
export const Ahead = ({ at }: { at: number }) =>
	isDate(at) && isAhead(at, now.value) ? <span class="ahead"> {ago(at, now.value)}</span> : null;
