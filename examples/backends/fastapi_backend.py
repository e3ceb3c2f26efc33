"""A backend for unfollow-webhook, with FastAPI: README.md says how to run it, and docs/backend.md why it is so."""

import hashlib
import hmac
import os
import sqlite3
import time

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from standardwebhooks import Webhook, WebhookVerificationError


def settings(name: str) -> list[str]:
    """The current value and the previous one, which is accepted during a change."""
    return [os.environ[name]] + [it for it in [os.environ.get(f"{name}_PREVIOUS")] if it]


TOKENS = settings("CALLBACK_TOKEN")
WEBHOOKS = [Webhook(secret) for secret in settings("ORIGIN_SECRET")]
OK = {"ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": ""}
REFUSED = {"ActionStatus": "FAIL", "ErrorCode": 1, "ErrorInfo": "wrong signature"}

database = sqlite3.connect(os.environ.get("DATABASE", "events.db"))
database.execute("CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, body TEXT NOT NULL)")
app = FastAPI()


def is_delivery(headers: dict[str, str], body: bytes) -> bool:
    """Whether a secret of ours has signed these bytes within the last five minutes."""
    for webhook in WEBHOOKS:
        try:
            webhook.verify(body, headers)
            return True
        except (WebhookVerificationError, ValueError):  # ValueError: a header, or the body, that cannot be read
            pass
    return False


def is_tencents(sign: str, request_time: str) -> bool:
    """Whether who made the call knew the callback token within the last five minutes. The body is not proved."""
    digests = [hashlib.sha256(f"{token}{request_time}".encode()).hexdigest() for token in TOKENS]
    is_signed = any([hmac.compare_digest(digest.encode(), sign.encode()) for digest in digests])
    return is_signed and request_time.isdecimal() and abs(time.time() - int(request_time)) <= 300


@app.post("/hook")
async def hook(request: Request) -> JSONResponse:
    # The raw bytes: JSON that was parsed and written again has another signature.
    body = await request.body()
    if "webhook-id" in request.headers:
        if not is_delivery(dict(request.headers), body):
            return JSONResponse(REFUSED, 401)
        with database:  # What is raised here is answered with 500, and the delivery comes again.
            database.execute("INSERT OR IGNORE INTO events VALUES (?, ?)", (request.headers["webhook-id"], body.decode()))
        return JSONResponse(OK)
    if not is_tencents(request.query_params.get("Sign", ""), request.query_params.get("RequestTime", "")):
        return JSONResponse(REFUSED, 401)
    # Your own handling of request.query_params["CallbackCommand"]. To a command "before" something, OK says: go on.
    return JSONResponse(OK)
