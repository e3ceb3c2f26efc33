// The way in: the token that this tab has or that is typed, and what is said where it opens nothing.

import { invalidSettings } from "./api.js";
import { $, show } from "./dom.js";
import { candidate, remembered } from "./session.js";

export class SignIn {
	#enter;
	#reject;

	/**
	 * `enter` shows the board of an API, and rejects where the API does not answer. `reject` ends the session that was stored, with
	 * a sentence.
	 */
	constructor({ enter, reject }) {
		this.#enter = enter;
		this.#reject = reject;
		$("login").addEventListener("submit", (event) => this.#submit(event));
		$("try-again").addEventListener("click", () => this.#resume());
	}

	/** Begins. Over plain HTTP, the page neither asks for the token nor sends it. Loopback is secure without HTTPS. */
	begin() {
		if (isSecureContext) return this.#resume();
		$("secure").href = location.href.replace(/^http:/, "https:");
		show("insecure");
	}

	/** Signs in with the token that this tab has stored, if any. */
	async #resume() {
		const entered = remembered();
		if (entered === null) return this.ask();
		show("opening");
		try {
			await this.#enter(entered);
		} catch (error) {
			const sentence = await explain(error);
			if (error.status === 401 || error.status === 404) return this.#reject(sentence);
			$("stuck-problem").textContent = sentence;
			show("stuck");
			$("try-again").focus();
		}
	}

	/** Asks for the token, with a sentence where there is something to say. */
	ask(sentence = "") {
		show("login");
		$("login-problem").textContent = sentence;
		$("token").setAttribute("aria-invalid", String(sentence !== ""));
		$("token").focus();
	}

	async #submit(event) {
		event.preventDefault();
		const typed = candidate($("token").value);
		if (typed === null) return this.ask("A token is made of letters, digits and signs, without spaces at its ends.");
		const button = $("login").querySelector("button");
		button.disabled = true;
		try {
			await this.#enter(typed.api);
			typed.store();
			$("token").value = "";
			$("board").focus({ preventScroll: true });
		} catch (error) {
			this.ask(await explain(error));
		} finally {
			button.disabled = false;
		}
	}
}

/** Why the API does not let anybody in. Without a token, the Worker tells its invalid settings. */
async function explain(error) {
	if (error.status !== 404 && error.status !== 503) return error.message;
	const settings = await invalidSettings();
	const ofToken = settings.find(({ name }) => name === "ADMIN_TOKEN");
	if (error.status === 404) {
		return ofToken
			? `This Worker has no API, because its secret ADMIN_TOKEN is invalid: it ${ofToken.problem}.`
			: "This Worker has no API: set its secret ADMIN_TOKEN.";
	}
	if (settings.length === 0) return error.message;
	return `Invalid settings: ${settings.map(({ name, problem }) => `${name} ${problem}`).join("; ")}.`;
}
