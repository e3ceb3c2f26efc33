// What a client of the API may rely on, as openapi-typescript reads the description: it compiles, and what is wrong does not.
import type { components, paths } from "./openapi.d.ts";

type Schemas = components["schemas"];
type Json<Operation extends { responses: { 200: { content: { "application/json": unknown } } } }> =
	Operation["responses"][200]["content"]["application/json"];

const page: Json<paths["/v1/events"]["get"]> = { events: [], damaged: [], cursor: null };
const deliveries: Json<paths["/v1/deliveries"]["get"]> = {
	deliveries: [
		{
			sdk_app_id: 1400000000,
			event_id: "8297981656321-4291e1af60c1595d47059136803c0cb2",
			state: "unknown",
			attempts: 1,
			last_status: null,
			last_error: null,
			answer: null,
			next_attempt_at: null,
			updated_at: 1702018344500,
		},
	],
	cursor: "00",
};
const body: Schemas["EventRecord"]["body"] = { CallbackCommand: "Follow.CallbackAfterFollowAdd", FollowList: [{}] };
const role: Json<paths["/v1/status"]["get"]>["role"] = "viewer";
const query: paths["/v1/users/{app}"]["get"]["parameters"] = {
	path: { app: 1400000000 },
	query: { user: "a", since: 1 },
};

// @ts-expect-error: no word of ours
const error: Schemas["Delivery"]["last_error"] = "tired";
// @ts-expect-error: a member that no event has
const member = page.events[0]?.unfollower;
// @ts-expect-error: the user is required
const nobody: paths["/v1/users/{app}"]["get"]["parameters"]["query"] = {};
// @ts-expect-error: no parameter of ours
const misspelt: paths["/v1/events"]["get"]["parameters"]["query"] = { lmit: 1 };

export { body, deliveries, error, member, misspelt, nobody, page, query, role };
