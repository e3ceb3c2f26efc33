#!/usr/bin/env bash
# The JavaScript libraries of Standard Webhooks say that headers are missing which are all there, if they are in a `Headers`.
#
# Guess:    `verify(body, request.headers)` works in a handler in the style of fetch (Hono, Next.js, Workers), or throws a TypeError.
# Happens:  the libraries look at the object's own keys, of which a `Headers` has none: "Missing required headers". The same headers
#           are found in `Object.fromEntries(request.headers)`.
# Matters:  to whoever looks for the fault at the sender, which the message is about. A proxy or a relay that drops headers looks
#           the same.
# Versions: standardwebhooks 1.1.1, svix 2.5.0 (npm). The Fetch Standard: `Headers` is iterable, and has no own properties.
# Seen:     2026-11-28
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund --cache "$work/npm" standardwebhooks@1.1.1 svix@2.5.0

cat >expected <<'END_OF_EXPECTED'
standardwebhooks Headers            Missing required headers
standardwebhooks Object.fromEntries verified
svix             Headers            Missing required headers
svix             Object.fromEntries verified
END_OF_EXPECTED

cat >verify.mjs <<'END_OF_SCRIPT'
import { createHmac } from "node:crypto";
import * as standardwebhooks from "standardwebhooks";
import * as svix from "svix";

const KEY = Buffer.alloc(32, 7);
const BODY = '{"CallbackCommand":"Follow.CallbackAfterFollowDelete"}';
const time = String(Math.floor(Date.now() / 1000));
const headers = new Headers({
	"webhook-id": "1",
	"webhook-timestamp": time,
	"webhook-signature": `v1,${createHmac("sha256", KEY).update(`1.${time}.${BODY}`).digest("base64")}`,
});

for (const [name, { Webhook }] of Object.entries({ standardwebhooks, svix })) {
	const webhook = new Webhook(`whsec_${KEY.toString("base64")}`);
	for (const [form, given] of Object.entries({ Headers: headers, "Object.fromEntries": Object.fromEntries(headers) })) {
		let result = "verified";
		try {
			webhook.verify(BODY, given);
		} catch (error) {
			result = error.message;
		}
		console.log(`${name.padEnd(16)} ${form.padEnd(18)} ${result}`);
	}
}
END_OF_SCRIPT
node verify.mjs >seen

cat seen
diff expected seen
