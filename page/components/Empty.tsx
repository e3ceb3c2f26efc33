// Why the list of events is empty.

import { countOf, rejectedOf } from "../state/alerts.ts";
import type { Board } from "../state/board.ts";
import { eventsRef, moveFocus } from "../state/focus.ts";
import { go, route } from "../state/route.ts";
import { adviceOn } from "../text/rejections.ts";
import { Ago } from "./Time.tsx";

export function Empty({ board }: { board: Board }) {
	const { kind, user, since } = route.value;
	const showAll = () => {
		go({ kind: null, user: null, since: null, until: null });
		moveFocus(eventsRef);
	};
	if (kind === null && user === null && since === null) {
		return (
			<div class="nothing" data-testid="empty">
				<Reason board={board} />
			</div>
		);
	}
	return (
		<div class="nothing">
			<p data-testid="nothing-found">
				No event matches. {user !== null && "UserIDs are matched exactly: case counts, and so do spaces."}
			</p>
			<button type="button" class="quiet" onClick={showAll}>
				Show all events
			</button>
		</div>
	);
}

function Reason({ board }: { board: Board }) {
	const { sinks, webhook_path: path } = board.status.value;
	if (!board.hasLog.value) {
		return (
			<>
				<p>
					<strong>Events are not listed, because </strong>
					<code>d1</code>
					<strong> is not among the sinks.</strong>
				</p>
				<p>
					Events go to <code>{sinks.join(", ")}</code>. To see them here, bind <code>DB</code> to a D1 database and add{" "}
					<code>d1</code> to <code>SINKS</code>.
				</p>
			</>
		);
	}
	const { data } = board.alerts.findings;
	if (data === null) return null;
	if (data.calls === null) return <p>No events yet. The first one will appear here by itself.</p>;
	const [rejected] = rejectedOf(data.calls);
	const stored = countOf(data.calls, "stored") + countOf(data.calls, "queued");
	const { advice, isStray } = adviceOn(rejected?.[0] ?? "");
	if (rejected !== undefined && stored === 0 && !isStray) {
		return (
			<>
				<p>
					<strong>Calls arrive, and are rejected: </strong>
					<code>{rejected[0]}</code>
				</p>
				<p>{advice}</p>
			</>
		);
	}
	const { value: lastCall } = board.alerts.lastCall;
	if (lastCall === null || lastCall === undefined) {
		return (
			<>
				<p>
					<strong>No call has arrived yet.</strong>
				</p>
				<p>
					Register this URL in the Chat console, and switch on the webhooks after a user is followed and unfollowed:
				</p>
				<p>
					<code class="url" data-testid="webhook-url">
						{location.origin + path}
					</code>
				</p>
			</>
		);
	}
	return (
		<>
			<p>
				<strong>Calls arrive, but no follow or unfollow was among them.</strong>
			</p>
			<p>
				The last call came <Ago at={lastCall} />. In the Chat console, switch on the webhooks after a user is followed
				and unfollowed.
			</p>
		</>
	);
}
