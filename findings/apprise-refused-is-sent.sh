#!/usr/bin/env bash
# Apprise says that a message was sent which DingTalk or WeCom has refused.
#
# Guess:    these services answer HTTP 200 for a message that they did not take, and say so in the body. A library that knows
#           each of them by name looks there, and `notify` returns False.
# Happens:  it does for Feishu and Lark. For DingTalk and WeCom only the HTTP status counts: `notify` returns True for `errcode`
#           310000 (wrong signature) and 45009 (too many messages).
# Matters:  to operators who pass alerts of the Worker on through Apprise: a group that has muted its robot, or a wrong keyword or
#           signature, looks like a success.
# Versions: apprise 2.3.0 (PyPI). The answers: "Custom robot access" of DingTalk Open Platform, "Group robot configuration" and
#           "Global error codes" of WeCom, "Custom bot guide" of Feishu.
# Seen:     2026-11-28
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

python3 -m venv venv
venv/bin/pip install --quiet --no-cache-dir --disable-pip-version-check apprise==2.3.0

cat >expected <<'END'
DingTalk took it: True   refused it, HTTP 200: True
WeCom    took it: True   refused it, HTTP 200: True
Feishu   took it: True   refused it, HTTP 200: False
Lark     took it: True   refused it, HTTP 200: False
END

venv/bin/python - >seen <<'END'
import json
import logging
from unittest import mock

import apprise
import requests

logging.disable(logging.CRITICAL)

# Service, Apprise's URL, what the service answers when it took the message, and when it did not.
SERVICES = [
    ("DingTalk", "dingtalk://abcdefgh12345678/", {"errcode": 0, "errmsg": "ok"},
     {"errcode": 310000, "errmsg": "sign not match"}),
    ("WeCom", "wecombot://11111111-2222-3333-4444-555555555555/", {"errcode": 0, "errmsg": "ok"},
     {"errcode": 45009, "errmsg": "api freq out of limit"}),
    ("Feishu", "feishu://11111111-2222-3333-4444-555555555555/", {"code": 0, "msg": "success"},
     {"code": 19021, "msg": "sign match fail or timestamp is not within one hour from current time"}),
    ("Lark", "lark://11111111-2222-3333-4444-555555555555/", {"code": 0, "msg": "success"},
     {"code": 19021, "msg": "sign match fail or timestamp is not within one hour from current time"}),
]


def sent(url, answer):
    """What Apprise says of a message that the service gave this answer to, with HTTP 200."""
    def answered(*_, **__):
        response = requests.Response()
        response.status_code = 200
        response.headers["Content-Type"] = "application/json"
        response._content = json.dumps(answer).encode()
        return response

    with mock.patch("requests.sessions.Session.send", side_effect=answered) as send:
        result = apprise.Apprise.instantiate(url).notify(title="alert", body="no call for a day")
    assert send.called, url
    return result


for name, url, took, refused in SERVICES:
    print(f"{name:8} took it: {sent(url, took)!s:6} refused it, HTTP 200: {sent(url, refused)}")
END

cat seen
diff expected seen
