#!/usr/bin/env python3
"""Writes the seeds of the fuzzers into fuzz/corpus/: the golden vectors in tests/vectors/, in the form that each target takes.
`make fuzz` calls it."""

import hashlib
import json
import pathlib
from urllib.parse import urlsplit

HERE = pathlib.Path(__file__).parent
VECTORS = HERE.parent / "tests" / "vectors"


def load(name):
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def seed(target, text):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    data = text.encode("utf-8")
    (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def without_signature(query):
    return "&".join(part for part in query.split("&") if not part.startswith(("Sign=", "RequestTime=")))


def call(query, body, app=1400000000, received_at=1702018344000):
    """One call: its query, its body, both as a record's source, and the messages that it may become."""
    seed("query", query)
    seed("body", body)
    seed("record", query + "\0" + body)
    for job in ["deliver", "store_kv", "store_d1"]:
        head = {"v": 1, "job": job, "sdk_app_id": app, "received_at": received_at, "query": without_signature(query)}
        seed("message", compact(head)[:-1] + ',"body":' + (body or "{}") + "}")


def settings(variables, bindings="edql"):
    seed("settings", "\0".join([bindings, *(f"{name}={text}" for name, text in variables.items())]))


def text_of(row, name, defaults):
    value = row.get(name, defaults.get(name))
    return value if isinstance(value, str) else ""


calls = load("calls.json")
for row in calls["calls"]:
    query = urlsplit(text_of(row, "url", calls["defaults"])).query
    call(query, text_of(row, "body", calls["defaults"]))
    settings(row.get("settings", calls["defaults"]["settings"]))

for row in load("entry.json")["entries"]:
    query = urlsplit(row["url"]).query
    call(query, row["body"], received_at=row["now_ms"])
    settings(row["settings"])
    seed("record", row["value"])
    message = row["value"].replace('{"id"', '{"v":1,"job":"deliver","id"', 1)
    seed("message", message)
    seed("record", '{"last_status":500,"last_error":null,"message":' + message + "}")

for row in load("event-id.json")["events"]:
    seed("body", row["body"])

for row in load("sign.json")["calls"]:
    seed("query", f"SdkAppid=1400000000&Sign={row['sign'] or ''}&RequestTime={row['request_time'] or ''}")
for row in load("sign.json")["tokens"]:
    settings({"SDK_APP_IDS": "1400000000", "CALLBACK_TOKEN": row["token"]})

# What no vector sets.
every = {
    "SDK_APP_IDS": "1400000000, 1400000001",
    "CALLBACK_TOKEN": "xxxxyyyy",
    "CALLBACK_TOKEN_PREVIOUS": "old",
    "CALLBACK_TOKEN_1400000001": "own",
    "SINKS": "kv,d1,origin",
    "ORIGIN_URL": "https://backend.example.com/im/callback",
    "ORIGIN_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=",
    "RETENTION_DAYS": "90",
    "RETRY_BASE_SECONDS": "5",
    "DELIVERY_HOURS": "72",
    "WEBHOOK_PATH": "/hook",
    "PLAN": "paid",
    "ADMIN_TOKEN": "0123456789abcdef",
    "VIEWER_TOKEN": "0123456789abcdeg",
    "METRICS_TOKEN": "0123456789abcdeh",
}
settings(every)
settings({**every, "ORIGIN_URL": "http://[::1]:8788/"}, "edq")
settings({"SDK_APP_IDS": "1400000000", "ALLOW_UNSIGNED": "true"}, "e")
