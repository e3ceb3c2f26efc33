// What a card shows before its data is there, and where it could not be read.

import type { ComponentChildren } from "preact";
import type { Cell } from "../state/cell.ts";

export const Skeleton = ({ tall = false }) => <div class={tall ? "skeleton tall" : "skeleton"} />;

interface Props<T> {
	cell: Cell<T>;
	tall?: boolean;
	children: (data: T) => ComponentChildren;
}

/** What is drawn of a cell's data, or what stands in its place. */
export function Loaded<T>({ cell, tall, children }: Props<T>) {
	const { data, problem } = cell;
	if (data !== null) return <>{children(data)}</>;
	return problem === "" ? <Skeleton tall={tall} /> : <p class="problem">{problem}</p>;
}
