// The page: who is signed in, which app is looked at, and what is asked when. The parts of the board know how they
// look.

import { $, ago, announce, el, moment } from "./dom.js";
import { Events } from "./events.js";
import { Figures } from "./figures.js";
import { Letters } from "./letters.js";
import { Pulse } from "./pulse.js";
import { Record } from "./record.js";
import { candidate, forget, remembered } from "./session.js";

const NO_API = "This Worker has no API: set its secret ADMIN_TOKEN.";

let api = null;
let app = null;
let updatedAt = 0;

const pulse = new Pulse(beat);
const figures = new Figures();
const letters = new Letters(again);
const record = new Record({
	deleted: (id) => {
		events.remove(id);
		again();
	},
	find: (user) => events.find(user),
});
const events = new Events((event) => record.show(api, app, event), again);

/** Asks at once, unless the operator has signed out: what was begun before may end later. */
function again() {
	if (api !== null) pulse.start();
}

/** Asks for what is due; see `Pulse`. */
async function beat(signal) {
	const asked = [events.refresh(api, app, signal)];
	if (figures.isDue(pulse.newsAt)) asked.push(figures.refresh(api, app, signal));
	if (letters.isDue()) asked.push(letters.refresh(api, app, signal));
	const outcomes = await Promise.allSettled(asked);
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

/** Writes anew what depends on the time. */
function tick() {
	figures.tick();
	$("updated").textContent = updatedAt === 0 ? "" : `Updated ${ago(updatedAt)}`;
}

function show(view) {
	document.body.dataset.view = view;
}

/** Shows what an API has, or why it shows nothing. */
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
	for (const part of [figures, letters, events]) part.reset();
	pulse.start();
}

/** Shows the log-in, with a sentence where there is something to say. */
function askToken(sentence = "") {
	show("login");
	$("login-problem").textContent = sentence;
	$("token").setAttribute("aria-invalid", String(sentence !== ""));
	$("token").focus();
}

function signOut(sentence) {
	pulse.stop();
	record.close();
	forget();
	api = null;
	$("filters").reset();
	for (const part of [figures, letters, events]) part.reset();
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
		typed.keep();
		$("token").value = "";
		$("events").focus({ preventScroll: true });
	} catch (error) {
		askToken(explain(error));
	} finally {
		button.disabled = false;
	}
}

const explain = (error) => (error.status === 404 ? NO_API : error.message);

/** Goes on where this tab was before it was loaded again. */
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

/** Asks for no token and sends none where it would travel as plain text; loopback is secure without HTTPS. */
function refuse() {
	$("secure").href = location.href.replace(/^http:/, "https:");
	show("insecure");
}

$("login").addEventListener("submit", signIn);
$("sign-out").addEventListener("click", () => signOut());
$("refresh").addEventListener("click", () => pulse.start());
$("try-again").addEventListener("click", () => resume());
$("try-now").addEventListener("click", () => pulse.start());
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
else refuse();
