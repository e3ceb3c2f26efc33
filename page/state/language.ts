// The choice of the language: the browser's at first, and then the one that this browser has stored.

import { batch, effect } from "@preact/signals";
import { LANGUAGES, type Language, languageFor, localeFor, shown } from "../text/language.ts";
import { announce } from "./feedback.ts";

/** In the local storage: the language that was chosen. */
const LANGUAGE = "language";

export function startLanguage(): void {
	const stored = localStorage.getItem(LANGUAGE);
	const [chosen] = LANGUAGES.find(([language]) => language === stored) ?? [];
	show(chosen ?? languageFor(navigator.languages));
	effect(() => {
		document.documentElement.lang = shown.value.language;
	});
}

/** Shows the page in a language from now on. */
export function choose(language: Language): void {
	localStorage.setItem(LANGUAGE, language);
	batch(() => {
		show(language);
		// What was announced was in the other.
		announce("");
	});
}

function show(language: Language): void {
	shown.value = { language, locale: localeFor(language, navigator.languages) };
}
