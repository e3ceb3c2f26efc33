#!/usr/bin/env bash
# A text with a line end and a backslash before an n comes back from `wrangler d1 export` as another text, and JSON as none.
#
# Guess:    a dump is made to be read again: each text comes back byte for byte, or the import fails.
# Happens:  a line end is written as the two characters `\n`, inside of `replace(…, '\n', char(10))`. A `\n` that was there
#           before becomes a line end as well; a `\r` beside a carriage return does the same. JSON with an escaped line end in a
#           string and one more line end anywhere is no JSON afterwards. Nothing fails, and a text with only one of the two is
#           right.
# Matters:  to who restores an event log from a dump: bodies are stored as they came, and a body may hold both.
# Versions: wrangler 4.164.0 on its local D1, node 24.21.0 (npm). SQLite's own shell looks for a mark that the text does not hold
#           (`unused_string` in shell.c).
# Seen:     2026-11-28
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# wrangler needs a newer Node than some machines have, and `node` gets it by a script of its own.
echo '{"private": true, "allowScripts": {"node": true}}' >package.json
npm install --silent --no-audit --no-fund --cache "$work/npm" node@24.21.0 wrangler@4.164.0

export PATH="$work/node_modules/.bin:$PATH" XDG_CONFIG_HOME="$work/config" WRANGLER_LOG_PATH="$work/log"
export WRANGLER_SEND_METRICS=false WRANGLER_HIDE_BANNER=true CLOUDFLARE_CF_FETCH_ENABLED=false CI=1

cat >expected <<'END'
        escaped line end only: before 7B2278223A22615C6E62227D json 1, after 7B2278223A22615C6E62227D json 1
                line end only: before 7B2278223A22616222 0A7D json 1, after 7B2278223A22616222 0A7D json 1
                         both: before 7B2278223A22615C6E6222 0A7D json 1, after 7B2278223A22610A6222 0A7D json 0
     both, of carriage return: before 7B2278223A22615C726222 0D7D json 1, after 7B2278223A22610D6222 0D7D json 0
END

cat >wrangler.json <<'END'
{
	"name": "log",
	"compatibility_date": "2026-07-01",
	"d1_databases": [
		{ "binding": "OLD", "database_name": "old", "database_id": "old" },
		{ "binding": "NEW", "database_name": "new", "database_id": "new" }
	]
}
END
cat >events.sql <<'END'
CREATE TABLE events (what TEXT, body TEXT);
INSERT INTO events VALUES ('escaped line end only', '{"x":"a\nb"}');
INSERT INTO events VALUES ('line end only', '{"x":"ab"' || char(10) || '}');
INSERT INTO events VALUES ('both', '{"x":"a\nb"' || char(10) || '}');
INSERT INTO events VALUES ('both, of carriage return', '{"x":"a\rb"' || char(13) || '}');
END

wrangler d1 execute old --local --file events.sql >log.txt
wrangler d1 export old --local --output dump.sql >>log.txt
wrangler d1 execute new --local --file dump.sql >>log.txt
for database in old new; do
	wrangler d1 execute $database --local --json --command \
		"SELECT what, hex(body) AS bytes, json_valid(body) AS json FROM events" >$database.json
done
node --input-type=module - >seen <<'END'
import { readFileSync } from "node:fs";

const [before, after] = ["old", "new"].map((name) => JSON.parse(readFileSync(`${name}.json`, "utf8"))[0].results);
const shown = ({ bytes, json }) => `${bytes.replace(/(0A7D|0D7D)$/, " $1")} json ${json}`;
before.forEach((row, index) => {
	console.log(`${row.what.padStart(29)}: before ${shown(row)}, after ${shown(after[index])}`);
});
END

cat seen
diff expected seen
