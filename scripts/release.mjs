// Puts what the bundle holds into a folder: the built Worker and its assets, the programs in wasm, the migrations, the
// scripts that serve and deploy it, wrangler.toml without its build and under another name (the user's own is to survive
// the next bundle), a package.json with npm's scripts, and the documentation.

import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";

const ROOT = join(import.meta.dirname, "..");
const [STAGE] = process.argv.slice(2);

/** npm's scripts, and those that run a program in wasm. */
const COMMANDS = ["dev", "deploy", "migrate", "export", "import"];
const PROGRAMS = ["send", "events", "erase", "compare"];

const FILES = [
	"build/index.js",
	"build/index_bg.wasm",
	"build/assets",
	"build/programs",
	"migrations",
	...[
		...COMMANDS,
		"config",
		"database",
		"event_rows",
		"host",
		"names",
		"program",
		"serve",
		"settings",
		"start",
		"wrangler",
	].map((name) => `scripts/${name}.mjs`),
	"scripts/wrangler.env",
	"src/config/names.json",
	"src/config/features.json",
	".dev.vars.example",
	"README.md",
	"README.zh-CN.md",
	"CHANGELOG.md",
	"CONTRIBUTING.md",
	"SECURITY.md",
	"LICENSE-APACHE",
	"LICENSE-MIT",
	"docs",
	// Not the folder: what someone has installed there is no part of it.
	...[
		"README.md",
		"Backend.java",
		"backend.go",
		"backend.php",
		"express.mjs",
		"fastapi_backend.py",
		"hono.mjs",
		"package.json",
		"requirements.txt",
	].map((name) => `examples/backends/${name}`),
];
// What the scripts need of the tools.
const TOOLS = ["smol-toml", "wrangler"];

const read = (/** @type {string} */ path) => readFileSync(join(ROOT, path), "utf8");

/**
 * The Worker is built: wrangler has no command to run for it, and no sources to watch.
 * @param {string} config
 */
function withoutBuild(config) {
	const stripped = config.replace(/^\[build\]\n(?:[^[\n].*\n)*\n/m, "");
	const { build: _, ...expected } = parse(config);
	if (JSON.stringify(parse(stripped)) !== JSON.stringify(expected))
		throw new Error("[build] is not where it is looked for");
	return stripped;
}

function packageJson() {
	const cargo = /** @type {{ package: Record<string, string> }} */ (parse(read("Cargo.toml")));
	const { version, description, license } = cargo.package;
	/** @type {{ devDependencies: Record<string, string>, allowScripts: Record<string, boolean> }} */
	const { devDependencies, allowScripts } = JSON.parse(read("package.json"));
	const { node: _, ...allowed } = allowScripts;
	return {
		name: "unfollow-webhook",
		version,
		description,
		license,
		private: true,
		// wrangler's own.
		engines: JSON.parse(read("node_modules/wrangler/package.json")).engines,
		scripts: {
			postinstall: "node scripts/start.mjs",
			...Object.fromEntries(COMMANDS.map((name) => [name, `node scripts/start.mjs ${name}`])),
			...Object.fromEntries(PROGRAMS.map((name) => [name, `node scripts/start.mjs program ${name}`])),
		},
		dependencies: Object.fromEntries(TOOLS.map((name) => [name, devDependencies[name]])),
		allowScripts: allowed,
		files: ["wrangler.toml.example", "npm-shrinkwrap.json", ...FILES],
	};
}

for (const file of FILES) cpSync(join(ROOT, file), join(STAGE, file), { recursive: true });
writeFileSync(join(STAGE, "wrangler.toml.example"), withoutBuild(read("wrangler.toml")));
writeFileSync(join(STAGE, "package.json"), `${JSON.stringify(packageJson(), null, 2)}\n`);
