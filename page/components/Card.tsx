// A card of the board, and what it shows before its data is there, or where it could not be read.

import type { ComponentChildren } from "preact";
import type { Cell } from "../state/cell.ts";
import type { Place } from "../state/feedback.ts";
import { href, toOverview } from "../state/route.ts";

interface CardProps {
	title: ComponentChildren;
	testid: string;
	/** What is shown; null stands for what is not asked for. */
	cell: Cell<unknown> | null;
	class?: string;
	/** The text of the link to the overview, where there is one. */
	back?: string;
	/** What stands beside the title. */
	beside?: ComponentChildren;
	/** Where it may get the focus. */
	place?: Place;
	children: ComponentChildren;
	hidden?: boolean;
}

export function Card({ title, testid, cell, class: className = "", back, beside, place, children, hidden }: CardProps) {
	const id = `${testid}-title`;
	return (
		<section
			class={`card ${className}`}
			id={testid}
			ref={place}
			tabIndex={place && -1}
			hidden={hidden}
			aria-labelledby={id}
			aria-busy={cell !== null && cell.data === null && cell.problem === ""}
			data-testid={testid}
		>
			{back && <Link class="back" href={href(toOverview)} text={back} />}
			<div class="head">
				<h2 id={id}>{title}</h2>
				{beside}
			</div>
			{children}
		</section>
	);
}

interface LinkProps {
	href: string;
	text: ComponentChildren;
	class?: string;
}

export const Link = ({ text, ...rest }: LinkProps) => <a {...rest}>{text}</a>;

export const Skeleton = ({ tall = false }) => <div class={tall ? "skeleton tall" : "skeleton"} />;

export const Hint = ({ text, testid }: { text: ComponentChildren; testid?: string }) => (
	<p class="hint" data-testid={testid}>
		{text}
	</p>
);

/** What is wrong, as a sentence; to be there before there is one, for screen readers. */
export const Problem = ({ text, id }: { text: string; id?: string }) => (
	<p class="problem" id={id} role="alert">
		{text}
	</p>
);

interface LoadedProps<T> {
	cell: Cell<T>;
	tall?: boolean;
	children: (data: T) => ComponentChildren;
}

/** What is drawn of a cell's data, or what stands in its place. */
export function Loaded<T>({ cell, tall, children }: LoadedProps<T>) {
	const { data, problem } = cell;
	if (data !== null) return <>{children(data)}</>;
	return problem === "" ? <Skeleton tall={tall} /> : <p class="problem">{problem}</p>;
}
