// What the bundle's npm scripts run: the script of the given name, once it is sure that it can run, with the arguments behind
// it. Without a name, as after `npm install`, it only makes wrangler.toml, which a newer bundle then leaves as it is. For any
// Node, however old, that can run modules.

import { copyFileSync, existsSync } from "node:fs";

const NODE_MIN = [22, 12];

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1])) {
	console.error(
		`Node.js ${NODE_MIN.join(".")} or newer is needed, and this is ${process.versions.node}: install one, then run \`npm install\` again.`,
	);
	process.exit(1);
}
const CONFIG = new URL("../wrangler.toml", import.meta.url);
if (!existsSync(CONFIG)) {
	copyFileSync(new URL("../wrangler.toml.example", import.meta.url), CONFIG);
	console.error("wrangler.toml was made of wrangler.toml.example.");
}
const [name] = process.argv.splice(2, 1);
if (name !== undefined) {
	// A program needs Node alone.
	if (name !== "program" && !existsSync(new URL("../node_modules/wrangler", import.meta.url))) {
		console.error("wrangler is not installed: run `npm install` first.");
		process.exit(1);
	}
	await import(`./${name}.mjs`);
}
