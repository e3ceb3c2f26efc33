// Why a call is rejected, and the response in Tencent's form. The texts are the same as ours. A rejection is thrown.

/** Status, ErrorCode and ErrorInfo, by reason. */
const ROWS = {
	settings: [500, 50000, "This Worker's settings are invalid: GET /healthz names them."],
	not_found: [404, 40400, "The webhook does not live at this path: see WEBHOOK_PATH."],
	insecure: [403, 40300, "The webhook is served over https only: register an https URL."],
	method: [405, 40500, "The webhook takes POST only."],
	query_too_long: [400, 40000, "The query is longer than 4096 bytes."],
	query_encoding: [400, 40001, "A parameter of the query is not percent-encoded UTF-8."],
	query_duplicate: [400, 40002, "A parameter of the query is a duplicate."],
	sdk_app_id_missing: [
		400,
		40003,
		"SdkAppid is missing from the query; only the console's check, signed with a configured token, may lack it.",
	],
	sdk_app_id_foreign: [403, 40301, "SdkAppid is none of this Worker's apps: see SDK_APP_IDS."],
	sign_missing: [401, 40101, "Sign is missing: switch on webhook authentication in the Chat console."],
	sign_malformed: [401, 40102, "Sign is not 64 hex digits."],
	request_time_missing: [401, 40103, "RequestTime is missing."],
	request_time_malformed: [401, 40104, "RequestTime is not a time in Unix seconds."],
	request_time_far: [401, 40105, "RequestTime is more than 60 seconds away from now."],
	sign_mismatch: [401, 40106, "Sign does not fit: is CALLBACK_TOKEN the token in the Chat console?"],
	content_type: [415, 41500, "contenttype is not json."],
	body_too_large: [
		413,
		41300,
		"The body is larger than 65536 bytes for a Follow command, or 1048576 bytes for another.",
	],
	body_late: [408, 40800, "The body did not arrive in time."],
	body_broken: [400, 40004, "The body broke off."],
	command_missing: [400, 40005, "CallbackCommand is neither in the query nor in the body."],
	body_not_an_object: [400, 40006, "The body is not a JSON object in UTF-8."],
	command_mismatch: [400, 40008, "The body's CallbackCommand is another than the query's."],
	from_account: [400, 40009, "From_Account is not a non-empty string."],
	targets: [
		400,
		40010,
		"The targets are not a non-empty list: To_Account of strings, or FollowList of objects with a To_Account.",
	],
	too_many_targets: [413, 41301, "There are more than 500 targets."],
	event_time: [400, 40011, "EventTime is not a time in Unix seconds or milliseconds."],
	not_stored: [503, 50300, "The event could not be stored; it may be sent again."],
};

/** @typedef {keyof typeof ROWS} Reason */

/** @type {Partial<Record<Reason, Record<string, string>>>} */
const HEADERS = { method: { allow: "POST" }, not_stored: { "retry-after": "1" } };

/** Not an Error: nobody reads the stack of a rejection, and taking it costs more than all the checks. */
export class Rejection {
	/** @param {Reason} reason */
	constructor(reason) {
		const [status, errorCode, errorInfo] = /** @type {[number, number, string]} */ (ROWS[reason]);
		this.status = status;
		this.errorCode = errorCode;
		this.errorInfo = errorInfo;
		this.reason = reason;
	}

	get body() {
		return JSON.stringify({ ActionStatus: "FAIL", ErrorCode: this.errorCode, ErrorInfo: this.errorInfo });
	}

	/** Headers besides those of every response. */
	get headers() {
		return HEADERS[this.reason];
	}
}
