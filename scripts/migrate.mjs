// Applies the migrations to the D1 database on Cloudflare, which is created where it is missing, and deploys nothing.

import { eventLog, Refusal, readConfig, refusable, refuseArguments } from "./config.mjs";
import { checkDatabase, checkEnvironment, prepareDatabase } from "./database.mjs";
import { CONFIG } from "./wrangler.mjs";

await refusable(() => {
	refuseArguments("migrate");
	checkEnvironment();
	const config = readConfig(CONFIG);
	if (eventLog(config) === undefined)
		throw new Refusal("wrangler.toml binds no database to DB, so there is nothing to migrate.");
	const problem = checkDatabase(config);
	if (problem !== undefined) throw new Refusal(problem);
	prepareDatabase(config);
});
