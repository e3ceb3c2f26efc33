#!/usr/bin/env bash
# `Webhook.sign` of Python's Standard Webhooks libraries signs the wall clock of the time that it is given, not the instant.
#
# Guess:    a `datetime` with a zone is an instant: 20:00+08:00 and 12:00+00:00 give the same signature, and a verifier takes it.
# Happens:  the zone is replaced by UTC, not converted. The signature of 20:00+08:00 is that of 20:00 UTC, eight hours later, and
#           the library's own `verify` answers "No matching signature found". A time without a zone counts as UTC, although
#           Python's own `timestamp()` counts it as local.
# Matters:  to backends that test their receiver with messages of their own. East or west of Greenwich these tests fail for a
#           secret that is right; on a CI machine, whose clock is UTC, they pass.
# Versions: standardwebhooks 1.1.0, svix 2.9.1 (PyPI). The specification: "Standard Webhooks", `webhook-timestamp` is in
#           seconds since the epoch.
# Seen:     2026-11-28
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

python3 -m venv venv
venv/bin/pip install --quiet --no-cache-dir --disable-pip-version-check standardwebhooks==1.1.0 svix==2.9.1

cat >expected <<'END'
standardwebhooks UTC            verified
standardwebhooks +08:00         No matching signature found
standardwebhooks -05:00         No matching signature found
standardwebhooks none, in +08:00 No matching signature found
svix             UTC            verified
svix             +08:00         No matching signature found
svix             -05:00         No matching signature found
svix             none, in +08:00 No matching signature found
END

TZ=Etc/GMT-8 venv/bin/python - >seen <<'END'
from datetime import datetime, timedelta, timezone

import standardwebhooks
import svix

SECRET = "whsec_" + "A" * 43 + "="
BODY = '{"CallbackCommand":"Follow.CallbackAfterFollowDelete"}'
NOW = datetime.now(timezone.utc)
TIMES = {
    "UTC": NOW,
    "+08:00": NOW.astimezone(timezone(timedelta(hours=8))),
    "-05:00": NOW.astimezone(timezone(timedelta(hours=-5))),
    "none, in +08:00": datetime.fromtimestamp(NOW.timestamp()),
}

for library in standardwebhooks, svix:
    webhook = library.Webhook(SECRET)
    for name, time in TIMES.items():
        assert int(time.timestamp()) == int(NOW.timestamp())
        headers = {
            "webhook-id": "1",
            "webhook-timestamp": str(int(time.timestamp())),
            "webhook-signature": webhook.sign("1", time, BODY),
        }
        try:
            webhook.verify(BODY, headers)
            result = "verified"
        except Exception as error:
            result = str(error)
        print(f"{library.__name__:16} {name:14} {result}")
END

cat seen
diff expected seen
