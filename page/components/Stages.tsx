// What stands in the place of the board: loading, the sign-in, and what is said where nothing can be shown.

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { SECOND } from "../lib/format.ts";
import { resume, type Stage, signIn } from "../state/session.ts";
import { Button, focus, Link, P, Problem, Skeleton } from "./ui.tsx";

export const Opening = () => (
	<main class="opening" aria-busy="true" aria-label="Loading">
		<Skeleton />
		<Skeleton tall />
	</main>
);

const Message = ({ title, children }: { title: string; children: ComponentChildren }) => (
	<main class="stage">
		<div class="card">
			<h1>{title}</h1>
			{children}
		</div>
	</main>
);

export const Stuck = ({ problem }: Stage) => (
	<Message title="Nothing to show">
		<Problem text={problem} />
		<Button text="Try again" class="primary" ref={focus} onClick={resume} />
	</Message>
);

export function Insecure() {
	const toHttps = <Link href={location.href.replace(/^http:/, "https:")} text="Open this page over HTTPS" />;
	const sentences = ["Anybody on the network path could read the token. ", toHttps, "."];
	return <Message title="Not over plain HTTP" children={<P text={sentences} />} />;
}

/** @param props.stage another object for each answer: the focus goes back to the token */
export function Login({ stage }: { stage: Stage }) {
	const token = useRef<HTMLInputElement>(null);
	const [isBusy, setBusy] = useState(false);
	const pause = usePause(stage);
	useLayoutEffect(() => token.current?.focus(), [stage]);
	const submit = async (event: Event) => {
		event.preventDefault();
		setBusy(true);
		await signIn(token.current?.value ?? "");
		setBusy(false);
	};
	const secrets = [
		"The Worker's secret ",
		<code>ADMIN_TOKEN</code>,
		", or ",
		<code>VIEWER_TOKEN</code>,
		" to look only. ",
	];
	const stored = [
		"This tab stores it until you sign out, or have not used the page for 12 hours. ",
		"Closing the tab is not enough: browsers restore tabs.",
	];
	return (
		<Message title="Sign in">
			<P text="See what the webhook has received." />
			<form onSubmit={submit}>
				{/* For password managers, which store a password with a name. */}
				<input type="text" name="username" value="operator" autocomplete="username" hidden />
				<label for="token">Token</label>
				<input
					{...{ ref: token, id: "token", name: "token", type: "password", autocomplete: "current-password" }}
					{...{ autocapitalize: "off", spellcheck: false, required: true, "data-testid": "token" }}
					aria-invalid={Boolean(stage.problem)}
					aria-describedby="token-hint token-problem"
				/>
				<Problem id="token-problem" text={stage.problem} />
				<Button text="Sign in" type="submit" class="primary" disabled={isBusy || pause > 0} />
				<P class="hint" text={pause > 0 && `The next try is possible in ${pause} s.`} testid="pause" />
			</form>
			<P id="token-hint" class="hint" text={[secrets, stored]} />
		</Message>
	);
}

/** Seconds that are left of the pause after a wrong token. */
function usePause({ pausedUntil = 0 }: Stage): number {
	const left = () => Math.max(0, Math.ceil((pausedUntil - performance.now()) / SECOND));
	const [, count] = useState(0);
	useEffect(() => {
		const timer = setInterval(() => {
			count(left());
			if (left() === 0) clearInterval(timer);
		}, SECOND / 4);
		return () => clearInterval(timer);
	}, [pausedUntil]);
	return left();
}
