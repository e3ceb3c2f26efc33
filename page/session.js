// Who is signed in: the admin token, in this tab's session storage and nowhere else.

import { Api } from "./api.js";

const KEY = "admin-token";

/** The API with the token that this tab keeps; null where it keeps none. */
export function remembered() {
	const token = sessionStorage.getItem(KEY);
	return token === null ? null : new Api(token);
}

/** The API with a token that was typed in, which is kept only once it is known to be good: see `keep`. */
export function candidate(typed) {
	const token = typed.trim();
	// Nothing else can stand in a header; fetch would throw.
	if (!/^[!-~]([ -~]*[!-~])?$/.test(token)) return null;
	return { api: new Api(token), keep: () => sessionStorage.setItem(KEY, token) };
}

export function forget() {
	sessionStorage.removeItem(KEY);
}
