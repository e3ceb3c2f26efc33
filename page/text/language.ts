// Which of its languages the page is in, and its catalogue. Whoever reads it is drawn again when another is chosen.

import { signal } from "@preact/signals";
import { en, type Texts } from "./en.ts";
import { zh } from "./zh.ts";

const CATALOGUES = { en, "zh-CN": zh } satisfies Record<string, Texts>;

export type Language = keyof typeof CATALOGUES;

/** The languages by their own names. */
export const LANGUAGES: [Language, string][] = [
	["en", "English"],
	["zh-CN", "简体中文"],
];

/** The language that is shown, and the variant of it that numbers and dates are written in: a BCP 47 tag. */
export const shown = signal<{ language: Language; locale: string }>({ language: "en", locale: "en" });

/** The texts in the language that is shown. */
export const t = (): Texts => CATALOGUES[shown.value.language];

const primary = (tag: string) => tag.split("-")[0]?.toLowerCase();
const languageOf = (tag: string) => LANGUAGES.find(([language]) => primary(language) === primary(tag))?.[0];

/** The first language of these BCP 47 tags that the page is in; English where it is in none of them. */
export const languageFor = (tags: readonly string[]): Language => tags.map(languageOf).find((it) => it) ?? "en";

/** The first variant of a language among these BCP 47 tags, such as en-GB. Chinese has one: its texts are Simplified. */
export const localeFor = (language: Language, tags: readonly string[]) =>
	(language === "en" && tags.find((tag) => languageOf(tag) === language)) || language;
