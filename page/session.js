// The admin token: stored in this tab's session storage and nowhere else.

import { Api } from "./api.js";

const KEY = "admin-token";

/** The API with the token that this tab has stored; null where there is none. */
export function remembered() {
	const token = sessionStorage.getItem(KEY);
	return token === null ? null : new Api(token);
}

/** The API with a token that was typed in; `store` stores it, once it is known to be valid. */
export function candidate(typed) {
	const token = typed.trim();
	// Other characters are invalid in a header; fetch would throw.
	if (!/^[!-~]([ -~]*[!-~])?$/.test(token)) return null;
	return { api: new Api(token), store: () => sessionStorage.setItem(KEY, token) };
}

export function forget() {
	sessionStorage.removeItem(KEY);
}
