// The page: who is signed in, which app is shown, and what is polled when. The parts of the board render themselves.

import { DeadLetters } from "./dead_letters.js";
import { $, ago, announce, el, moment } from "./dom.js";
import { Events } from "./events.js";
import { Figures } from "./figures.js";
import { Poller } from "./poller.js";
import { Record } from "./record.js";
import { candidate, forget, remembered } from "./session.js";

const NO_API = "This Worker has no API: set its secret ADMIN_TOKEN.";

let api = null;
let app = null;
let updatedAt = 0;

const poller = new Poller(poll);
const figures = new Figures();
const deadLetters = new DeadLetters(again);
const record = new Record({
	deleted: (id) => {
		events.remove(id);
		again();
	},
	find: (user) => events.find(user),
});
const events = new Events((event) => record.show(api, app, event), again);

/** Polls at once, unless the operator has signed out: an action may end after that. */
function again() {
	if (api !== null) poller.start();
}

/** Asks for what is due; see `Poller`. */
async function poll(signal) {
	const calls = [events.refresh(api, app, signal)];
	if (figures.isDue(poller.newEventsAt)) calls.push(figures.refresh(api, app, signal));
	if (deadLetters.isDue()) calls.push(deadLetters.refresh(api, app, signal));
	const outcomes = await Promise.allSettled(calls);
	signal.throwIfAborted();

	const [{ value: fresh = [] }] = outcomes;
	figures.saw(fresh);
	const failure = outcomes.find((outcome) => outcome.status === "rejected")?.reason;
	if (failure?.status === 401) return signOut(failure.message);
	showFailure(failure);
	if (failure) throw failure;
	updatedAt = Date.now();
	tick();
	return fresh.length > 0;
}

function showFailure(failure) {
	const banner = $("banner");
	if (failure) {
		const old = updatedAt === 0 ? "" : ` What is shown is as of ${moment(updatedAt)}.`;
		$("banner-text").textContent = `${failure.message}${old} Trying again.`;
		if (banner.hidden) announce(failure.message);
	}
	banner.hidden = !failure;
	$("board").dataset.failing = String(Boolean(failure));
}

/** Renders again what depends on the time. */
function tick() {
	figures.tick();
	$("updated").textContent = updatedAt === 0 ? "" : `Updated ${ago(updatedAt)}`;
}

function show(view) {
	document.body.dataset.view = view;
}

/** Shows the apps of an API and the first one's events. Rejects where the API does not answer. */
async function enter(entered) {
	const { apps } = await entered.apps();
	api = entered;
	$("app").replaceChildren(...apps.map((id) => el("option", { value: id }, String(id))));
	$("app-choice").hidden = apps.length < 2;
	show("board");
	choose(apps[0]);
}

function choose(id) {
	app = id;
	updatedAt = 0;
	showFailure(undefined);
	for (const part of [figures, deadLetters, events]) part.reset();
	poller.start();
}

/** Shows the log-in, with a sentence where there is something to say. */
function askToken(sentence = "") {
	show("login");
	$("login-problem").textContent = sentence;
	$("token").setAttribute("aria-invalid", String(sentence !== ""));
	$("token").focus();
}

function signOut(sentence) {
	poller.stop();
	record.close();
	forget();
	api = null;
	$("filters").reset();
	for (const part of [figures, deadLetters, events]) part.reset();
	$("token").value = "";
	askToken(sentence);
}

async function signIn(event) {
	event.preventDefault();
	const typed = candidate($("token").value);
	if (typed === null) return askToken("A token is made of letters, digits and signs, without spaces at its ends.");
	const button = $("login").querySelector("button");
	button.disabled = true;
	try {
		await enter(typed.api);
		typed.store();
		$("token").value = "";
		$("events").focus({ preventScroll: true });
	} catch (error) {
		askToken(explain(error));
	} finally {
		button.disabled = false;
	}
}

const explain = (error) => (error.status === 404 ? NO_API : error.message);

/** Signs in with the token that this tab has stored, if any. */
async function resume() {
	const entered = remembered();
	if (entered === null) return askToken();
	show("opening");
	try {
		await enter(entered);
	} catch (error) {
		if (error.status === 401 || error.status === 404) return signOut(explain(error));
		$("stuck-problem").textContent = error.message;
		show("stuck");
		$("try-again").focus();
	}
}

/** Over plain HTTP, the page neither asks for the token nor sends it. Loopback is secure without HTTPS. */
function rejectInsecure() {
	$("secure").href = location.href.replace(/^http:/, "https:");
	show("insecure");
}

$("login").addEventListener("submit", signIn);
$("sign-out").addEventListener("click", () => signOut());
$("refresh").addEventListener("click", () => poller.start());
$("try-again").addEventListener("click", () => resume());
$("try-now").addEventListener("click", () => poller.start());
$("app").addEventListener("change", () => choose(Number($("app").value)));
document.addEventListener("keydown", (event) => {
	const isTyping = event.target.closest?.("input, select, textarea, dialog");
	if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
	if (document.body.dataset.view !== "board") return;
	event.preventDefault();
	$("user").focus();
});
setInterval(() => document.hidden || tick(), 5_000);
if (isSecureContext) resume();
else rejectInsecure();
