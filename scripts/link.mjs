// Makes the two files of the Worker out of what cargo compiled: index.js and index_bg.wasm, as small as they get.
//
//   node scripts/link.mjs COMPILED.wasm FOLDER
//
// wasm-bindgen writes the JavaScript that belongs to the wasm, esbuild puts it into one file with src/edge/*.js, and binaryen
// makes the wasm smaller. What worker-build does besides is left out: an entry that wraps every call in Proxies, and classes
// of the `worker` crate that nobody here uses but that are exported all the same, a tenth of the size.
import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";

const [compiled, folder] = process.argv.slice(2);
const [glue, wasm] = ["index.js", "index_bg.wasm"].map((name) => join(folder, name));
const run = (command, ...args) => execFileSync(command, args, { stdio: ["ignore", "ignore", "inherit"] });

run(
	"wasm-bindgen",
	compiled,
	...["--target", "module", "--no-typescript", "--out-name", "index", "--out-dir", folder],
	// After a panic, the next call starts the wasm again.
	...["--experimental-reset-state-function", "--force-enable-abort-handler"],
);

// A class that wraps a struct, and what frees such structs.
const CLASS = /^(export )?class \w+ \{\n[^]*?^\}\n(if \(Symbol\.dispose\) [^\n]*\n)?/gm;
const FINALIZATION = /^const \w+Finalization = [^]*?^\}\);\n/gm;
// What wasm-bindgen writes for each function that the wasm imports from runtime.js as it is.
const NAMESPACES = /^import \* as import\d+ from "\.\/runtime\.js"\n|^ {8}"\.\/runtime\.js": import\d+,\n/gm;
// One of what the wasm imports: in the JavaScript, and in the wasm's text.
const PROVIDED = /^ {8}(__wb\w+): (function\([^]*?^ {8}\}|[^\n]*),\n/gm;
const IMPORTED = /\(import "\.\/(index_bg|runtime)\.js" "(\w+)"/g;
const PROVIDES = "const import0 = {\n        __proto__: null,\n";

let js = readFileSync(glue, "utf8")
	.replace("import source ", "import ")
	.replace(CLASS, "")
	.replace(FINALIZATION, "")
	.replace(NAMESPACES, "");
for (const file of ["entry.js", "runtime.js"]) copyFileSync(join("src/edge", file), join(folder, file));

// The wasm keeps the exports that are left in the JavaScript, and what those need.
const FEATURES = [
	...["bulk-memory", "bulk-memory-opt", "call-indirect-overlong", "exception-handling", "multivalue", "mutable-globals"],
	...["nontrapping-float-to-int", "reference-types", "sign-ext"],
].map((feature) => `--enable-${feature}`);
const tool = (name, ...args) => run(join("node_modules/.bin", name), ...FEATURES, ...args);
const used = new Set(Array.from(js.matchAll(/\bwasm\.(\w+)/g), ([, name]) => name));
const exported = WebAssembly.Module.exports(new WebAssembly.Module(readFileSync(wasm))).map(({ name }) => name);
const graph = exported.map((name) => ({ name, export: name, ...(used.has(name) && { root: true }) }));
writeFileSync(join(folder, "graph.json"), JSON.stringify(graph));
tool("wasm-metadce", wasm, "--graph-file", join(folder, "graph.json"), "-o", wasm);
// The names of functions go too, a fifth of the size: a panic is reported with its file and line. Inlining what has one
// caller makes the wasm smaller and its gzip larger. A second -Oz finds another kilobyte.
// The lowest kilobyte of memory is the far end of Rust's stack, so no address in it is ever meant.
const shrink = ["-Oz", "--low-memory-unused", "--one-caller-inline-max-function-size=20", "--strip-debug", "--strip-producers"];
const text = join(folder, "index_bg.wat");
tool("wasm-opt", wasm, ...shrink, "-S", "-o", text);

// The JavaScript provides what is left of the imports, and both call each by a letter or two instead of by its name and a
// hash: two kilobytes.
const short = new Map();
const direct = [];
const imported = readFileSync(text, "utf8").replace(IMPORTED, (_, from, name) => {
	if (!short.has(name)) {
		short.set(name, short.size.toString(36));
		if (from === "runtime") direct.push(name);
	}
	return `(import "./index_bg.js" "${short.get(name)}"`;
});
// gzip finds what is alike where it stands close together: functions go by their size (doubling from class to class), then
// by their type. Three kilobytes.
const FUNCTION = /^ \(func [^]*?^ \)\n/gm;
const functions = imported.match(FUNCTION).map((text) => {
	const [, type] = /^ \(func \S+(.*)/.exec(text);
	return { text, order: [Math.floor(Math.log2(text.length)), type.replace(/\$\S+/g, ""), text.length] };
});
const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
functions.sort(({ order: a }, { order: b }) => compare(a[0], b[0]) || compare(a[1], b[1]) || compare(a[2], b[2]));
writeFileSync(text, imported.replace(FUNCTION, () => functions.shift().text));
tool("wasm-opt", text, ...shrink, "-o", wasm);
let provided = direct.length;
const aliases = direct.map((name) => `${name} as runtime_${name}`).join(", ");
const members = direct.map((name) => `        "${short.get(name)}": runtime_${name},\n`).join("");
js = js.replace(PROVIDED, (text, name) => {
	if (!short.has(name)) return "";
	provided++;
	return text.replace(name, `"${short.get(name)}"`);
});
js = `import { ${aliases} } from "./runtime.js";\n${js.replace(PROVIDES, PROVIDES + members)}`;
if (provided !== short.size || !js.includes(PROVIDES)) throw new Error(`${short.size} imports, and ${provided} found: has wasm-bindgen changed?`);
writeFileSync(glue, js);

await build({
	entryPoints: [join(folder, "entry.js")],
	outfile: glue,
	allowOverwrite: true,
	bundle: true,
	minify: true,
	format: "esm",
	target: "esnext",
	external: ["cloudflare:*", `./${basename(wasm)}`],
	logLevel: "warning",
});
