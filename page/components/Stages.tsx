// What stands in the place of the board: loading, the sign-in, and what is said where nothing can be shown.

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { SECOND } from "../lib/format.ts";
import { resume, type Stage, signIn, UNUSED_MAX } from "../state/session.ts";
import { t } from "../text/language.ts";
import { Button, focus, Link, P, Problem, Skeleton } from "./ui.tsx";

export const Opening = () => (
	<main class="opening" aria-busy="true" aria-label={t().stages.loading}>
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
	<Message title={t().stages.nothing}>
		<Problem text={problem?.()} />
		<Button text={t().actions.tryAgain} class="primary" ref={focus} onClick={resume} />
	</Message>
);

export function Insecure() {
	const toHttps = <Link href={location.href.replace(/^http:/, "https:")} text={t().stages.toHttps} />;
	return <Message title={t().stages.insecure} children={<P text={t().stages.readable(toHttps)} />} />;
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
	const { actions, stages } = t();
	const secrets = stages.secrets(<code>ADMIN_TOKEN</code>, <code>VIEWER_TOKEN</code>);
	return (
		<Message title={actions.signIn}>
			<P text={stages.about} />
			<form onSubmit={submit}>
				{/* For password managers, which store a password with a name. */}
				<input type="text" name="username" value="operator" autocomplete="username" hidden />
				<label for="token">{stages.token}</label>
				<input
					{...{ ref: token, id: "token", name: "token", type: "password", autocomplete: "current-password" }}
					{...{ autocapitalize: "off", spellcheck: false, required: true, "data-testid": "token" }}
					aria-invalid={stage.problem !== undefined}
					aria-describedby="token-hint token-problem"
				/>
				<Problem id="token-problem" text={stage.problem?.()} />
				<Button text={actions.signIn} type="submit" class="primary" disabled={isBusy || pause > 0} />
				<P class="hint" text={pause > 0 && stages.pause(pause)} testid="pause" />
			</form>
			<P id="token-hint" class="hint" text={[secrets, stages.stored(UNUSED_MAX)]} />
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
