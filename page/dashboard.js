// The page: what the URL says is shown, and what a poll asks for. The parts of the board draw themselves.

import { Alerts } from "./alerts.js";
import { DeadLetters } from "./dead_letters.js";
import { $, announce, closeOnBackdrop, el, setState, show } from "./dom.js";
import { Events, filterOf } from "./events.js";
import { Export } from "./export.js";
import { ago, MINUTE, moment, timeZone } from "./format.js";
import { Live } from "./live.js";
import { Poller } from "./poller.js";
import { spanText } from "./range.js";
import { Record } from "./record.js";
import { format, parse, Router } from "./router.js";
import { forget } from "./session.js";
import { SignIn } from "./sign_in.js";
import { Stats } from "./stats.js";
import { Top } from "./top.js";
import { copyExactly } from "./user_id.js";
import { UserView } from "./user_view.js";

/** Ms after which all is read again: events that came much later than their time, or were deleted by somebody else. */
const FULL_EVERY = 5 * MINUTE;
/** What the first poll after a failure of the log has. */
const NO_NEWS = { isFirst: false, read: [], fresh: [], added: [], gone: [], isGap: false };

let api = null;
let apps = [];
let updatedAt = 0;
let fullAt = 0;
let deadLetterCount = 0;

const router = new Router(changed);
const signIn = new SignIn({ enter, reject: signOut });
const poller = new Poller(poll);
const live = new Live();
const alerts = new Alerts(() => href({ view: "dead-letters", user: null }));
/** What is left behind on the way to another view. */
const left = { view: null, event: null, since: null, until: null, role: null };
const hrefOf = (user) => href({ user, ...left });
const stats = new Stats((bar) => narrow(bar));
const top = new Top({ choose: (by) => router.go({ by }, { replace: true }), hrefOf });
const userView = new UserView(erased);
const events = new Events({ open: (id) => router.go({ event: id }), hrefOf });
const record = new Record({
	closed: (id) => router.state.event === id && router.go({ event: null }, { replace: true }),
	deleted: (id) => {
		events.remove(id);
		readAgain();
	},
	hrefOf,
});
const deadLetters = new DeadLetters({
	changed: again,
	open: (id) => router.go({ event: id }),
	counted: (n, text) => {
		deadLetterCount = n;
		$("dead-letters-count").textContent = text;
		showDeadLettersLink();
	},
});
new Export(source);

/** What the parts need to know of the page. */
function source() {
	const { state } = router;
	return { api, app: state.app, apps, state, status: alerts.status, isFull: false };
}

const href = (changes) => `${location.pathname}${format({ ...router.state, ...changes })}`;

/** Polls at once, unless the operator has signed out: an action may end after that. */
function again() {
	if (api !== null) poller.start();
}

/** Reads all again, and leaves what is shown until then. */
function readAgain() {
	fullAt = 0;
	stats.invalidate();
	userView.invalidate();
	again();
}

/** Asks for what is due; see `Poller`. */
async function poll(signal) {
	const { state } = router;
	const now = Date.now();
	const isFull = now - fullAt >= FULL_EVERY;
	const context = { ...source(), isFull };
	const outcomes = [];
	let news = NO_NEWS;
	const parts = [alerts, deadLetters];
	if (hasLog()) {
		try {
			news = await live.poll(api, state.app, signal);
			outcomes.push({ status: "fulfilled" });
		} catch (reason) {
			signal.throwIfAborted();
			outcomes.push({ status: "rejected", reason });
		}
		parts.push(events, stats, state.user === null ? top : userView);
	}
	outcomes.push(...(await Promise.allSettled(parts.map((part) => part.refresh(context, news, signal)))));
	signal.throwIfAborted();

	const failure = outcomes.find((outcome) => outcome.status === "rejected")?.reason;
	if (failure?.status === 401) return signOut(failure.message);
	if (hasLog()) {
		const last = state.user === null ? live.newest : userView.lastEvent;
		stats.setLast({ event: last, call: state.user === null ? alerts.lastCall : null });
	}
	showEmpty();
	showFailure(failure);
	if (failure) throw failure;
	if (isFull) fullAt = now;
	updatedAt = Date.now();
	tick();
}

/** Whether there is an event log that can be asked. */
const hasLog = () => alerts.status.sinks.includes("d1");

/** Says why the list is empty. */
function showEmpty() {
	const { kind, user, since } = router.state;
	const isFiltered = kind !== null || user !== null || since !== null;
	$("clear-filters").hidden = !isFiltered;
	$("nothing").hidden = isFiltered;
	$("nothing-found").hidden = !isFiltered;
	$("exactly").hidden = user === null;
	if (!isFiltered) alerts.explainEmpty();
	$("board").dataset.log = String(hasLog());
	if (!hasLog()) setState($("events"), "empty");
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

/** Draws again what depends on the time. */
function tick() {
	stats.tick();
	$("updated").textContent = updatedAt === 0 ? "" : `Updated ${ago(updatedAt)}`;
}

/** The state of the URL has changed: resets what shows something else now, and polls. */
function changed(state, before) {
	if (api === null) return;
	if (!apps.includes(state.app)) return router.go({ app: apps[0] }, { replace: true });
	const isOther = (...names) => names.some((name) => state[name] !== before[name]);
	if (isOther("app")) for (const part of [live, alerts, deadLetters]) part.reset();
	if (isOther("range")) alerts.reset();
	if (isOther("app", "user")) {
		userView.reset(state.user);
		stats.forgetLast();
	}
	if (isOther("app", "range", "user")) stats.reset();
	if (isOther("app", "range", "by", "since", "until")) top.reset();
	if (Object.keys(filterOf(state)).some((name) => isOther(name)) || isOther("app")) events.reset();
	draw(state);
	if (isOther("view")) deadLetters.invalidate();
	if (isOther("app", "user", "view")) scrollTo(0, 0);
	// Nothing else is asked for where only a dialog has opened or closed.
	if (isOther(...Object.keys(state).filter((name) => name !== "event"))) {
		updatedAt = isOther("app") ? 0 : updatedAt;
		if (isOther("app")) showFailure(undefined);
		again();
	}
}

/** Has the controls and the dialog show what the state says. */
function draw(state) {
	$("board").dataset.shown = state.view ?? (state.user === null ? "overview" : "user");
	$("app").value = String(state.app);
	check("range", state.range);
	check("kind", state.kind ?? "");
	check("role", state.role ?? "");
	check("by", state.by);
	$("roles").hidden = state.user === null;
	const isNarrowed = state.since !== null;
	$("narrowed").hidden = !isNarrowed;
	$("narrowed-span").textContent = isNarrowed ? spanText({ start: state.since, end: state.until + 1 }) : "";
	$("events-title").textContent = state.user === null ? "Events" : "Timeline";
	showDeadLettersLink();
	stats.show(state);
	if (state.event === null) record.close();
	else if (state.event !== record.id) {
		record.close();
		void record.show(source(), state.event, events.find(state.event));
	}
}

/** There is a way to the dead letters only where there are some. */
function showDeadLettersLink() {
	$("dead-letters-link").hidden = deadLetterCount === 0 && router.state.view !== "dead-letters";
}

function check(name, value) {
	for (const radio of document.querySelectorAll(`input[name="${name}"]`)) radio.checked = radio.value === value;
}

/** Narrows the list to a bar, or widens it again where it is narrowed to this one. */
function narrow({ start, end }) {
	const { since, until } = router.state;
	const isSame = since === start && until === end - 1;
	router.go({ since: isSame ? null : start, until: isSame ? null : end - 1 });
}

/** A user's events were erased. */
function erased() {
	router.go({ user: null, role: null, since: null, until: null });
	fullAt = 0;
	$("events").focus({ preventScroll: true });
}

/** Shows the board of an API. Rejects where the API does not answer. */
async function enter(entered) {
	const [{ apps: ids }, status] = await Promise.all([entered.apps(), entered.status()]);
	api = entered;
	apps = ids;
	$("app").replaceChildren(...ids.map((id) => el("option", { value: id }, String(id))));
	$("app-choice").hidden = ids.length < 2;
	for (const part of [live, alerts, deadLetters, stats, top, events]) part.reset();
	userView.reset(router.state.user);
	stats.forgetLast();
	alerts.setStatus(status);
	updatedAt = 0;
	fullAt = Date.now();
	showFailure(undefined);
	show("board");
	if (apps.includes(router.state.app)) {
		draw(router.state);
		poller.start();
	} else {
		router.go({ app: apps[0] }, { replace: true });
	}
}

function signOut(sentence) {
	poller.stop();
	forget();
	api = null;
	record.close();
	for (const part of [live, alerts, deadLetters, stats, top, events]) part.reset();
	userView.reset(null);
	$("export").close();
	$("token").value = "";
	signIn.ask(sentence);
}

/** Searches for a user: the text as it was typed, nothing trimmed. */
function search(event) {
	event.preventDefault();
	const user = $("user").value;
	if (user === "") return;
	router.go({ user, ...left });
	$("user").value = "";
	$("user-view").focus({ preventScroll: true });
}

const chosen = (form, name) => new FormData($(form)).get(name) || null;

$("sign-out").addEventListener("click", () => {
	signOut();
	// The next operator begins anew.
	router.go(parse(""));
});
$("refresh").addEventListener("click", readAgain);
$("try-now").addEventListener("click", () => poller.start());
$("app").addEventListener("change", () =>
	router.go({ app: Number($("app").value), user: null, since: null, until: null, event: null }),
);
$("ranges").addEventListener("change", () => router.go({ range: chosen("ranges", "range"), since: null, until: null }));
$("filters").addEventListener("change", () =>
	router.go({ kind: chosen("filters", "kind"), role: chosen("filters", "role") }),
);
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("widen").addEventListener("click", () => router.go({ since: null, until: null }));
$("clear-filters").addEventListener("click", () => {
	router.go({ kind: null, user: null, since: null, until: null });
	$("events").focus();
});
$("search").addEventListener("submit", search);
$("user").addEventListener("keydown", (event) => {
	// A text area, because an id may have line ends; Shift and Enter writes one.
	if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
	event.preventDefault();
	$("search").requestSubmit();
});
document.addEventListener("click", (event) => {
	const link = event.target.closest("a[href]");
	const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
	if (!link || !isPlain || event.defaultPrevented || new URL(link.href).pathname !== location.pathname || link.hash)
		return;
	event.preventDefault();
	// Not the link's own query: it may be from before a change of the range.
	const { user, to } = link.dataset;
	if (user !== undefined) router.go({ user, ...left });
	else router.go({ user: null, ...left, view: to === "dead-letters" ? to : null });
});
document.addEventListener("keydown", (event) => {
	const isTyping = event.target.closest?.("input:not([type=radio]), textarea, dialog");
	if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
	if (document.body.dataset.view !== "board") return;
	event.preventDefault();
	$("user").focus();
});
for (const dialog of document.querySelectorAll("dialog")) closeOnBackdrop(dialog);
copyExactly();
$("time-zone").textContent = timeZone();
setInterval(() => document.hidden || tick(), 5_000);
void signIn.begin();
