// The choice of the page's language. Each language has its own name, so that whoever cannot read the page finds theirs.

import { choose } from "../state/language.ts";
import { LANGUAGES, type Language, shown, t } from "../text/language.ts";

export const LanguageChoice = () => (
	<select
		class="language"
		aria-label={t().language}
		value={shown.value.language}
		onChange={(event) => choose(event.currentTarget.value as Language)}
		data-testid="language"
	>
		{LANGUAGES.map(([language, name]) => (
			<option key={language} value={language} lang={language}>
				{name}
			</option>
		))}
	</select>
);
