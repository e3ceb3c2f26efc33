// All texts of the page in English. The catalogue of each other language has the same form: a text that is missing there is an
// error of types. Numbers and times come as they are written in the language; names of settings, ids and codes are the same in all.

import type { ComponentChildren as Node } from "preact";
import type { DeadLetter, Delivery, Format, Kind, Ranking, Role } from "../api/client.ts";
import type { RangeName } from "../lib/range.ts";

type Failure = Exclude<Delivery["last_error"], "unknown" | null>;

/** The noun that stands behind a number. */
const noun = (one: string) => (n: number) => (n === 1 ? one : `${one}s`);
/** A sentence with elements in it. */
export const sentence = (texts: TemplateStringsArray, ...elements: Node[]): Node =>
	texts.map((text, at) => [text, elements[at]]);
/** Parts with a text between each two. */
export const joined = (parts: Node[], between: string): Node => parts.map((part, at) => [at > 0 && between, part]);
/** What several texts have. */
const EXACTLY = "UserIDs are matched exactly: case counts, and so do spaces.";
const SWITCH_ON = "switch on the webhooks after a user is followed and unfollowed";

export type Texts = typeof en;

export const en = {
	language: "Language",
	/** Nouns for `count`. */
	nouns: {
		attempt: noun("attempt"),
		call: noun("call"),
		deadLetter: noun("dead letter"),
		event: noun("event"),
		follow: noun("follow"),
		invalidSetting: noun("invalid setting"),
		key: noun("key"),
		moreEvent: noun("more event"),
		newEvent: noun("new event"),
		record: noun("record"),
		relation: noun("relation"),
		target: noun("target"),
		unfollow: noun("unfollow"),
		user: noun("user"),
	},
	kinds: { unfollow: "Unfollow", follow: "Follow" } satisfies Record<Kind, string>,
	kindPlurals: { unfollow: "Unfollows", follow: "Follows" } satisfies Record<Kind, string>,
	/** What the actor did to the targets. */
	verbs: { unfollow: "unfollowed", follow: "followed" } satisfies Record<Kind, string>,
	/** What is on buttons and stands in messages of several places. */
	actions: {
		cancel: "Cancel",
		close: "Close",
		copy: "Copy",
		discard: "Discard",
		find: "Find",
		goOn: "Go on",
		hide: "Hide",
		loadMore: "Load more",
		refresh: "Refresh",
		replay: "Replay",
		show: "Show",
		signIn: "Sign in",
		signOut: "Sign out",
		stop: "Stop",
		tryAgain: "Try again",
		tryNow: "Try now",
	},
	/** A list of names. */
	list: (names: Node[]): Node => joined(names, ", "),
	/** A problem, and the word of the button that it is on. */
	problemOn: (problem: string, action: string) => `${problem} ${action}`,
	copied: "Copied.",
	more: (n: string) => `+${n} more`,

	times: {
		justNow: "just now",
		now: "now",
		ago: (duration: string) => `${duration} ago`,
		ahead: (duration: string) => `in ${duration}`,
		seconds: (n: number) => `${n} s`,
		minutes: (n: number) => `${n} min`,
		hours: (n: number) => `${n} h`,
		days: (n: string) => `${n} days`,
		today: "Today",
		yesterday: "Yesterday",
		noDate: "No date",
		inTheFuture: (day: string) => `${day}, in the future`,
		/** A date, and a time of the day; or what else is as long as an hour of that day. */
		at: (date: string, time: string) => `${date}, ${time}`,
		fromTo: (start: string, end: string) => `${start} – ${end}`,
		hour: (start: string, end: string) => `${start}–${end}`,
		/** Behind "since" and a time. */
		ofToday: "today",
		ofYesterday: "yesterday",
		ofDay: (day: string) => `on ${day}`,
		sinceTime: (time: string, day: string) => `since ${time} ${day}`,
		sinceDay: (day: string) => `since ${day}`,
		cut: (starts: string[]) => `Counts are by hours of UTC, so days begin at ${starts.join(" or ")} here.`,
		/** In front of another sentence. */
		zone: (zone: string) => `Times are in the time zone ${zone}. `,
	},
	ranges: { "24h": "24 hours", "7d": "7 days", "30d": "30 days" } satisfies Record<RangeName, string>,
	rangesShort: { "24h": "24 h", "7d": "7 d", "30d": "30 d" } satisfies Record<RangeName, string>,

	problems: {
		unreachable: "The Worker cannot be reached.",
		gate: "What protects this page, such as Cloudflare Access, wants you to sign in again: reload the page.",
		unauthorized: "The token was rejected.",
		tooMany: "The Worker is called too often.",
		unreadable: "The Worker's response cannot be read.",
		status: (status: number) => `The Worker answered ${status}.`,
		/** What the Worker says itself, which is English. */
		detail: (_status: number, detail: string) => detail,
		/** A problem that a retry may pass, and when it comes. */
		retry: (problem: string, due: string) => `${problem} Trying again ${due}.`,
		/** The last poll has failed; `asOf` is when all was up to date, or empty. */
		poll: (problem: string, asOf: string) => `${problem}${asOf && ` What is shown is as of ${asOf}.`} Trying again.`,
	},

	header: {
		skip: "Skip to the events",
		app: "App",
		removed: (app: number) => `${app} (removed)`,
		readOnly: "Read only",
		updated: (ago: string) => `Updated ${ago}`,
	},
	board: "What the webhook has received",
	footer: {
		/** The version, and how many settings are invalid, or null. */
		version: (version: string, invalid: string | null) => `Version ${version}. ${invalid ?? "Settings are valid"}.`,
		api: "The API",
	},

	testMessages: {
		send: "Send a test message",
		taken: "taken",
		/** With what the service answered. */
		refused: (answer: string) => `refused (${answer})`,
	},

	stages: {
		loading: "Loading",
		nothing: "Nothing to show",
		insecure: "Not over plain HTTP",
		readable: (link: Node) => sentence`Anybody on the network path could read the token. ${link}.`,
		toHttps: "Open this page over HTTPS",
		about: "See what the webhook has received.",
		token: "Token",
		pause: (seconds: number) => `The next try is possible in ${seconds} s.`,
		secrets: (admin: Node, viewer: Node) => sentence`The Worker's secret ${admin}, or ${viewer} to look only. `,
		stored: (hours: number) =>
			`This tab stores it until you sign out, or have not used the page for ${hours} hours. Closing the tab is not enough: browsers restore tabs.`,
		unused: (hours: number) => `Signed out: the page was not used for ${hours} hours.`,
		malformed: "A token is made of letters, digits and signs, without spaces at its ends.",
		noApi: "This Worker has no API: set its secret ADMIN_TOKEN.",
		invalidToken: (name: string, problem: string) =>
			`This Worker has no API, because its secret ${name} is invalid: it ${problem}.`,
		invalidSettings: (settings: { name: string; problem: string }[]) =>
			`Invalid settings: ${settings.map(({ name, problem }) => `${name} ${problem}`).join("; ")}.`,
	},

	toolbar: {
		label: "What is shown",
		range: "Range",
		search: "Find a user",
		user: "UserID",
		placeholder: "UserID, exactly",
	},

	totals: {
		label: "Totals",
		followersLost: "Followers lost",
		followersGained: "Followers gained",
		net: "Net",
		lastEvent: "Last event",
		firstEvent: "First event",
		lastCall: (ago: Node) => sentence`last call ${ago}`,
		/** Behind a number: how many of them a comparison has recorded. */
		recorded: (n: string) => `${n} found by a comparison`,
		unfollowed: "Unfollowed others",
		followed: "Followed others",
	},

	chart: {
		title: { hour: "Per hour", day: "Per day" },
		unit: { hour: "Hour", day: "Day" },
		bar: (time: string, unfollows: string, follows: string) => `${time}: ${unfollows}, ${follows}`,
		label: (unfollows: string, follows: string) => `Bars of ${unfollows} and ${follows}; the table below has the same.`,
		bars: "Bars",
		none: (since: string) => `No unfollows or follows ${since}.`,
		table: "The figures as a table",
		figures: "Figures",
	},

	top: {
		title: "Top users",
		rankedBy: "Ranked by",
		by: { lost: "Lost", gained: "Gained", net: "Net" } satisfies Record<Ranking, string>,
		show: "Show the top users",
		hide: "Hide the top users",
		nobody: "Nobody.",
		counts: (lost: string, gained: string, net: string) => `${lost} lost · ${gained} gained · ${net} net`,
		was: (figure: string) => `was ${figure}`,
		/** How a figure was in the range before, for a screen reader. */
		trend: (than: "more" | "less" | "same", bound: "" | "≤" | "≥", figure: string) => {
			const word = { more: "up from", less: "down from", same: "the same as" }[than];
			return `, ${word} ${{ "": "", "≤": "at most ", "≥": "at least " }[bound]}${figure} in the range before`;
		},
	},

	user: {
		title: "User ",
		back: "All users",
		erase: "Erase…",
		notCopied: "The browser does not allow copying; the UserID is selected.",
		none: `No event has this user. ${EXACTLY}`,
	},

	erasure: {
		title: "Erase this user?",
		run: "Erase",
		search: "Search KV",
		what: (user: Node) =>
			sentence`Every event in which ${user} acted or is a target is erased for good, also for the other users in it: the records that the event log knows of, the dead letters and the counts. At the end you are told whether KV may have more.`,
		copies: (days: number) =>
			`What no call reaches: copies in KV elsewhere for a minute, and D1's Time Travel for ${days} days.`,
		/** `records` is null where there is no event log. */
		needsSearch: (records: string | null) => {
			const why =
				records === null
					? "There is no event log that knows where this user's records are."
					: `${records} erased. KV may have records of this user that the event log does not know of.`;
			return `${why} The search reads the names of all keys of this app, which costs one KV list for each 1,000 of them, and erases what it finds.`;
		},
		soFar: (records: string) => `${records} erased so far …`,
		searching: (records: string, keys: string) => `${records} erased, ${keys} of KV searched so far …`,
		done: (records: string) => `${records} erased.`,
		searched: (records: string, keys: string) => `${records} erased; ${keys} of KV searched.`,
		notSearched: (records: string) => `${records} erased; KV was not searched to its end.`,
	},

	comparison: {
		open: "Compare with Tencent…",
		title: "Compare with Tencent",
		run: "Compare",
		record: "Record",
		ofUser: (user: Node) => sentence`Who follows ${user} by the event log, and who does by Tencent's data.`,
		ofSpan: (since: Node) =>
			sentence`Who follows whom by the event log, and who does by Tencent's data: for all users who have events since ${since}, those with most events first.`,
		effect: "Nothing is stored. Tencent's API is called, at most 100 times a second.",
		comparedSoFar: (relations: string) => `${relations} compared`,
		recordedSoFar: (events: string) => `${events} recorded`,
		usersLeft: (users: string) => `${users} to come`,
		progress: (parts: string[]) => `${parts.join(", ")} …`,
		nothingMissed: "Nothing was missed.",
		missed: (events: string) => `${events} never arrived.`,
		toRecord:
			"To record them compares once more, and stores each as an event that is marked. To record the same twice changes nothing.",
		recorded: (events: string) => `${events} recorded.`,
		figures: {
			checked: "Relations compared",
			agreeing: "Agreeing",
			missed_unfollows: "Missed unfollows",
			missed_follows: "Missed follows",
			unknown_to_log: "Older than the log, or erased",
			undecided: "Not yet decided",
			recorded: "Recorded",
		},
	},

	events: {
		title: "Events",
		timeline: "Timeline",
		allTimes: "Show all times",
		filter: "Filter the events",
		role: "Role",
		roles: { "": "Either", actor: "Actor", target: "Target" } satisfies Record<Role | "", string>,
		kind: "Kind",
		all: "All",
		row: (time: string, kind: string, user: string) => `${time}: ${kind} by ${user}, show the record`,
		many: "There are many new events.",
		/** A mark of an event that no webhook brought. */
		compared: "found by a comparison",
		damaged: (links: Node) => sentence`Not listed, because the log has them damaged; KV may have them whole: ${links}.`,
	},

	empty: {
		noMatch: "No event matches. ",
		exactly: EXACTLY,
		showAll: "Show all events",
		noLog: (d1: Node) => sentence`Events are not listed, because ${d1} is not among the sinks.`,
		toBind: (sinks: Node, db: Node, d1: Node, setting: Node) =>
			sentence`Events go to ${sinks}. To see them here, bind ${db} to a D1 database and add ${d1} to ${setting}.`,
		noEvents: "No events yet.",
		removed: (setting: Node) => sentence`The app was removed from ${setting}: nothing arrives for it.`,
		firstComes: "The first one will appear here by itself.",
		pending: "Events came, and are still to be stored in the log.",
		pendingCome: "They will appear here by themselves.",
		deleted: "Events came, and the log has none of them.",
		deletedBy: (ago: Node, d1: Node) =>
			sentence`The last one came ${ago}. They were deleted: by RETENTION_DAYS, with a user who was erased, or one by one. Or they came while ${d1} was not among the sinks: a reindex brings those that KV has.`,
		noCall: "No call has arrived yet.",
		register: `Register this URL in the Chat console, and ${SWITCH_ON}:`,
		noCallSince: (since: string) => `No call has arrived ${since}.`,
		longerRange: (ago: Node) => sentence`The last call came ${ago}. A longer range tells what became of it.`,
		lastCall: (ago: Node) => sentence`The last call came ${ago}.`,
		noEventAmong: "Calls arrive, but no follow or unfollow was among them.",
		switchOn: (ago: Node) => sentence`The last call came ${ago}. In the Chat console, ${SWITCH_ON}.`,
		rejected: (reasons: Node) => sentence`Calls arrive, and are rejected: ${reasons}`,
		rejectedFor: (calls: string, reason: Node, advice: string) => sentence`${calls} ${reason}: ${advice}`,
	},

	export: {
		open: "Export…",
		title: "Export",
		run: "Export",
		events: "Events",
		ofUser: "of this user",
		asRole: { actor: "as the actor", target: "as the target" } satisfies Record<Role, string>,
		what: (parts: string[]) => `${parts.join(", ")}.`,
		form: "Form",
		forms: {
			spreadsheet: "For a spreadsheet: CSV without formulas",
			jsonl: "For programs: JSON Lines, one line for each event",
			csv: "For programs: CSV, one row for each target",
		} satisfies Record<Format, string>,
		times: "Times",
		allTimes: "All that are stored",
		range: (range: string, since: string) => `The last ${range}, ${since}`,
		progress: (events: string) => `${events} …`,
		done: (events: string) => `${events} exported.`,
		/** By the form: of events that the log has damaged. */
		damaged: (isInFile: boolean, links: Node) =>
			sentence`${isInFile ? "In the file by their times and ids alone" : "Not in the file"}, because the log has them damaged; KV may have them whole: ${links}.`,
	},
	progress: "Progress",

	record: {
		event: "Event",
		title: (kind: string, time: string) => `${kind}, ${time}`,
		missing: "This event is not stored, or not any more.",
		notCopied: "The browser does not allow copying; the text is selected.",
		replayed: "The event is on the queue to your backend.",
		deleted: "The event was deleted.",
		copyJson: "Copy JSON",
		toDelete: "Delete…",
		ask: "Delete this event for good?",
		keep: "Keep it",
		delete: "Delete",
		json: "The record as JSON",
		facts: {
			actor: "Actor",
			target: "Target",
			targets: "Targets",
			happened: "Happened",
			source: "Source",
			received: "Received",
			platform: "Platform",
			clientIp: "Client IP",
			delivery: "Delivery",
			answer: "Its answer",
		},
		/** When an unfollow happened that a comparison has recorded. */
		between: (notBefore: Node, at: Node) => sentence`Between ${notBefore} and ${at}`,
		comparison: "Found by a comparison with Tencent's data; no webhook brought it",
		/** The state of a delivery, its attempts and how the last one ended. */
		state: (parts: Node[]): Node => joined(parts, ", "),
		/** When it was in that state. */
		at: (time: Node) => sentence` (${time})`,
		nextAttempt: (due: Node) => sentence`; next attempt ${due}`,
		/** Not each attempt of a delivery that is retried is noted. */
		atLeast: (attempts: Node) => sentence`at least ${attempts}`,
		replay: ". Replay the event to have it delivered.",
	},

	deliveries: {
		/** How the last attempt ended; of the answer, see `answered`. */
		failures: {
			timeout: "your backend did not answer in time",
			unreachable: "your backend could not be reached",
			too_large: "your backend's answer was too long",
			queue: "the queue did not take it",
			kv: "KV did not take it",
			d1: "D1 did not take it",
			settings: "the settings are invalid",
			unreadable: "the message cannot be read",
			app_removed: "the app is no longer in SDK_APP_IDS",
			retries_exhausted: "the queue gave up on it",
			fail: "your backend's answer said FAIL",
			crashed: "it stopped the Worker that processed it",
			unknown_queue: "it came from a queue of another name",
		} satisfies Record<Failure, string>,
		answered: (status: number, isFail: boolean) => `your backend answered ${status}${isFail ? " and FAIL" : ""}`,
		/** A failure that only a newer Worker knows. */
		otherFailure: "it failed in a way that this version does not know",
		noAttempt: "no attempt yet",
		states: {
			retrying: "Being retried",
			dead: "Given up",
			delivered: "Delivered",
			delivered_fail: "Delivered, and answered FAIL",
			overdue: "Overdue: nothing was heard of its last attempt",
			unknown: "Unknown to this version",
		} satisfies Record<Delivery["state"], string>,
		jobs: {
			deliver: "to be delivered",
			store_kv: "to be stored in KV",
			store_d1: "to be stored in D1",
			unknown: "in a way that this version does not know",
		} satisfies Record<NonNullable<DeadLetter["job"]>, string>,
	},

	deadLetters: {
		title: "Dead letters",
		back: "Overview",
		none: "None. An event that cannot be delivered to your backend, or stored, is listed here and can be replayed.",
		noneOfReason: "None has this reason.",
		reason: "Reason",
		all: (n: string) => `All (${n})`,
		ofReason: (reason: string, n: string) => `${reason} (${n})`,
		replayAll: "Replay all",
		select: (id: string) => `Select ${id}`,
		selectAll: "Select all that are shown",
		selected: (n: string) => `${n} selected`,
		replayMany: (n: string) => `Replay ${n}`,
		discardMany: (n: string) => `Discard ${n}…`,
		toDiscard: "Discard…",
		replayAgain: "Replay again",
		cannotReplay: "Cannot be replayed",
		record: "Record",
		/** A button, and the id of what it is for. */
		actionOn: (action: string, id: string) => `${action} ${id}`,
		givenUp: (ago: Node) => sentence`given up ${ago}`,
		received: (time: Node) => sentence`received ${time}`,
		replayedSince: (time: Node) => sentence`Being replayed since ${time}`,
		usersUnknown: "Users are not known: the message cannot be read.",
		usersFailed: "Users could not be read. ",
		readAgain: "Read again",
		discarded: (letters: string) => `${letters} discarded`,
		replayed: (letters: string) => `${letters} put back on the queue`,
		done: (what: string) => `${what}.`,
		/** What is done so far, and how many are left, or null. */
		underWay: (what: string, left: string | null) => `${what}${left === null ? "" : `, ${left} left`} …`,
		refused: (letters: string, reason: string) => `${letters} refused: ${reason}`,
		gone: "It is gone, or its app was removed.",
		askOne: "Discard this dead letter?",
		askMany: (letters: string) => `Discard ${letters}?`,
		effectOne: (id: Node) => sentence`It will not be delivered or stored any more. ${id}`,
		effectMany: "They will not be delivered or stored any more. ",
	},

	alerts: {
		wrong: "Something is wrong",
		notices: "Notices",
		severities: { critical: "Critical", warning: "Warning", notice: "Notice" },
		action: (action: string) => (action === "" ? ". " : `. ${action} `),
		last: (ago: Node) => sentence`Last ${ago}. `,
		since: (time: Node) => sentence`Since ${time}. `,
		record: (time: Node) => sentence`Record of ${time}`,
		toUser: "The user's history",
		acknowledge: "Acknowledge",
		acknowledged: (n: number) => `Acknowledged (${n})`,
		undo: "Show again",
		atLeast: "Calls are counted now and then; there were at least so many.",
	},
};
