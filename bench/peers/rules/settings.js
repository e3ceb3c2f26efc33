// The settings, read from the bindings once for each isolate.

let settings;

export function settingsOf(env) {
	return (settings ??= read(env));
}

/** `null` where a setting is missing or invalid: each call is then rejected. */
function read(env) {
	const apps = new Map(
		(env.SDK_APP_IDS ?? "").split(",").map((id) => [id.trim(), { id: Number(id), tokens: tokens(env, id.trim()) }]),
	);
	const complete = [...apps].every(([id, { tokens }]) => /^[1-9][0-9]{0,14}$/.test(id) && tokens.length > 0);
	// The peers always store in KV, and in D1 where SINKS says so.
	const wantsD1 = env.SINKS === "kv,d1";
	if (!complete || !env.EVENTS || (wantsD1 && !env.DB)) return null;
	const all = new Set([...apps.values()].flatMap(({ tokens }) => tokens));
	const database = wantsD1 ? env.DB : undefined;
	return { apps, allTokens: [...all], path: env.WEBHOOK_PATH ?? "/", events: env.EVENTS, database };
}

/** An app's own tokens, or else those that all apps share: the current one, then the previous one. */
function tokens(env, id) {
	for (const name of [`CALLBACK_TOKEN_${id}`, "CALLBACK_TOKEN"]) {
		const tokens = [env[name], env[`${name}_PREVIOUS`]].filter(Boolean);
		if (tokens.length > 0) return tokens;
	}
	return [];
}
