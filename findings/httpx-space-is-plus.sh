#!/usr/bin/env bash
# httpx writes a space of `params` as `+`, and one of the same URL as `%20`: so a client by openapi-python-client asks for another
# user than a client in TypeScript, where a server takes `+` in a query for a plus sign.
#
# Guess:    httpx percent-encodes by RFC 3986 since version 0.28, so a space in `params` is `%20`, as `encodeURIComponent` has it.
# Happens:  `params` are encoded as a form is, a URL by RFC 3986. A plus sign of `params` is `%2B`, and one of a URL stays. requests
#           does the same. The generators for TypeScript write `%20`.
# Matters:  to whoever calls a server that takes `+` in a query for a plus sign, as RFC 3986 has it: "a b" from Python is then the user
#           "a+b", and the answer is 200 with that one's data. The id has to be in the URL, as `%20`.
# Versions: httpx 0.28.1, requests 2.34.2 (PyPI), openapi-fetch 0.17.0 (npm). URL Standard, 5.1; RFC 3986, 2.2.
# Seen:     2026-11-29
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

python3 -m venv venv
venv/bin/pip install --quiet --no-cache-dir --disable-pip-version-check httpx==0.28.1 requests==2.34.2
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund --cache "$work/npm" openapi-fetch@0.17.0

cat >expected <<'END'
httpx, params         user=a+b%2Bc
httpx, URL            user=a%20b+c
requests, params      user=a+b%2Bc
requests, URL         user=a%20b+c
openapi-fetch         user=a%20b%2Bc
END

venv/bin/python - >seen <<'END'
import httpx
import requests

USER, URL = "a b+c", "http://localhost/?user=a b+c"
print("httpx, params        ", httpx.Request("GET", "http://localhost/", params={"user": USER}).url.query.decode())
print("httpx, URL           ", httpx.Request("GET", URL).url.query.decode())
for what, request in [
    ("params", requests.Request("GET", "http://localhost/", params={"user": USER})),
    ("URL   ", requests.Request("GET", URL)),
]:
    print(f"requests, {what}     ", request.prepare().url.partition("?")[2])
END
node >>seen --input-type=module <<'END'
import createClient from "openapi-fetch";

const fetch = async (request) => {
	console.log(`openapi-fetch         ${new URL(request.url).search.slice(1)}`);
	return Response.json({});
};
await createClient({ baseUrl: "http://localhost", fetch }).GET("/", { params: { query: { user: "a b+c" } } });
END

cat seen
diff expected seen
