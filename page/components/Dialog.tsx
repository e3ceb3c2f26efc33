// A modal dialog, open as long as it is drawn. When it goes, the focus returns to where it was.

import type { ComponentChildren, TargetedMouseEvent } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";

/** What stands beside the title, and the buttons at the end. Escape and a click beside the dialog call `close`. */
interface Props {
	title: ComponentChildren;
	beside?: ComponentChildren;
	actions: ComponentChildren;
	class?: string;
	testid: string;
	close: () => void;
	children: ComponentChildren;
}

export function Dialog({ title, beside, actions, class: className, testid, close, children }: Props) {
	const ref = useRef<HTMLDialogElement>(null);
	const id = useId();
	useLayoutEffect(() => {
		const dialog = ref.current;
		dialog?.showModal();
		return () => dialog?.close();
	}, []);
	const closed = () => ref.current && close();
	const clicked = (event: TargetedMouseEvent<HTMLDialogElement>) => isBeside(event) && close();
	return (
		// biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes it too.
		<dialog ref={ref} class={className} aria-labelledby={id} data-testid={testid} onClose={closed} onClick={clicked}>
			<div class="head">
				<h2 id={id}>{title}</h2>
				{beside}
			</div>
			{children}
			<div class="actions">{actions}</div>
		</dialog>
	);
}

/** Whether a click is on the backdrop. */
function isBeside({ target, currentTarget, detail, clientX: x, clientY: y }: TargetedMouseEvent<HTMLDialogElement>) {
	const { left, right, top, bottom } = currentTarget.getBoundingClientRect();
	const isInside = x >= left && x <= right && y >= top && y <= bottom;
	// The children cover the dialog itself. A key press on a button is a click too, without a position.
	return target === currentTarget && detail > 0 && !isInside;
}
