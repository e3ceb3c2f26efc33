// What to do about calls that were not answered OK, by the reason that the Worker counts them under. A test compares the
// names with the Worker's own table.

export interface Advice {
	advice: string;
	/** Whether strangers who try addresses cause it too. */
	isStray?: boolean;
}

/** What to do, by reason. */
const REJECTIONS: Record<string, Advice> = {
	settings: { advice: "Fix the invalid settings." },
	loop: { advice: "ORIGIN_URL leads back to this Worker: set it to your backend." },
	not_found: {
		advice: "Is the registered URL's path WEBHOOK_PATH? Strangers who try addresses end up here too.",
		isStray: true,
	},
	insecure: { advice: "Register the https URL in the Chat console.", isStray: true },
	method: { advice: "Webhooks are POST requests: these were probably not Tencent's.", isStray: true },
	query_too_long: {
		advice: "The query is longer than Tencent's ever is: these were probably not Tencent's.",
		isStray: true,
	},
	query_encoding: { advice: "The query cannot be read. Is something between Tencent and the Worker changing it?" },
	query_duplicate: { advice: "A parameter comes twice. Does the registered URL have a query? It must not." },
	sdk_app_id_missing: { advice: "The query names no SDKAppID: these were probably not Tencent's.", isStray: true },
	sdk_app_id_foreign: { advice: "Add the SDKAppID to SDK_APP_IDS, if the app is yours." },
	no_token: { advice: "Set CALLBACK_TOKEN to the token in the Chat console." },
	sign_missing: { advice: "Switch on webhook authentication in the Chat console." },
	sign_malformed: { advice: "Sign is not 64 hex digits: these were probably not Tencent's." },
	request_time_missing: { advice: "RequestTime is missing: these were probably not Tencent's." },
	request_time_malformed: { advice: "RequestTime is no time: these were probably not Tencent's." },
	request_time_far: { advice: "They came over 60 s late, or were sent a second time by somebody else." },
	sign_mismatch: { advice: "Is CALLBACK_TOKEN the token in the Chat console?" },
	content_type: { advice: "Choose JSON as the format of webhooks in the Chat console." },
	body_too_large: { advice: "The body is larger than Tencent's ever is." },
	body_late: { advice: "The body did not arrive in time: the connection from Tencent was slow." },
	body_broken: { advice: "The connection broke off before the body was complete." },
	command_missing: { advice: "The call names no CallbackCommand: it was probably not Tencent's." },
	body_not_an_object: { advice: "The body is no JSON object: it was probably not Tencent's." },
	duplicate_member: { advice: "The body has a member twice: it was probably not Tencent's." },
	command_mismatch: { advice: "Query and body name different commands: they were probably not Tencent's." },
	from_account: { advice: "From_Account is missing. Has Tencent changed its webhook? Please report it." },
	targets: { advice: "The targets cannot be read. Has Tencent changed its webhook? Please report it." },
	too_many_targets: { advice: "More than 500 targets in one call. Has Tencent changed its webhook? Please report it." },
	event_time: { advice: "EventTime cannot be read. Has Tencent changed its webhook? Please report it." },
	not_stored: {
		advice: "Neither a sink nor the queue took them: these events are lost unless Tencent sends them again.",
	},
	relay_late: { advice: "Your backend did not answer a relayed webhook in time." },
	relay_unreachable: { advice: "Your backend cannot be reached: see ORIGIN_URL." },
	relay_redirect: { advice: "Your backend answers with a redirect, which is not followed: see ORIGIN_URL." },
	relay_not_json: { advice: "Your backend did not answer a relayed webhook with JSON." },
	relay_too_large: { advice: "Your backend's answer to a relayed webhook is larger than 1 MiB." },
};

/** Also of a reason that only a newer Worker knows. */
export const adviceOn = (reason: string): Advice => new Map(Object.entries(REJECTIONS)).get(reason) ?? { advice: "" };
