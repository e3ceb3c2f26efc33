// What the bundle's npm scripts run: the script of the given name, once it is sure that it can run. For any Node, however
// old, that can run modules.

import { existsSync } from "node:fs";

const NODE_MIN = [22, 12];

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1])) {
	console.error(
		`Node.js ${NODE_MIN.join(".")} or newer is needed, and this is ${process.versions.node}: install one, then run \`npm install\` again.`,
	);
	process.exit(1);
}
if (!existsSync(new URL("../node_modules/wrangler", import.meta.url))) {
	console.error("wrangler is not installed: run `npm install` first.");
	process.exit(1);
}
await import(`./${process.argv[2]}.mjs`);
