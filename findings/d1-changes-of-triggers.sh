#!/usr/bin/env bash
# D1's `meta.changes` counts the rows that triggers wrote; SQLite's own `changes()`, in the same batch, does not.
#
# Guess:    `meta.changes` is SQLite's `changes()`: an INSERT of one row is 1, whatever its triggers do, and a DELETE of two
#           rows is 2.
# Happens:  it is the growth of `total_changes()`. An INSERT of one row whose trigger writes three others is 4; the SQL function
#           in the next statement says 1. Only where nothing was written do both say 0.
# Matters:  to who counts by `meta.changes`, for example what a deletion has erased: a new trigger changes the count.
# Versions: miniflare 5.20261117.0-beta with its workerd, node 24.21.0 (npm). D1's documentation, "Return objects", names
#           no triggers; SQLite's "Count The Number Of Rows Modified" leaves them out of `changes()`.
# Seen:     2026-11-28
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# miniflare needs a newer Node than some machines have, and `node` gets it by a script of its own.
echo '{"private": true, "type": "module", "allowScripts": {"node": true}}' >package.json
npm install --silent --no-audit --no-fund --cache "$work/npm" node@24.21.0 miniflare@5.20261117.0-beta

cat >expected <<'END'
INSERT of one row, trigger writes three: meta.changes 4, changes() 1
INSERT of the same row, ignored:         meta.changes 0, changes() 0
INSERT of another row, RETURNING:        meta.changes 4, changes() 1
DELETE of two rows:                      meta.changes 8, changes() 2
END

cat >count.js <<'END'
import { convertV4MiniflareOptions, Miniflare } from "miniflare";

const miniflare = new Miniflare(
	convertV4MiniflareOptions({
		modules: true,
		script: "export default { fetch: () => new Response() }",
		compatibilityDate: "2026-07-01",
		cf: false,
		d1Databases: ["DB"],
	}),
);
const db = await miniflare.getD1Database("DB");
await db.batch(
	[
		"CREATE TABLE events (id TEXT PRIMARY KEY)",
		"CREATE TABLE users (event TEXT, user TEXT)",
		`CREATE TRIGGER stored AFTER INSERT ON events BEGIN
			INSERT INTO users VALUES (new.id, 'alice'), (new.id, 'bob'), (new.id, 'carol');
		END`,
		"CREATE TRIGGER deleted AFTER DELETE ON events BEGIN DELETE FROM users WHERE event = old.id; END",
	].map((sql) => db.prepare(sql)),
);
async function count(what, sql) {
	const [written, asked] = await db.batch([db.prepare(sql), db.prepare("SELECT changes() AS changes")]);
	console.log(`${what} meta.changes ${written.meta.changes}, changes() ${asked.results[0].changes}`);
}
await count("INSERT of one row, trigger writes three:", "INSERT OR IGNORE INTO events VALUES ('1')");
await count("INSERT of the same row, ignored:        ", "INSERT OR IGNORE INTO events VALUES ('1')");
await count("INSERT of another row, RETURNING:       ", "INSERT INTO events VALUES ('2') RETURNING id");
await count("DELETE of two rows:                     ", "DELETE FROM events");
await miniflare.dispose();
END
node_modules/.bin/node count.js >seen

cat seen
diff expected seen
