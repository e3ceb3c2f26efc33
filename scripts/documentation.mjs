// Checks the documentation: every link leads somewhere, README is short, and README.zh-CN.md says what README says. The tables that
// come from the code are compared with it by tests/native/documentation.rs.

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";

const ROOT = join(import.meta.dirname, "..");
const README = "README.md";
const TRANSLATION = "README.zh-CN.md";
const WORDS_MAX = 1200;
const LINES_MAX = 200;
/** The pages of GitHub itself, which are no files. */
const OF_GITHUB = ["../../releases"];

/** @type {string[]} */
const problems = [];

/** @typedef {ReturnType<typeof parse>} Parsed */

const read = (/** @type {string} */ path) => readFileSync(join(ROOT, path), "utf8");

/**
 * The commands in fenced blocks; and of what is left without these blocks, the headings, the targets of links, and the rows
 * of tables.
 * @param {string} markdown
 */
function parse(markdown) {
	/** @type {{ language: string, block: string }[]} */
	const blocks = [];
	const text = markdown.replace(/^( *)```(\w*)\n([\s\S]*?)^\1```$/gm, (_, indent, language, block) => {
		blocks.push({ language, block: block.replaceAll(`\n${indent}`, "\n").slice(indent.length) });
		return "";
	});
	const prose = text.replace(/`[^`\n]*`/g, "");
	return {
		commands: blocks.filter(({ language }) => language === "sh").map(({ block }) => block),
		headings: [...text.matchAll(/^(#+) (.*)$/gm)].map(([, { length: level }, title]) => ({ level, title })),
		links: [...prose.matchAll(/\]\(([^)\s]+)\)/g), ...prose.matchAll(/<img src="([^"]+)"/g)].map(
			([, target]) => target,
		),
		rows: text.match(/^\|.*\|$/gm) ?? [],
	};
}

/**
 * The anchors that GitHub gives to headings.
 * @param {Parsed} parsed
 */
function anchors({ headings }) {
	const seen = new Map();
	return headings.map(({ title }) => {
		const anchor = title
			.toLowerCase()
			.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
			.replace(/[^\p{L}\p{N} _-]/gu, "")
			.replaceAll(" ", "-");
		const before = seen.get(anchor) ?? 0;
		seen.set(anchor, before + 1);
		return before === 0 ? anchor : `${anchor}-${before}`;
	});
}

/**
 * @param {string} file
 * @param {Parsed} parsed
 */
function checkLinks(file, { links }) {
	for (const link of links) {
		if (/^https?:/.test(link) || OF_GITHUB.includes(link)) continue;
		const [path, anchor] = link.split("#");
		const target = path === "" ? file : relative(ROOT, join(ROOT, dirname(file), path));
		if (target.startsWith("..") || !existsSync(join(ROOT, target))) {
			problems.push(`${file}: the link to ${link} leads nowhere`);
		} else if (
			anchor !== undefined &&
			(statSync(join(ROOT, target)).isDirectory() || !anchors(parse(read(target))).includes(anchor))
		) {
			problems.push(`${file}: ${target} has no heading for the link to ${link}`);
		}
	}
}

/** @param {string} markdown */
function checkLength(markdown) {
	const words = markdown.split(/\s+/).filter(Boolean).length;
	const lines = markdown.trimEnd().split("\n").length;
	if (words > WORDS_MAX) problems.push(`${README}: ${words} words are more than ${WORDS_MAX}`);
	if (lines > LINES_MAX) problems.push(`${README}: ${lines} lines are more than ${LINES_MAX}`);
}

/**
 * What does not depend on the language: code and figures.
 * @param {string} row
 */
const facts = (row) =>
	row
		.match(/`[^`]*`|\d[\d.,]*\d|\d/g)
		?.toSorted()
		.join(" ") ?? "";

/**
 * @param {Parsed} original
 * @param {Parsed} translation
 */
function checkTranslation(original, translation) {
	/** @type {(what: string, of: (parsed: Parsed) => (string | number)[]) => void} */
	const compare = (what, of) => {
		const [expected, found] = [of(original), of(translation)];
		const at = expected.findIndex((item, index) => item !== found[index]);
		if (at < 0 && expected.length === found.length) return;
		const index = at < 0 ? expected.length : at;
		problems.push(
			`${what} differ: ${README} has ${JSON.stringify(expected[index])}, ${TRANSLATION} has ${JSON.stringify(found[index])}`,
		);
	};
	compare("levels of headings", ({ headings }) => headings.map(({ level }) => level));
	compare("commands", ({ commands }) => commands);
	compare("rows of tables, such as settings,", ({ rows }) => rows.map(facts));
	// Each links to the other, and to Tencent's page in its language.
	const isShared = (/** @type {string} */ link) =>
		![README, TRANSLATION].includes(link) && !link.startsWith("https://trtc.io/");
	compare("links", ({ links }) => links.filter(isShared).toSorted());
}

const files = ["", "docs", ".github/ISSUE_TEMPLATE"].flatMap((folder) =>
	readdirSync(join(ROOT, folder))
		.filter((name) => name.endsWith(".md"))
		.map((name) => join(folder, name)),
);
for (const file of files) checkLinks(file, parse(read(file)));
checkLength(read(README));
checkTranslation(parse(read(README)), parse(read(TRANSLATION)));

for (const problem of problems) console.error(`${basename(import.meta.filename)}: ${problem}`);
if (problems.length > 0) process.exitCode = 1;
