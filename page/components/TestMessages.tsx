// Sends a test message to each place where messages about alerts go, and says what each service answered.

import { useState } from "preact/hooks";
import { sentenceOf, type TestedTarget } from "../api/client.ts";
import type { Board } from "../state/board.ts";
import { t } from "../text/language.ts";
import { Button, P } from "./ui.tsx";

type Outcome = { targets: TestedTarget[] } | { failure: unknown } | null;

export function TestMessages({ board }: { board: Board }) {
	const [outcome, setOutcome] = useState<Outcome>(null);
	const [isBusy, setBusy] = useState(false);
	if (!board.mayChange.value) return null;
	const { testMessages: text } = t();
	const send = async () => {
		setBusy(true);
		setOutcome(null);
		try {
			setOutcome(await board.session.api.post("/v1/alerts/test", {}));
		} catch (failure) {
			setOutcome({ failure });
		}
		setBusy(false);
	};
	return (
		<div class="test-messages">
			<Button text={text.send} disabled={isBusy} onClick={send} testid="test-messages" />
			<div role="status" data-testid="test-messages-outcome">
				{outcome !== null && "failure" in outcome && <P class="problem" text={sentenceOf(outcome.failure)} />}
				{outcome !== null && "targets" in outcome && <ul>{outcome.targets.map(row)}</ul>}
			</div>
		</div>
	);
}

/** One line for a target. The codes and the words of a service are its own. */
function row({ position, service, taken, status, code, answer, error }: TestedTarget) {
	const { testMessages: text } = t();
	const said = [status, code, answer ?? error].filter((part) => part !== null).join(" ");
	return (
		<li key={position} class={taken ? "" : "problem"}>
			{`${position} ${service}: ${taken ? text.taken : text.refused(said)}`}
		</li>
	);
}
