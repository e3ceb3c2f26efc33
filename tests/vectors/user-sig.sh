#!/usr/bin/env bash
# Writes user-sig.json: what is inside the UserSigs that Tencent's own packages make, of npm (1.0.2) and of PyPI (1.1), at a fixed time.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-save tls-sig-api-v2@1.0.2
python3 -m venv venv && venv/bin/pip install --quiet tls-sig-api-v2==1.1
cat >npm.cjs <<'JS'
const { Api } = require("tls-sig-api-v2");
const zlib = require("zlib");
const rows = JSON.parse(process.argv[2]);
const inside = rows.map(({ app, key, user, time, expire }) => {
	Date.now = () => time * 1000 + 999;
	const sig = new Api(app, key).genUserSig ? new Api(app, key).genUserSig(user, expire) : new Api(app, key).genSig(user, expire);
	const base64 = sig.replace(/\*/g, "+").replace(/-/g, "/").replace(/_/g, "=");
	return JSON.parse(zlib.inflateSync(Buffer.from(base64, "base64")).toString());
});
console.log(JSON.stringify(inside));
JS
cat >generate.py <<'PY'
import base64, json, subprocess, sys, time, zlib
import TLSSigAPIv2
key = "f1e2d3c4b5a697887766554433221100ffeeddccbbaa99887766554433221100"
rows = [
    dict(app=app, key=key, user=user, time=at, expire=expire)
    for app, user, at, expire in [
        (1400000000, "administrator", 1795379196, 600),
        (1400000000, "administrator", 0, 15552000),
        (20000001, "ops \"team\" \\ 1", 1702018343, 86400),
        (1600000001, "\u5fae\u4fe1", 4102444800, 1),
    ]
]
for row in rows:
    time.time = lambda: row["time"] + 0.9
    sig = TLSSigAPIv2.TLSSigAPIv2(row["app"], row["key"]).gen_sig(row["user"], row["expire"])
    data = base64.b64decode(sig.replace("*", "+").replace("-", "/").replace("_", "="))
    row["pypi"] = json.loads(zlib.decompress(data))
npm = json.loads(subprocess.run(["node", "npm.cjs", json.dumps(rows)], check=True, capture_output=True).stdout)
for row, inside in zip(rows, npm):
    row["npm"] = inside
json.dump(rows, sys.stdout, indent="\t", ensure_ascii=False)
print()
PY
venv/bin/python generate.py >"$here/user-sig.json"
