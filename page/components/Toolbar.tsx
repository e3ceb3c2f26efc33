// What is shown: the range, and the search for a user.

import { useLayoutEffect, useRef } from "preact/hooks";
import type { RangeName } from "../lib/range.ts";
import { moveFocus, places } from "../state/feedback.ts";
import { go, route, toUser } from "../state/route.ts";
import { t } from "../text/language.ts";
import { Button, Choice } from "./ui.tsx";

export function Toolbar() {
	const { range } = route.value;
	const { rangesShort, toolbar } = t();
	const choose = (chosen: RangeName) => go({ range: chosen, since: null, until: null });
	return (
		<nav class="toolbar" aria-label={toolbar.label}>
			<Choice legend={toolbar.range} options={rangesShort} value={range} choose={choose} testid="range-filter" />
			<Search />
		</nav>
	);
}

/** Searches for a user: the text as it was typed, nothing trimmed. */
function Search() {
	const field = useRef<HTMLTextAreaElement>(null);
	useLayoutEffect(() => {
		// The search has a key of its own, wherever the focus is but in a field.
		const focus = (event: KeyboardEvent) => {
			const { target } = event;
			const isTyping = target instanceof Element && target.closest("input:not([type=radio]), textarea, dialog");
			if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
			event.preventDefault();
			field.current?.focus();
		};
		document.addEventListener("keydown", focus);
		return () => document.removeEventListener("keydown", focus);
	}, []);
	const submit = (event: Event) => {
		event.preventDefault();
		if (!field.current?.value) return;
		go(toUser(field.current.value));
		field.current.value = "";
		moveFocus(places.user);
	};
	// A text area, because an id may have line ends; Shift and Enter writes one.
	const submitOnEnter = (event: KeyboardEvent) => {
		if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
	};
	const { actions, toolbar } = t();
	return (
		<search>
			<form class="search" aria-label={toolbar.search} onSubmit={submit} data-testid="search">
				<textarea
					{...{ ref: field, name: "user", rows: 1, placeholder: toolbar.placeholder, "aria-label": toolbar.user }}
					{...{ autocomplete: "off", autocapitalize: "off", spellcheck: false, enterkeyhint: "search" }}
					{...{ onKeyDown: submitOnEnter, "aria-keyshortcuts": "/", "data-testid": "user-filter" }}
				/>
				<Button text={actions.find} type="submit" />
			</form>
		</search>
	);
}
