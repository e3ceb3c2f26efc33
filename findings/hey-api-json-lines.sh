#!/usr/bin/env bash
# A client by @hey-api/openapi-ts parses JSON Lines as one JSON text: right for an answer of one line, an error for more.
#
# Guess:    the client reads JSON as JSON, `text/*` as text and other types as a Blob. `application/jsonl` is another type, so it
#           is a Blob, as `application/x-ndjson` is.
# Happens:  the type is compared by its beginning, and `application/jsonl` begins with `application/json`. One line comes back as
#           an object, so a test with one event passes. Two lines are a SyntaxError beside a response of 200; no line is `{}`.
# Matters:  to who exports events as JSON Lines and to who reads them: `parseAs: "text"` or `"stream"` in the call is right for
#           every type and number of lines.
# Versions: @hey-api/openapi-ts 0.99.0, its client-fetch; typescript 5.9.3, esbuild 0.28.2 (npm).
# Seen:     2026-11-28
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund --cache "$work/npm" \
	@hey-api/openapi-ts@0.99.0 typescript@5.9.3 esbuild@0.28.2

cat >expected <<'END'
application/jsonl     0 lines: data Object {}, error undefined, status 200
application/jsonl     1 line: data Object {"user":"alice"}, error undefined, status 200
application/jsonl     2 lines: data undefined, error SyntaxError, status 200
application/x-ndjson  0 lines: data Blob, error undefined, status 200
application/x-ndjson  1 line: data Blob, error undefined, status 200
application/x-ndjson  2 lines: data Blob, error undefined, status 200
with parseAs: "text"  2 lines: data String "{\"user\":\"alice\"}\n{\"user\":\"bob\"}\n", error undefined, status 200
END

cat >api.json <<'END'
{
	"openapi": "3.1.0",
	"info": { "title": "log", "version": "1" },
	"paths": {
		"/jsonl/{lines}": {
			"get": {
				"operationId": "jsonl",
				"parameters": [{ "name": "lines", "in": "path", "required": true, "schema": { "type": "integer" } }],
				"responses": {
					"200": { "description": "lines", "content": { "application/jsonl": { "schema": { "type": "string" } } } }
				}
			}
		},
		"/x-ndjson/{lines}": {
			"get": {
				"operationId": "ndjson",
				"parameters": [{ "name": "lines", "in": "path", "required": true, "schema": { "type": "integer" } }],
				"responses": {
					"200": { "description": "lines", "content": { "application/x-ndjson": { "schema": { "type": "string" } } } }
				}
			}
		}
	}
}
END
npx --no-install openapi-ts --input api.json --output client --client @hey-api/client-fetch --silent >generated 2>&1 ||
	{ cat generated; exit 1; }

cat >call.ts <<'END'
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { client } from "./client/client.gen";
import { jsonl, ndjson } from "./client/sdk.gen";

const LINES = ['{"user":"alice"}\n', '{"user":"bob"}\n'];
const server = createServer((request, response) => {
	const [, type, lines] = (request.url ?? "").split("/");
	response.setHeader("content-type", `application/${type}`);
	response.end(LINES.slice(0, Number(lines)).join(""));
});
await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
client.setConfig({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });

type Result = { data?: unknown; error?: unknown; response?: Response };
function say(what: string, lines: number, { data, error, response }: Result) {
	const kind = data?.constructor.name;
	const shown = data === undefined ? "undefined" : data instanceof Blob ? kind : `${kind} ${JSON.stringify(data)}`;
	const name = error === undefined ? error : (error as Error).name;
	const count = `${lines} ${lines === 1 ? "line" : "lines"}`;
	console.log(`${what.padEnd(20)}  ${count}: data ${shown}, error ${name}, status ${response?.status}`);
}
for (const lines of [0, 1, 2]) say("application/jsonl", lines, await jsonl({ path: { lines } }));
for (const lines of [0, 1, 2]) say("application/x-ndjson", lines, await ndjson({ path: { lines } }));
say('with parseAs: "text"', 2, await jsonl({ path: { lines: 2 }, parseAs: "text" }));
server.closeAllConnections();
server.close();
END
npx --no-install esbuild call.ts --bundle --platform=node --format=esm --outfile=call.mjs --log-level=error
node call.mjs >seen

cat seen
diff expected seen
