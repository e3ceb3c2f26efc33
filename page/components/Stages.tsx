// What stands in the place of the board: loading, the sign-in, and what is said where nothing can be shown.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { resume, type Stage, signIn } from "../state/session.ts";
import { Hint, Link, Problem, Skeleton } from "./Card.tsx";
import { Button, focus } from "./Controls.tsx";

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

export const Stuck = ({ problem }: { problem: string }) => (
	<Message title="Nothing to show">
		<Problem text={problem} />
		<Button text="Try again" class="primary" ref={focus} onClick={resume} />
	</Message>
);

export const Insecure = () => (
	<Message title="Not over plain HTTP">
		<p>
			Anybody on the network path could read the admin token.{" "}
			<Link href={location.href.replace(/^http:/, "https:")} text="Open this page over HTTPS" />.
		</p>
	</Message>
);

/** @param props.stage another object for each answer: the focus goes back to the token */
export function Login({ stage }: { stage: Extract<Stage, { name: "login" }> }) {
	const token = useRef<HTMLInputElement>(null);
	const [isBusy, setBusy] = useState(false);
	useLayoutEffect(() => token.current?.focus(), [stage]);
	const submit = async (event: Event) => {
		event.preventDefault();
		setBusy(true);
		await signIn(token.current?.value ?? "");
		setBusy(false);
	};
	return (
		<Message title="Sign in">
			<p>See what the webhook has received.</p>
			<form onSubmit={submit}>
				{/* For password managers, which store a password with a name. */}
				<input type="text" name="username" value="operator" autocomplete="username" hidden />
				<label for="token">Admin token</label>
				<input
					ref={token}
					id="token"
					name="token"
					type="password"
					autocomplete="current-password"
					autocapitalize="off"
					spellcheck={false}
					required
					aria-invalid={stage.problem !== ""}
					aria-describedby="token-hint token-problem"
					data-testid="token"
				/>
				<Problem id="token-problem" text={stage.problem} />
				<Button text="Sign in" type="submit" class="primary" disabled={isBusy} />
			</form>
			<div id="token-hint">
				<Hint
					text={[
						"The Worker's secret ",
						<code>ADMIN_TOKEN</code>,
						". This tab stores it until you sign out or close it.",
					]}
				/>
			</div>
		</Message>
	);
}
