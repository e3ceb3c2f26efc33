// The settings, read from the bindings once for each isolate.

/**
 * The bindings. Those whose names have an SDKAppID in them are not listed.
 * @typedef {object} Env
 * @property {KVNamespace} [EVENTS]
 * @property {D1Database} [DB]
 * @property {string} [SDK_APP_IDS]
 * @property {string} [SINKS]
 * @property {string} [WEBHOOK_PATH]
 */
/** @typedef {{ id: number, tokens: string[] }} App */
/**
 * @typedef {object} Settings
 * @property {Map<string, App>} apps by their SDKAppIDs
 * @property {string[]} allTokens
 * @property {string} path of the webhook
 * @property {KVNamespace} events
 * @property {D1Database | undefined} database where D1 is a sink
 */

/** @type {Settings | null | undefined} */
let settings;

/** @param {Env} env */
export function settingsOf(env) {
	settings ??= read(env);
	return settings;
}

/**
 * `null` where a setting is missing or invalid: each call is then rejected.
 * @param {Env} env
 * @returns {Settings | null}
 */
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

/**
 * An app's own tokens, or else those that all apps share: the current one, then the previous one.
 * @param {Record<string, unknown>} env
 * @param {string} id
 */
function tokens(env, id) {
	for (const name of [`CALLBACK_TOKEN_${id}`, "CALLBACK_TOKEN"]) {
		const values = [env[name], env[`${name}_PREVIOUS`]];
		const tokens = values.flatMap((value) => (typeof value === "string" && value !== "" ? [value] : []));
		if (tokens.length > 0) return tokens;
	}
	return [];
}
