// What stands in the place of the board: loading, the sign-in, and what is said where nothing can be shown.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { resume, type Stage, signIn } from "../state/session.ts";
import { Skeleton } from "./Card.tsx";

export const Opening = () => (
	<main class="opening" aria-busy="true" aria-label="Loading">
		<Skeleton />
		<Skeleton tall />
	</main>
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
		<main class="stage">
			<form class="card login" onSubmit={submit}>
				<h1>Sign in</h1>
				<p>See what the webhook has received.</p>
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
				<p class="problem" id="token-problem" role="alert">
					{stage.problem}
				</p>
				<button type="submit" class="primary" disabled={isBusy}>
					Sign in
				</button>
				<p class="hint" id="token-hint">
					The Worker's secret <code>ADMIN_TOKEN</code>. This tab stores it until you sign out or close it.
				</p>
			</form>
		</main>
	);
}

const focus = (element: HTMLElement | null) => element?.focus();

export const Stuck = ({ problem }: { problem: string }) => (
	<main class="stage">
		<div class="card">
			<h1>Nothing to show</h1>
			<p class="problem" role="alert">
				{problem}
			</p>
			<button type="button" class="primary" ref={focus} onClick={resume}>
				Try again
			</button>
		</div>
	</main>
);

export const Insecure = () => (
	<main class="stage">
		<div class="card">
			<h1>Not over plain HTTP</h1>
			<p>
				Anybody on the network path could read the admin token.{" "}
				<a href={location.href.replace(/^http:/, "https:")}>Open this page over HTTPS</a>.
			</p>
		</div>
	</main>
);
