#!/usr/bin/env python3
"""Writes the golden vectors: inputs, each with the outcome and the reason that are expected.

Nothing here uses the Worker's code. Outcomes are written by hand, from the text of the specification. Hashes, keys and
records are computed with Python's own hashlib and json, from the documented encodings. Python 3.9 or newer, standard
library only:

    python3 tests/vectors/generate.py [folder]

writes sign.json, event-id.json, entry.json and calls.json into this folder, or into the one named.
"""

import base64
import hashlib
import json
import pathlib
import sys
from urllib.parse import quote

APP = 1400000000
TOKEN = "xxxxyyyy"
UNFOLLOW = "Follow.CallbackAfterFollowDelete"
FOLLOW = "Follow.CallbackAfterFollowAdd"
NOW_MS = 1702018344000  # a third of a second after the event in Tencent's sample
NOW = NOW_MS // 1000


def sha256(text):
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


# --- sign.json ---------------------------------------------------------------------------------------------------


def sign_rows():
    rows = []

    def row(why, verdict, reason=None, tokens=(TOKEN,), time=str(NOW), sign="right", now_ms=NOW_MS):
        if sign == "right":
            sign = sha256(tokens[0] + time)
        rows.append(
            dict(
                why=why,
                tokens=list(tokens),
                request_time=time,
                sign=sign,
                now_ms=now_ms,
                verdict=verdict,
                reason=reason,
            )
        )

    # Tencent's own rows: the Sign is the printed one, and is not computed.
    row(
        "Tencent's own example",
        "accepted",
        tokens=["xxxxyyyy"],
        time="1669872112",
        now_ms=1669872112000,
        sign="17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061",
    )
    row(
        "the test of an independent implementation",
        "accepted",
        tokens=["e10adc3949ba59abbe56e057f20f883e"],
        time="1676091353",
        now_ms=1676091353000,
        sign="a5d271b35bd72858cdf1ad0b9dfbf037d19146062c0ecb712a0a3235489d6021",
    )
    row(
        "an old page prints the first row's hash for another token: a misprint",
        "rejected",
        "sign_mismatch",
        tokens=["xxxyyy"],
        time="1669872112",
        now_ms=1669872112000,
        sign="17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061",
    )
    row(
        "what that page should have printed",
        "accepted",
        tokens=["xxxyyy"],
        time="1669872112",
        now_ms=1669872112000,
        sign="e78a85473bed2cdc8d6fa8c4d5a4ba4735fd64156e15a99516b9890293e135de",
    )

    right = sha256(TOKEN + str(NOW))
    row("upper-case hex is the same Sign", "accepted", sign=right.upper())
    row("hex of mixed case is the same Sign", "accepted", sign=right[:32].upper() + right[32:])
    row("no Sign", "rejected", "sign_missing", sign=None)
    row("an empty Sign", "rejected", "sign_malformed", sign="")
    row("a Sign of 63 digits", "rejected", "sign_malformed", sign=right[:-1])
    row("a Sign of 65 digits", "rejected", "sign_malformed", sign=right + "0")
    row("a Sign of 62 digits, a whole byte less", "rejected", "sign_malformed", sign=right[:-2])
    row("a Sign of 66 digits, a whole byte more", "rejected", "sign_malformed", sign=right + "00")
    row("a letter that is not a hex digit", "rejected", "sign_malformed", sign="g" + right[1:])
    row("a space before the Sign", "rejected", "sign_malformed", sign=" " + right)
    row("a space in place of a digit", "rejected", "sign_malformed", sign=" " + right[1:])
    row("0x before the Sign", "rejected", "sign_malformed", sign="0x" + right)
    row("digits of another script", "rejected", "sign_malformed", sign="１" * 64)
    row("64 bytes that are not 64 characters", "rejected", "sign_malformed", sign="é" * 32)
    row("base64 of the same hash", "rejected", "sign_malformed", sign=base64.b64encode(bytes.fromhex(right)).decode())
    row("the last digit is wrong", "rejected", "sign_mismatch", sign=right[:-1] + ("0" if right[-1] != "0" else "1"))
    row("the first digit is wrong", "rejected", "sign_mismatch", sign=("0" if right[0] != "0" else "1") + right[1:])
    row("all zeros", "rejected", "sign_mismatch", sign="0" * 64)
    row("the Sign of the second before", "rejected", "sign_mismatch", sign=sha256(TOKEN + str(NOW - 1)))
    row("RequestTime first, then the token", "rejected", "sign_mismatch", sign=sha256(str(NOW) + TOKEN))
    row("a newline after the token", "rejected", "sign_mismatch", sign=sha256(TOKEN + "\n" + str(NOW)))
    row("the hash of RequestTime alone, as with an empty token", "rejected", "sign_mismatch", sign=sha256(str(NOW)))
    hmac_like = hashlib.sha256(hashlib.sha256(TOKEN.encode()).digest() + str(NOW).encode()).hexdigest()
    row("a hash of a hash", "rejected", "sign_mismatch", sign=hmac_like)

    row("the current token, with a previous one beside it", "accepted", tokens=["new", "old"])
    row("the previous token", "accepted", tokens=["new", "old"], sign=sha256("old" + str(NOW)))
    row("neither the current nor the previous token", "rejected", "sign_mismatch", tokens=["new", "old"], sign=right)

    for seconds, verdict in [(0, True), (1, True), (59, True), (60, True), (61, False), (62, False), (3600, False)]:
        for side, sentence in [(-seconds, "before"), (seconds, "after")]:
            row(
                f"RequestTime is {seconds} s {sentence} now",
                "accepted" if verdict else "rejected",
                None if verdict else "request_time_far",
                time=str(NOW + side),
            )
    row("60 s and a part of a second before now: whole seconds count", "accepted", time=str(NOW - 60), now_ms=NOW_MS + 999)
    row("61 s before now, to the ms", "rejected", "request_time_far", time=str(NOW - 60), now_ms=NOW_MS + 1000)
    row("a little more than 60 s after now", "rejected", "request_time_far", time=str(NOW + 60), now_ms=NOW_MS - 1)
    row("milliseconds in place of seconds", "rejected", "request_time_malformed", time=str(NOW_MS))
    row("a stale RequestTime and a wrong Sign: the time is checked first", "rejected", "request_time_far",
        time=str(NOW - 61), sign="0" * 64)
    row("the year 1970, at which nothing may run below zero", "accepted", time="0", now_ms=60_999)
    row("one second later it is too far away", "rejected", "request_time_far", time="0", now_ms=61_000)
    row("the last second of ten digits", "accepted", time="9999999999", now_ms=9999999999_000)
    row("ten digits, far in the future", "rejected", "request_time_far", time="9999999999")

    row("no RequestTime", "rejected", "request_time_missing", time="", sign=right)
    rows[-1]["request_time"] = None
    for why, time in [
        ("an empty RequestTime", ""),
        ("a leading +", f"+{NOW}"),
        ("a leading + within ten characters", "+169872112"),
        ("a leading -", f"-{NOW}"),
        ("a leading - within ten characters", "-169872112"),
        ("a space before it", f" {NOW}"),
        ("a space after it", f"{NOW} "),
        ("a newline after it", f"{NOW}\n"),
        ("nothing but a space", " "),
        ("11 digits", f"{NOW}0"),
        ("11 digits by a leading zero", f"0{NOW}"),
        ("20 digits, more than 64 bits hold", "9" * 20),
        ("a fraction", f"{NOW}.0"),
        ("an exponent", "1702018e3"),
        ("hex", "0x65727a28"),
        ("hex without 0x", "65727a28"),
        ("underscores", "1_702_0183"),
        ("full-width digits", "１７０２０１８３４４"),
        ("Arabic digits", "١٧٠٢٠"),
        ("a superscript digit", "170201834²"),
        ("NUL at the end", f"{str(NOW)[:9]}\0"),
    ]:
        row(f"malformed RequestTime: {why}; the Sign over it is right", "rejected", "request_time_malformed", time=time)

    for why, token in [
        ("a token of one character", "x"),
        ("a token of 128 characters", "t" * 128),
        ("a token of multi-byte characters", "密钥-ключ-🔑"),
        ("a token of 128 characters of four bytes each", "🔑" * 128),
        ("a token with spaces and punctuation", "a & b=c%20 +?#\"'\\"),
        ("a token that ends in digits", "token1"),
        ("a token of digits only", "1234567890"),
    ]:
        row(why, "accepted", tokens=[token])
    row("a combining accent is not the composed letter", "rejected", "sign_mismatch", tokens=["e\u0301"], sign=sha256("é" + str(NOW)))
    row("tokens are case-sensitive", "rejected", "sign_mismatch", tokens=["XXXXYYYY"], sign=right)
    return rows


def token_rows():
    def row(why, token, verdict):
        return dict(why=why, token=token, verdict=verdict)

    return [
        row("nothing: its Sign could be computed by anyone", "", "rejected"),
        row("one character", "x", "accepted"),
        row("128 characters", "t" * 128, "accepted"),
        row("129 characters", "t" * 129, "rejected"),
        row("128 characters in 512 bytes", "🔑" * 128, "accepted"),
        row("129 characters of four bytes", "🔑" * 129, "rejected"),
        row("spaces inside", "a b  c", "accepted"),
        row("a space alone", " ", "rejected"),
        row("a leading space", " xxxxyyyy", "rejected"),
        row("a trailing space", "xxxxyyyy ", "rejected"),
        row("a trailing no-break space", "xxxxyyyy\u00a0", "rejected"),
        row("a trailing zero-width space", "xxxxyyyy\u200b", "rejected"),
        row("a leading byte order mark", "\ufeffxxxxyyyy", "rejected"),
        row("an emoji with its variation selector", "xxxxyyyy\u2764\ufe0f", "accepted"),
        row("a trailing newline", "xxxxyyyy\n", "rejected"),
        row("a trailing CR LF", "xxxxyyyy\r\n", "rejected"),
        row("NUL", "xxxx\0yyyy", "rejected"),
    ]


# --- event-id.json -----------------------------------------------------------------------------------------------


def in_ms(event_time):
    """An EventTime of at most 10 digits is in Unix seconds, a longer one in milliseconds."""
    return event_time * 1000 if event_time <= 9999999999 else event_time


def event_id(app, command, from_account, targets, event_time):
    """13 digits that count down, `-`, and 128 bits of SHA-256 over netstrings. `event_time` is in milliseconds."""
    parts = [str(app), command, from_account, *targets, str(event_time)]
    encoded = b"".join(b"%d:%s," % (len(part), part) for part in (part.encode("utf-8") for part in parts))
    return f"{9999999999999 - event_time:013d}-{hashlib.sha256(encoded).hexdigest()[:32]}"


class Dice:
    """Random numbers that are the same on each machine and with each version of Python."""

    def __init__(self, seed):
        self.seed, self.count = seed, 0

    def below(self, bound):
        self.count += 1
        digest = hashlib.sha256(f"{self.seed}/{self.count}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % bound

    def pick(self, items):
        return items[self.below(len(items))]


def unfollow_body(from_account="UserID_001", targets=("UserID_002", "UserID_003"), event_time=1702018343678):
    return compact(
        {"CallbackCommand": UNFOLLOW, "From_Account": from_account, "To_Account": list(targets), "EventTime": event_time}
    )


def follow_body(from_account="UserID_001", targets=("UserID_002", "UserID_003"), event_time=1702018343678):
    follow_list = [{"To_Account": target} for target in targets]
    return compact(
        {"CallbackCommand": FOLLOW, "From_Account": from_account, "FollowList": follow_list, "EventTime": event_time}
    )


TENCENTS_BODY = """{
"CallbackCommand": "Follow.CallbackAfterFollowDelete",
"From_Account": "UserID_001",
"To_Account": [
"UserID_002",
"UserID_003"
],
"EventTime": 1702018343678
}"""


def event_id_rows():
    """`event` names what happened: rows that name the same event have the same id, all others have different ids."""
    rows = []

    def row(why, event, body, app=APP, kind="unfollow", **parts):
        event_parts = dict(from_account="UserID_001", targets=["UserID_002", "UserID_003"], event_time=1702018343678)
        event_parts.update(parts)
        event_parts["event_time"] = in_ms(event_parts["event_time"])
        command = {"unfollow": UNFOLLOW, "follow": FOLLOW}[kind]
        rows.append(dict(why=why, event=event, sdk_app_id=str(app), kind=kind, body=body, id=event_id(app, command, **event_parts)))

    def plain(why, event, app=APP, kind="unfollow", **parts):
        row(why, event, (unfollow_body if kind == "unfollow" else follow_body)(**parts), app, kind, **parts)

    row("the body in Tencent's page", "sample", TENCENTS_BODY)
    plain("the same, written without white space", "sample")
    row("the same, its members in another order", "sample",
        '{"EventTime":1702018343678,"To_Account":["UserID_002","UserID_003"],"From_Account":"UserID_001"}')
    row("unread members do not count", "sample",
        unfollow_body()[:-1] + ',"Operator":"admin","FollowList":[{"To_Account":"x"}],"x":{"EventTime":1}}')
    row("EventTime as a string of digits is the same time", "sample", unfollow_body(event_time="1702018343678"))
    row("escapes are decoded first", "sample",
        '{"From_Account":"\\u0055serID_001","To_\\u0041ccount":["UserID\\u005f002","UserID_003"],"EventTime":"\\u0031702018343678"}')
    row("a byte-order mark before it", "sample", "\ufeff" + unfollow_body())
    row("CallbackCommand is null", "sample", unfollow_body().replace(f'"{UNFOLLOW}"', "null"))
    row("half a surrogate pair in an unread member", "sample", unfollow_body()[:-1] + ',"\\ud800":"\\udfff"}')
    for text in ["1.702018343678e12", "1702018343678.0", "1702018343678e0", "17020183436780e-1"]:
        row(f"EventTime is {text}", "sample", unfollow_body().replace("1702018343678", text))

    plain("another app", "app", app=1400000001)
    plain("a follow of the same users", "follow", kind="follow")
    plain("another user acts", "from", from_account="UserID_004")
    plain("the same targets in another order", "order", targets=["UserID_003", "UserID_002"])
    plain("one target less", "fewer", targets=["UserID_002"])
    plain("one target twice", "twice", targets=["UserID_002", "UserID_003", "UserID_003"])
    plain("one ms later", "later", event_time=1702018343679)
    plain("one ms earlier", "earlier", event_time=1702018343677)

    plain("ab acts on c", "ab+c", from_account="ab", targets=["c"])
    plain("a acts on bc", "a+bc", from_account="a", targets=["bc"])
    plain("a acts on b and c", "a+b+c", from_account="a", targets=["b", "c"])
    plain("a acts on b,c as one user", "a+b,c", from_account="a", targets=["b,c"])
    plain("a acts on bc, then on d", "a+bc+d", from_account="a", targets=["bc", "d"])
    plain("a acts on b, then on cd", "a+b+cd", from_account="a", targets=["b", "cd"])
    plain("a user id that looks like the encoding itself", "netstring", from_account="a", targets=["b,1:c"])
    plain("a user id that looks like two", "netstring 2", from_account="1:a,1:b", targets=["c"])
    plain("a target that looks like a time", "time", targets=["1702018343678"], event_time=10000000000)
    plain("two targets that look like a target and a time", "time 2", targets=["10000000000", "1702018343678"], event_time=10000000000)

    plain("unicode: lengths are of bytes, not of characters", "unicode", from_account="微信用户", targets=["ключ", "🙂"])
    row("unicode as escapes, with a surrogate pair", "unicode",
        '{"From_Account":"\\u5fae\\u4fe1\\u7528\\u6237","To_Account":["\\u043a\\u043b\\u044e\\u0447","\\ud83d\\ude42"],"EventTime":1702018343678}',
        from_account="微信用户", targets=["ключ", "🙂"])
    plain("a composed letter", "composed", from_account="é", targets=["x"])
    plain("the same letter with a combining accent is another user", "combining", from_account="e\u0301", targets=["x"])
    plain("user ids are case-sensitive", "case", from_account="userid_001")
    plain("a trailing space makes another user", "space", from_account="UserID_001 ")
    plain("quotes, backslashes and control characters", "odd", from_account='"\\/\b\f\n\r\t\0\x1f\x7f', targets=["\u2028", "'"])
    plain("users that Tencent itself names", "tencent", from_account="administrator", targets=["@TLS#NOT_FOUND", "@TOA#_x"])
    plain("32 bytes, the longest user id", "long", from_account="f" * 32, targets=["t" * 32])
    plain("20 targets", "20", targets=[f"target{n:02d}" for n in range(20)])
    plain("300 targets", "300", targets=[f"target{n:03d}" for n in range(300)])
    plain("the beginning of time", "zero", event_time=0)
    row("leading zeros in a string of digits", "zero", unfollow_body(event_time="0000000000000"), event_time=0)
    row("zero with a sign and a fraction", "zero", unfollow_body().replace("1702018343678", "-0.0"), event_time=0)
    plain("EventTime in seconds, as in other families", "seconds", event_time=1702018343)
    plain("the same time in milliseconds", "seconds", event_time=1702018343000)
    for text in ['"1702018343"', '"0001702018343"', '"1702018343000"', "1.702018343e9", "1702018343.0", "1.702018343e12"]:
        row(f"the same time, EventTime is {text}", "seconds", unfollow_body().replace("1702018343678", text), event_time=1702018343)
    plain("one second, the smallest time but zero", "one second", event_time=1)
    plain("the last second of 10 digits", "last second", event_time=9999999999)
    plain("11 digits are milliseconds", "first ms", event_time=10000000000)
    plain("the last ms of 13 digits", "last", event_time=9999999999999)
    plain("the smallest SDKAppID", "app 1", app=1)
    plain("the largest SDKAppID", "app 15", app=999999999999999)

    dice = Dice("event-id")
    alphabet = ["a", "b", "ab", ":", ",", "1", "2:", "0", " ", '"', "\\", "\n", "é", "微", "🙂", "\u0000", "x" * 30]
    for number in range(60):
        word = lambda: "".join(dice.pick(alphabet) for _ in range(1 + dice.below(5)))
        parts = dict(
            from_account=word(),
            targets=[word() for _ in range(1 + dice.below(6))],
            event_time=dice.below(10 ** (1 + dice.below(13))),
        )
        plain(f"drawn at random, number {number}", f"random {number}", dice.pick([APP, 1, 20000001]), dice.pick(["unfollow", "follow"]), **parts)
    return rows


# --- calls -------------------------------------------------------------------------------------------------------

SIGNED = {"SDK_APP_IDS": str(APP), "CALLBACK_TOKEN": TOKEN}
UNSIGNED = {"SDK_APP_IDS": str(APP), "ALLOW_UNSIGNED": "true"}

# The query of Tencent's sample, in its order.
SAMPLE_QUERY = [
    ("SdkAppid", str(APP)),
    ("CallbackCommand", UNFOLLOW),
    ("contenttype", "json"),
    ("ClientIP", "127.0.0.1"),
    ("OptPlatform", "iOS"),
]


def signature(token=TOKEN, time=NOW):
    return [("Sign", sha256(f"{token}{time}")), ("RequestTime", str(time))]


def encode(parameters):
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in parameters)


def query(*more, without=(), sign=True, **changed):
    """Tencent's sample query, signed; `changed` replaces values, `more` is appended as it is."""
    parameters = [(name, changed.get(name, value)) for name, value in SAMPLE_QUERY if name not in without]
    parameters += signature() if sign else []
    return "&".join([encode(parameters), *more])


def url(query_text, path="/", origin="https://www.example.com"):
    return f"{origin}{path}?{query_text}"


# --- entry.json --------------------------------------------------------------------------------------------------


def entry_rows():
    rows = []

    def row(why, kind, query_text, stored_query, body, stored_body, platform, ip, request_id, settings=SIGNED, retention=None, **parts):
        command = {"unfollow": UNFOLLOW, "follow": FOLLOW}[kind]
        identity = event_id(APP, command, **parts)
        summary = {
            "kind": kind,
            "from_account": parts["from_account"],
            "to_accounts": parts["targets"],
            "received_at": NOW_MS,
            "opt_platform": platform,
            "client_ip": ip,
            "request_id": request_id,
        }
        # The members are in the order in which the documentation names them.
        record = {"id": identity, "sdk_app_id": APP}
        for name, value in summary.items():
            if name == "received_at":
                record["event_time"] = parts["event_time"]
            record[name] = value
        record["query"] = stored_query
        metadata = compact(summary)
        fitting = len(parts["targets"])
        while len(metadata.encode()) > 1024:
            # Targets are dropped from the end, one at a time, and never cut.
            fitting -= 1
            summary["to_accounts"] = parts["targets"][:fitting]
            metadata = compact({**summary, "to_accounts_total": len(parts["targets"]), "truncated": True})
        rows.append(
            dict(
                why=why,
                settings=settings,
                url=url(query_text),
                body=body,
                now_ms=NOW_MS,
                key=f"event/{APP}/{identity}",
                value=compact(record)[:-1] + ',"body":' + stored_body + "}",
                metadata=metadata,
                expiration=retention,
            )
        )

    sample = dict(from_account="UserID_001", targets=["UserID_002", "UserID_003"], event_time=1702018343678)
    unsigned_query = encode(SAMPLE_QUERY)
    row("the request in Tencent's page, signed", "unfollow", query(), unsigned_query, TENCENTS_BODY, TENCENTS_BODY,
        "iOS", "127.0.0.1", None, **sample)
    row("the request in Tencent's page, unsigned", "unfollow", unsigned_query, unsigned_query, TENCENTS_BODY, TENCENTS_BODY,
        "iOS", "127.0.0.1", None, settings=UNSIGNED, **sample)
    row("a follow", "follow", query(CallbackCommand=FOLLOW), unsigned_query.replace(UNFOLLOW, FOLLOW), follow_body(), follow_body(),
        "iOS", "127.0.0.1", None, **sample)
    row("90 days of retention count from receipt", "unfollow", query(), unsigned_query, unfollow_body(), unfollow_body(),
        "iOS", "127.0.0.1", None, settings={**SIGNED, "RETENTION_DAYS": "90"}, retention=NOW + 90 * 86400, **sample)
    body = (
        ' {"From_Account" : "\\u5fae\\n" ,\r\n"To_Account":["\\ud83d\\ude42","b\\"\\/"],\t"EventTime":"1702018343678",'
        '"big":12345678901234567890123.450e+99,"x":{"a":[1,1.0,-0,null,true,"\\u0000"],"a":2},"x":"é\u2028"} '
    )
    row(
        "the body is stored byte for byte, white space, escapes, large numbers and unread duplicates included",
        "unfollow",
        query(),
        unsigned_query,
        "\ufeff\n" + body + "\r\n",
        body.strip(),
        "iOS",
        "127.0.0.1",
        None,
        from_account="微\n",
        targets=["🙂", 'b"/'],
        event_time=1702018343678,
    )
    body = unfollow_body(event_time=1702018343)
    row("EventTime in seconds: the record and the id have milliseconds, the body what was sent", "unfollow", query(), unsigned_query,
        body, body, "iOS", "127.0.0.1", None, **{**sample, "event_time": 1702018343000})
    body = unfollow_body(event_time="0001702018343")
    row("EventTime in seconds, as a string of digits", "unfollow", query(), unsigned_query,
        body, body, "iOS", "127.0.0.1", None, **{**sample, "event_time": 1702018343000})
    body = follow_body().replace("1702018343678", "1.702018343678e12")
    row("EventTime with an exponent", "follow", query(CallbackCommand=FOLLOW), unsigned_query.replace(UNFOLLOW, FOLLOW),
        body, body, "iOS", "127.0.0.1", None, **sample)
    body = unfollow_body()[:-1] + ',"\\ud800":{"\\udc00\\ud800":["\\udfff"]},"x":"\\ud83d"}'
    row("half a surrogate pair in unread members, in names and in values", "unfollow", query(), unsigned_query,
        body, body, "iOS", "127.0.0.1", None, **sample)
    body = unfollow_body().replace(f'"{UNFOLLOW}"', "null")
    row("CallbackCommand is null", "unfollow", query(), unsigned_query, body, body, "iOS", "127.0.0.1", None, **sample)
    mixed = (
        f"x=%zz&Sign={signature()[0][1]}&SdkAppId=%31400000000&y&%52equestTime={NOW}&RequestID=id%20%221%22&&RequestTimes=1"
        "&OptPlatform=%E5%BE%AE%0A&x=%zz&=&+=%2B"
    )
    row(
        "the query is stored as it came, without Sign and RequestTime, even where their names are percent-encoded",
        "unfollow",
        mixed,
        "x=%zz&SdkAppId=%31400000000&y&RequestID=id%20%221%22&&RequestTimes=1&OptPlatform=%E5%BE%AE%0A&x=%zz&=&+=%2B",
        unfollow_body(),
        unfollow_body(),
        "微\n",
        None,
        'id "1"',
        **sample,
    )
    nothing = encode([("SdkAppid", str(APP))] + signature())
    row("the required parameters only", "unfollow", nothing, f"SdkAppid={APP}", unfollow_body(), unfollow_body(), None, None, None, **sample)
    odd = dict(from_account='"\\\b\f\n\r\t\0\x1f\x7f/', targets=["\u2028\u0085", "<script>"], event_time=0)
    row("odd user ids", "unfollow", query(), unsigned_query, unfollow_body(**odd), unfollow_body(**odd), "iOS", "127.0.0.1", None, **odd)
    full = dict(
        from_account="f" * 32, targets=[f"{n:02d}".rjust(32, "t") for n in range(20)], event_time=1702018343678
    )
    parameters = [
        ("SdkAppid", str(APP)),
        ("CallbackCommand", UNFOLLOW),
        ("contenttype", "json"),
        ("ClientIP", "2001:0db8:85a3:0000:0000:8a2e:0370:7334"),
        ("OptPlatform", "RESTAPI"),
        ("RequestId", "123e4567-e89b-12d3-a456-426614174000"),
    ]
    row(
        "the largest real event, 20 targets of 32 bytes from an IPv6 address, fits",
        "unfollow",
        encode(parameters + signature()),
        encode(parameters),
        unfollow_body(**full),
        unfollow_body(**full),
        "RESTAPI",
        "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
        "123e4567-e89b-12d3-a456-426614174000",
        **full,
    )
    many = dict(from_account="UserID_001", targets=[f"target{n:03d}" for n in range(300)], event_time=1702018343678)
    row("300 targets: metadata has those that fit, and their total number", "unfollow", query(), unsigned_query,
        unfollow_body(**many), unfollow_body(**many), "iOS", "127.0.0.1", None, **many)
    return rows


# --- calls.json --------------------------------------------------------------------------------------------------

# The answer table, by the reason's name: HTTP status and ErrorCode.
REASONS = {
    "settings": (500, 50000),
    "not_found": (404, 40400),
    "insecure": (403, 40300),
    "method": (405, 40500),
    "query_too_long": (400, 40000),
    "query_encoding": (400, 40001),
    "query_duplicate": (400, 40002),
    "sdk_app_id_missing": (400, 40003),
    "sdk_app_id_foreign": (403, 40301),
    "no_token": (401, 40100),
    "sign_missing": (401, 40101),
    "sign_malformed": (401, 40102),
    "request_time_missing": (401, 40103),
    "request_time_malformed": (401, 40104),
    "request_time_far": (401, 40105),
    "sign_mismatch": (401, 40106),
    "content_type": (415, 41500),
    "body_too_large": (413, 41300),
    "command_missing": (400, 40005),
    "body_not_an_object": (400, 40006),
    "duplicate_member": (400, 40007),
    "command_mismatch": (400, 40008),
    "from_account": (400, 40009),
    "targets": (400, 40010),
    "too_many_targets": (413, 41301),
    "event_time": (400, 40011),
    "not_stored": (503, 50300),
}

SAMPLE_KEY = f"event/{APP}/" + event_id(APP, UNFOLLOW, "UserID_001", ["UserID_002", "UserID_003"], 1702018343678)
FOLLOW_KEY = f"event/{APP}/" + event_id(APP, FOLLOW, "UserID_001", ["UserID_002", "UserID_003"], 1702018343678)


# The call that most rows are a variation of: the sample of Tencent's page, signed. Blanks are added to the body until it
# has `pad_to` bytes. `content_length` is the body's own ("own"), absent (null), or a number. A row with a `body_hex`
# has that for its body.
DEFAULTS = dict(
    settings=SIGNED,
    bindings=True,
    store="works",
    method="POST",
    url=url(query()),
    body=unfollow_body(),
    pad_to=None,
    content_length="own",
    now_ms=NOW_MS,
)


def call(why, verdict, **given):
    """One row: the outcome, and those parts of the input that differ from DEFAULTS.

    `verdict` is a reason's name, "probe", "unhandled", or a KV key: the event is stored there.
    """
    assert given.keys() <= DEFAULTS.keys(), given
    row = {name: value for name, value in given.items() if value != DEFAULTS[name]}
    if isinstance(row.get("body"), bytes):
        row["body_hex"] = row.pop("body").hex()
    if verdict in REASONS:
        status, code = REASONS[verdict]
        outcome, reason, key = ("failed" if status >= 500 else "rejected"), verdict, None
    else:
        status, code, reason = 200, 0, None
        outcome, key = (verdict, None) if verdict in ("probe", "unhandled") else ("stored", verdict)
    return dict(why=why, **row, status=status, error_code=code, outcome=outcome, reason=reason, key=key)


def settings_rows():
    def invalid(why, bindings=True, **changed):
        settings = {name: value for name, value in {**SIGNED, **changed}.items() if value is not None}
        yield call(f"settings: {why}", "settings", settings=settings, bindings=bindings)

    yield from invalid("SDK_APP_IDS is missing", SDK_APP_IDS=None)
    yield from invalid("SDK_APP_IDS is empty", SDK_APP_IDS="")
    yield from invalid("SDK_APP_IDS holds an empty item", SDK_APP_IDS=f"{APP},")
    yield from invalid("SDK_APP_IDS holds a word", SDK_APP_IDS=f"{APP},app")
    yield from invalid("the token is empty", CALLBACK_TOKEN="")
    yield from invalid("the token is empty, and unsigned calls are allowed", CALLBACK_TOKEN="", ALLOW_UNSIGNED="true")
    yield from invalid("a token of 129 characters", CALLBACK_TOKEN="t" * 129)
    yield from invalid("an empty previous token", CALLBACK_TOKEN_PREVIOUS="")
    yield from invalid("a previous token without a current one", CALLBACK_TOKEN=None, CALLBACK_TOKEN_PREVIOUS="old")
    yield from invalid("an app's own token is empty", **{f"CALLBACK_TOKEN_{APP}": ""})
    yield from invalid("an app's previous token without its current one", **{f"CALLBACK_TOKEN_{APP}_PREVIOUS": "old"})
    yield from invalid("ALLOW_UNSIGNED is neither true nor false", ALLOW_UNSIGNED="yes")
    yield from invalid("WEBHOOK_PATH does not begin with a slash", WEBHOOK_PATH="hook")
    yield from invalid("WEBHOOK_PATH is one of the Worker's other routes", WEBHOOK_PATH="/healthz")
    yield from invalid("SINKS names a sink that does not exist", SINKS="disk")
    yield from invalid("SINKS is origin, and ORIGIN_URL is missing", SINKS="origin")
    yield from invalid("SINKS includes origin, and ORIGIN_URL is missing", SINKS="kv,origin")
    yield from invalid("SINKS includes origin, and ORIGIN_URL is plain http", SINKS="kv,origin", ORIGIN_URL="http://backend.example.com/")
    yield from invalid("SINKS is origin, and ORIGIN_URL has a query", SINKS="origin", ORIGIN_URL="https://backend.example.com/?x=1")
    yield from invalid("the KV binding is missing", bindings=False)
    yield call("an invalid RETENTION_DAYS switches off nothing but the expiry", SAMPLE_KEY, settings={**SIGNED, "RETENTION_DAYS": "soon"})
    yield call("SINKS is kv", SAMPLE_KEY, settings={**SIGNED, "SINKS": "kv"})


def path_and_scheme_rows():
    yield call("Tencent's sample URL has no path", SAMPLE_KEY, url=url(query(), path=""))
    yield call("the path is a different one", "not_found", url=url(query(), path="/hook"))
    yield call("a slash too many", "not_found", url=url(query(), path="//"))
    hook = {**SIGNED, "WEBHOOK_PATH": "/hook/tencent-chat"}
    yield call("WEBHOOK_PATH is the path", SAMPLE_KEY, settings=hook, url=url(query(), path="/hook/tencent-chat"))
    for path in ["/", "/hook", "/hook/tencent-chat/", "/hook/tencent-chat/x", "/Hook/tencent-chat", "/x/hook/tencent-chat"]:
        yield call(f"WEBHOOK_PATH is set, the path is {path}", "not_found", settings=hook, url=url(query(), path=path))
    yield call("a path in the query does not count", "not_found", settings=hook, url=url("/hook/tencent-chat?" + query()))
    slash = {**SIGNED, "WEBHOOK_PATH": "/hook/"}
    yield call("a slash at the end of WEBHOOK_PATH counts", SAMPLE_KEY, settings=slash, url=url(query(), path="/hook/"))
    yield call("and so does its absence", "not_found", settings=slash, url=url(query(), path="/hook"))

    yield call("plain http, not on this machine", "insecure", url=url(query(), origin="http://www.example.com"))
    for host in ["127.0.0.1:8787", "127.0.0.1", "localhost:8787", "localhost", "[::1]:8787", "[::1]", "127.9.9.9"]:
        yield call(f"plain http on this machine, {host}", SAMPLE_KEY, url=url(query(), origin=f"http://{host}"))
    for host in ["127.0.0.1.example.com", "localhost.example.com", "128.0.0.1", "0.0.0.0", "[::2]", "127.0.0.1@example.com", "example.com:127"]:
        yield call(f"plain http on {host}, which is another machine", "insecure", url=url(query(), origin=f"http://{host}"))
    yield call("another scheme", "insecure", url=url(query(), origin="ftp://www.example.com"))
    yield call("https with a port", SAMPLE_KEY, url=url(query(), origin="https://www.example.com:8443"))
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"]:
        yield call(f"the method is {method}", "method", method=method, body="", content_length=None)


def query_rows():
    longest = query("x=")
    longest += "x" * (4096 - len(longest))
    yield call("a query of 4,096 bytes", SAMPLE_KEY, url=url(longest))
    yield call("a query of 4,097 bytes", "query_too_long", url=url(longest + "x"))
    for why, more in [
        ("a lone %", "RequestId=%"),
        ("half an octet", "RequestId=%4"),
        ("no hex digits", "RequestId=%zz"),
        ("a sign for a digit", "RequestId=%+1"),
        ("not UTF-8", "RequestId=%ff"),
        ("an overlong encoding", "RequestId=%c0%80"),
        ("half a surrogate pair", "RequestId=%ed%a0%80"),
        ("an encoding that breaks off", "RequestId=%e5%be"),
        ("the other spelling", "RequestID=%ff"),
    ]:
        yield call(f"a recognised parameter is badly encoded: {why}", "query_encoding", url=url(query(more)))
    for name in ["ClientIP", "OptPlatform", "contenttype", "CallbackCommand", "SdkAppid"]:
        yield call(f"{name} is badly encoded", "query_encoding", url=url(query(f"{name}=%ff", without=[name])))
    for name in ["Sign", "RequestTime"]:
        yield call(f"{name} is badly encoded", "query_encoding", url=url(query(f"{name}=%ff", sign=False)))
    yield call("SdkAppId, the other spelling, is badly encoded", "query_encoding", url=url(query("SdkAppId=%ff", without=["SdkAppid"])))
    for name, value in SAMPLE_QUERY + signature() + [("RequestId", "1")]:
        more = [f"{name}={value}"] * (2 if name == "RequestId" else 1)
        yield call(f"{name} is a duplicate parameter, with the same value", "query_duplicate", url=url(query(*more)))
    yield call("both spellings of SdkAppid: a duplicate parameter", "query_duplicate", url=url(query(f"SdkAppId={APP}")))
    yield call("both spellings of RequestId: a duplicate parameter", "query_duplicate", url=url(query("RequestId=1", "RequestID=2")))
    yield call("a second Sign that is empty", "query_duplicate", url=url(query("Sign=")))
    yield call("a second Sign without =", "query_duplicate", url=url(query("Sign")))
    yield call("a second Sign whose name is percent-encoded", "query_duplicate", url=url(query("%53ign=0")))
    yield call("other parameters are not decoded, and may be duplicates", SAMPLE_KEY, url=url(query("x=%", "x=%zz", "%ff=1", "%", "=", "")))
    yield call("names are case-sensitive: these are not recognised", SAMPLE_KEY, url=url(query("sign=%zz", "sdkappid=1", "REQUESTTIME=1", "requestid=%")))
    yield call("a value may hold =", SAMPLE_KEY, url=url(query("RequestId=a=b=c")))
    yield call("percent-encoding where none is needed", SAMPLE_KEY,
               url=url(query("%53dkAppid=%31400000000", "C%61llbackCommand=Follow%2eCallbackAfterFollowDelete", without=["SdkAppid", "CallbackCommand"])))
    yield call("unicode, properly encoded", SAMPLE_KEY, url=url(query(OptPlatform="微信🙂", ClientIP="é")))
    yield call("an unknown platform, and no ClientIP", SAMPLE_KEY, url=url(query(without=["ClientIP"], OptPlatform="Unkown")))
    yield call("NUL and newlines in a parameter are text like any other", SAMPLE_KEY, url=url(query("RequestId=%00%0d%0a")))


def app_rows():
    yield call("SdkAppid is missing", "sdk_app_id_missing", url=url(query(without=["SdkAppid"])))
    yield call("SdkAppid is empty", "sdk_app_id_missing", url=url(query(SdkAppid="")))
    yield call("SdkAppid is missing, the body is not an object", "sdk_app_id_missing", url=url(query(without=["SdkAppid"])), body="[]")
    yield call("SdkAppid is missing, the command is not a Follow command", "sdk_app_id_missing",
               url=url(query(without=["SdkAppid"], CallbackCommand="State.StateChange")), body='{"x":1}')
    yield call("SdkAppid is missing, and so are Sign and RequestTime", "sdk_app_id_missing", url=url(query(without=["SdkAppid"], sign=False)))
    yield call("there is no query at all", "sdk_app_id_missing", url="https://www.example.com/")
    for other in ["1400000001", f"0{APP}", f"{APP}0", f"{APP}.0", f"+{APP}", f"-{APP}", f" {APP}", f"{APP} ", f"{APP},1", "1.4e9",
                  "0x53724e00", "１４００００００００", f"{APP}\0", "0", "18446744073709551616", "x"]:
        yield call(f"SdkAppid is {other!r}, not one of SDK_APP_IDS digit for digit", "sdk_app_id_foreign", url=url(query(SdkAppid=other)))
    yield call("the probe may lack SdkAppid, but not name a foreign app", "sdk_app_id_foreign", url=url(query(SdkAppid="1400000001")), body="")
    two = {**SIGNED, "SDK_APP_IDS": f"20000001, {APP}"}
    yield call("the second of two apps", SAMPLE_KEY, settings=two)
    other_key = "event/20000001/" + event_id(20000001, UNFOLLOW, "UserID_001", ["UserID_002", "UserID_003"], 1702018343678)
    yield call("the first of two apps", other_key, settings=two, url=url(query(SdkAppid="20000001")))
    yield call("SdkAppId, as one overview page spells it", SAMPLE_KEY, url=url(query(f"SdkAppId={APP}", without=["SdkAppid"])))


def with_signature(parameters):
    return url("&".join([encode(SAMPLE_QUERY), encode(parameters)]).rstrip("&"))


def auth_rows():
    (sign_name, right), time = signature()
    yield call("no Sign where the app has a token", "sign_missing", url=with_signature([]))
    yield call("no Sign where the app has a token, though unsigned calls are allowed", "sign_missing", url=with_signature([]), settings={**SIGNED, **UNSIGNED})
    yield call("an empty Sign counts as absent", "sign_missing", url=with_signature([(sign_name, ""), time]))
    yield call("Sign is not hex", "sign_malformed", url=with_signature([(sign_name, "x" * 64), time]))
    yield call("RequestTime is missing", "request_time_missing", url=with_signature([(sign_name, right)]))
    yield call("RequestTime is empty", "request_time_missing", url=with_signature([(sign_name, right), ("RequestTime", "")]))
    for text in [f"+{NOW}", f" {NOW}", f"{NOW}0", "x", "１７"]:
        yield call(f"RequestTime is {text!r}", "request_time_malformed", url=with_signature([(sign_name, sha256(TOKEN + text)), ("RequestTime", text)]))
    yield call("a + in a query is a +, not a space", "request_time_malformed", url=with_signature([]) + f"&Sign={right}&RequestTime=+{NOW}")
    for seconds in [-60, 60]:
        yield call(f"RequestTime is {seconds:+} s from now", SAMPLE_KEY, url=with_signature(signature(time=NOW + seconds)))
    for seconds in [-61, 61]:
        yield call(f"RequestTime is {seconds:+} s from now", "request_time_far", url=with_signature(signature(time=NOW + seconds)))
    yield call("signed with another token", "sign_mismatch", url=with_signature(signature("other")))
    yield call("signed for another second", "sign_mismatch", url=with_signature([signature(time=NOW - 1)[0], time]))
    yield call("upper-case hex", SAMPLE_KEY, url=with_signature([(sign_name, right.upper()), time]))

    rotating = {**SIGNED, "CALLBACK_TOKEN": "new", "CALLBACK_TOKEN_PREVIOUS": "old"}
    yield call("the current of two tokens", SAMPLE_KEY, settings=rotating, url=with_signature(signature("new")))
    yield call("the previous of two tokens", SAMPLE_KEY, settings=rotating, url=with_signature(signature("old")))
    yield call("neither of two tokens", "sign_mismatch", settings=rotating)
    own = {**SIGNED, f"CALLBACK_TOKEN_{APP}": "own", f"CALLBACK_TOKEN_{APP}_PREVIOUS": "own before"}
    yield call("an app's own token", SAMPLE_KEY, settings=own, url=with_signature(signature("own")))
    yield call("an app's own previous token", SAMPLE_KEY, settings=own, url=with_signature(signature("own before")))
    yield call("an app with its own token no longer accepts the shared one", "sign_mismatch", settings=own)
    neighbours = {"SDK_APP_IDS": f"{APP},20000001", "CALLBACK_TOKEN_20000001": "theirs"}
    yield call("another app's own token does not count", "sign_mismatch", settings={**SIGNED, **neighbours}, url=with_signature(signature("theirs")))

    closed = {"SDK_APP_IDS": str(APP)}
    yield call("no token, and unsigned calls are not allowed", "no_token", settings=closed, url=with_signature([]))
    yield call("the same, signed", "no_token", settings=closed)
    yield call("the same, with ALLOW_UNSIGNED set to false", "no_token", settings={**closed, "ALLOW_UNSIGNED": "false"})
    yield call("an app without a token beside one that has its own", "no_token", settings=neighbours)
    yield call("unsigned calls are allowed, and there is no token", SAMPLE_KEY, settings=UNSIGNED, url=with_signature([]))
    yield call("the same, with a Sign that cannot be checked", SAMPLE_KEY, settings=UNSIGNED, url=with_signature(signature("unknown", NOW - 9999)))
    yield call("an unsigned app beside one that has its own token", SAMPLE_KEY, settings={**neighbours, "ALLOW_UNSIGNED": "true"}, url=with_signature([]))


def content_type_rows():
    yield call("contenttype is absent", SAMPLE_KEY, url=url(query(without=["contenttype"])))
    yield call("contenttype is empty", SAMPLE_KEY, url=url(query(contenttype="")))
    for text in ["JSON", "Json", "jSoN"]:
        yield call(f"contenttype is {text}", SAMPLE_KEY, url=url(query(contenttype=text)))
    for text in ["xml", "application/json", "json ", "json;charset=utf-8", "ｊson", "jsonp"]:
        yield call(f"contenttype is {text!r}", "content_type", url=url(query(contenttype=text)))


OTHER = "C2C.CallbackAfterSendMsg"


def size_rows():
    follow = dict(url=url(query(CallbackCommand=FOLLOW)), body=follow_body())
    other = dict(url=url(query(CallbackCommand=OTHER)), body='{"CallbackCommand":"C2C.CallbackAfterSendMsg","MsgBody":[]}')
    unnamed = dict(url=url(query(without=["CallbackCommand"])))
    for content_length in ["own", None]:
        how = "and declares it" if content_length else "and does not declare it"
        for name, key, given in [("an unfollow", SAMPLE_KEY, {}), ("a follow", FOLLOW_KEY, follow), ("an unfollow that only its body names", SAMPLE_KEY, unnamed)]:
            yield call(f"{name} has 65,536 bytes {how}", key, pad_to=65536, content_length=content_length, **given)
            yield call(f"{name} has 65,537 bytes {how}", "body_too_large", pad_to=65537, content_length=content_length, **given)
        yield call(f"another command has 65,537 bytes {how}", "unhandled", pad_to=65537, content_length=content_length, **other)
        yield call(f"another command has 1,048,576 bytes {how}", "unhandled", pad_to=1048576, content_length=content_length, **other)
        yield call(f"another command has 1,048,577 bytes {how}", "body_too_large", pad_to=1048577, content_length=content_length, **other)
    future = dict(url=url(query(CallbackCommand="Follow.CallbackAfterFollowMute")), body="{}x")
    yield call("a Follow command that does not exist yet has 65,537 bytes", "unhandled", pad_to=65537, **future)
    yield call("65,536 spaces: no content", "probe", body="", pad_to=65536)
    yield call("65,537 spaces", "body_too_large", body="", pad_to=65537)
    yield call("it declares more than a signed 64-bit number holds", "body_too_large", content_length=2**64 - 1)
    yield call("it declares less than it has, which HTTP would not let through: what is read counts", "body_too_large", pad_to=65537, content_length=10)


def probe_rows():
    contents = [
        ("an empty body", ""),
        ("white space", " \r\n\t"),
        ("a byte-order mark", "\ufeff"),
        ("{}", "{}"),
        ("{} in white space", "\n{ }\n"),
        ("an object with nothing but the command", f'{{"CallbackCommand":"{UNFOLLOW}"}}'),
        ("an object with nothing but another command", '{"CallbackCommand":"x"}'),
        ("an object with nothing but a command that is null", '{"CallbackCommand":null}'),
        ("an object with nothing but a command, its name in escapes", '{"\\u0043allbackCommand":"x"}'),
    ]
    for why, body in contents:
        yield call(f"the probe: {why}", "probe", body=body)
    for why, body in contents[:4]:
        yield call(f"the probe without SdkAppid: {why}", "probe", url=url(query(without=["SdkAppid"])), body=body)
    yield call("the probe, with another command", "probe", url=url(query(CallbackCommand=OTHER)), body="{}")
    yield call("the probe, with an unknown command", "probe", url=url(query(CallbackCommand="x")), body="")
    yield call("the probe, without a command", "probe", url=url(query(without=["CallbackCommand"])), body="")
    yield call("the probe, with nothing but Sign and RequestTime", "probe", url=url(encode(signature())), body="")
    yield call("the probe does not need the store", "probe", body="", store="fails")

    no_app = url(encode(SAMPLE_QUERY[1:]))
    signed_by = lambda token: url(encode(SAMPLE_QUERY[1:] + signature(token)))
    yield call("the probe without SdkAppid has to be signed", "sdk_app_id_missing", url=no_app, body="")
    yield call("the same, signed with a token that is not configured", "sign_mismatch", url=signed_by("other"), body="")
    yield call("the same, signed too long ago", "request_time_far", url=url(encode(SAMPLE_QUERY[1:] + signature(time=NOW - 61))), body="")
    yield call("the probe without SdkAppid, signed with the previous token", "probe", url=signed_by("old"), body="",
               settings={**SIGNED, "CALLBACK_TOKEN_PREVIOUS": "old"})
    own = {"SDK_APP_IDS": f"{APP},20000001", "CALLBACK_TOKEN_20000001": "theirs", "CALLBACK_TOKEN_20000001_PREVIOUS": "theirs before"}
    yield call("the probe without SdkAppid, signed with one app's own token", "probe", url=signed_by("theirs"), body="", settings={**SIGNED, **own})
    yield call("the probe without SdkAppid, signed with one app's previous token", "probe", url=signed_by("theirs before"), body="", settings=own)
    yield call("the probe without SdkAppid, unsigned calls allowed and no token at all", "probe", url=no_app, body="{}", settings=UNSIGNED)
    yield call("the same, where one app has a token", "sdk_app_id_missing", url=no_app, body="{}", settings={**own, "ALLOW_UNSIGNED": "true"})
    yield call("the same, where unsigned calls are not allowed", "sdk_app_id_missing", url=no_app, body="{}", settings={"SDK_APP_IDS": str(APP)})
    yield call("a call without SdkAppid and with content is not the probe", "sdk_app_id_missing", url=no_app, settings=UNSIGNED)
    yield call("the probe with SdkAppid but without Sign", "sign_missing", url=with_signature([]), body="")
    yield call("the probe with another contenttype", "content_type", url=url(query(contenttype="xml")), body="")

    for why, body, reason in [
        ("an empty array", "[]", "body_not_an_object"),
        ("null", "null", "body_not_an_object"),
        ("an array of nothing but a command", '["x"]', "body_not_an_object"),
        ("an empty string", '""', "body_not_an_object"),
        ("0", "0", "body_not_an_object"),
        ("half an object", "{", "body_not_an_object"),
        ("two objects", "{}{}", "body_not_an_object"),
        ("text after the object", "{}x", "body_not_an_object"),
        ("another member", '{"x":1}', "from_account"),
        ("a member with an empty name", '{"":1}', "from_account"),
        ("the command in another letter case", f'{{"callbackCommand":"{UNFOLLOW}"}}', "from_account"),
        ("the command and another member", f'{{"CallbackCommand":"{UNFOLLOW}","x":1}}', "from_account"),
        ("a command that is null and another member", '{"CallbackCommand":null,"x":1}', "from_account"),
        ("a member whose name is half a surrogate pair", '{"\\ud800":1}', "from_account"),
        ("the command, as a duplicate member", f'{{"CallbackCommand":"{UNFOLLOW}","CallbackCommand":"{UNFOLLOW}"}}', "duplicate_member"),
        ("the command, null, as a duplicate member", '{"CallbackCommand":null,"CallbackCommand":null}', "duplicate_member"),
    ]:
        yield call(f"not the probe: {why}", reason, body=body)


def command_rows():
    bare = url(query(without=["CallbackCommand"]))
    empty = url(query(CallbackCommand=""))
    yield call("the query has no command, the body has", SAMPLE_KEY, url=bare)
    yield call("the query's command is empty, the body has one", SAMPLE_KEY, url=empty)
    yield call("the query has no command, the body has a follow", FOLLOW_KEY, url=bare, body=follow_body())
    yield call("the query has no command, the body has one of another family", "unhandled", url=bare, body='{"CallbackCommand":"State.StateChange","x":1}')
    yield call("the body's command in escapes", SAMPLE_KEY, url=bare, body=unfollow_body().replace("Follow.", "\\u0046ollow.", 1))
    yield call("the body's command beside half a surrogate pair", SAMPLE_KEY, url=bare, body=unfollow_body()[:-1] + ',"\\ud800":"\\ud800"}')
    for why, body in [
        ("nothing", '{"From_Account":"a"}'),
        ("an empty one", '{"CallbackCommand":"","x":1}'),
        ("null", '{"CallbackCommand":null,"x":1}'),
        ("a number", '{"CallbackCommand":1,"x":1}'),
        ("an array", f'{{"CallbackCommand":["{UNFOLLOW}"],"x":1}}'),
        ("one inside another object", f'{{"x":{{"CallbackCommand":"{UNFOLLOW}"}}}}'),
        ("half a surrogate pair", '{"CallbackCommand":"\\ud800","x":1}'),
        ("one that is a duplicate member", f'{{"CallbackCommand":"{UNFOLLOW}","CallbackCommand":"{UNFOLLOW}","x":1}}'),
        ("nothing, as it is an array in the place of an object", f'["{UNFOLLOW}"]'),
        ("one in another letter case", f'{{"callbackcommand":"{UNFOLLOW}"}}'),
    ]:
        yield call(f"no command in the query, and in the body {why}", "command_missing", url=bare, body=body)
    yield call("no command, and the body is an array", "command_missing", url=bare, body=f'[{{"CallbackCommand":"{UNFOLLOW}"}}]')
    yield call("no command, and the body is not JSON", "command_missing", url=bare, body="x")
    yield call("no command, and the body is not UTF-8", "command_missing", url=bare, body=b'{"CallbackCommand":"\xff","x":1}')


def unhandled_rows():
    for command in [
        OTHER, "C2C.CallbackBeforeSendMsg", "State.StateChange", "Sns.CallbackPrevFriendAdd", "Push.AllMemberPush",
        "Follow.CallbackAfterFollowMute", "Follow.CallbackAfterFollowDelete2", "Follow.CallbackAfterFollow", "Follow.", "x",
        "follow.callbackafterfollowdelete", UNFOLLOW + " ", " " + FOLLOW, UNFOLLOW + "\0", "Ｆollow.CallbackAfterFollowAdd",
    ]:
        yield call(f"the command is {command!r}", "unhandled", url=url(query(CallbackCommand=command)), body='{"x":1}')
    other = url(query(CallbackCommand=OTHER))
    yield call("its body is not parsed: not JSON", "unhandled", url=other, body="no JSON")
    yield call("its body is not parsed: not UTF-8", "unhandled", url=other, body=b"\xff\xfe\x00{")
    yield call("its body is not parsed: two commands", "unhandled", url=other, body='{"CallbackCommand":"a","CallbackCommand":"b","x":1}')
    yield call("its body names another command, as one of Tencent's does", "unhandled",
               url=url(query(CallbackCommand="Live.CallbackMemberStateChanged")), body='{"CallbackCommand":"Live.CallbackAfterMemberStateChanged","x":1}')
    yield call("its body names an unfollow: the query's command counts", "unhandled", url=other)
    yield call("it does not need the store", "unhandled", url=other, store="fails")
    yield call("it must be authentic, too", "sign_mismatch", url=url(query(CallbackCommand=OTHER, sign=False) + "&" + encode(signature("other"))))


def body_rows():
    follow = url(query(CallbackCommand=FOLLOW))
    head = f'{{"CallbackCommand":"{UNFOLLOW}",'
    rest = '"From_Account":"UserID_001","To_Account":["UserID_002","UserID_003"],"EventTime":1702018343678'

    # Deeper than the limit that many readers of JSON have.
    deep = "[" * 200 + "]" * 200
    short = lambda value: "an array, 200 deep" if value == deep else value

    def key(kind=UNFOLLOW, from_account="UserID_001", targets=("UserID_002", "UserID_003"), event_time=1702018343678):
        return f"event/{APP}/" + event_id(APP, kind, from_account, targets, event_time)

    yield call("the request in Tencent's page", SAMPLE_KEY, body=TENCENTS_BODY)
    yield call("a follow", FOLLOW_KEY, url=follow, body=follow_body())
    yield call("the body need not name the command", SAMPLE_KEY, body="{" + rest + "}")
    yield call("the body's command is null, which counts as absent", SAMPLE_KEY, body=unfollow_body().replace(f'"{UNFOLLOW}"', "null"))
    yield call("a follow's command is null", FOLLOW_KEY, url=follow, body=follow_body().replace(f'"{FOLLOW}"', "null"))
    yield call("white space and a byte-order mark around it", SAMPLE_KEY, body="\ufeff\n " + unfollow_body() + "\r\n\t ")
    yield call("unknown members, one of them twice, deep and with a number that no float holds", SAMPLE_KEY,
               body="{" + rest + ',"x":' + "[" * 500 + "]" * 500 + ',"x":1e999,"":null,"0":0,"FollowList":1,"FollowList":2}')
    yield call("a follow ignores To_Account at its top", FOLLOW_KEY, url=follow, body=follow_body()[:-1] + ',"To_Account":0,"To_Account":0}')
    yield call("a follow's targets may have other members", FOLLOW_KEY, url=follow,
               body=follow_body().replace('{"To_Account":"UserID_002"}', '{"a":[{}],"To_Account":"UserID_002","Time":1,"a":0}'))
    yield call("even if these are named like members that are recognised elsewhere", FOLLOW_KEY, url=follow,
               body=follow_body().replace('{"To_Account":"UserID_002"}', '{"EventTime":1,"To_Account":"UserID_002","EventTime":2}'))
    for why, more in [
        ("an unread member is a duplicate", '"x":1,"x":1'),
        ("an unread member is a duplicate, its name in escapes", '"x":1,"\\u0078":2'),
        ("a follow's member is a duplicate in an unfollow, which does not read it", '"FollowList":[],"FollowList":[]'),
        ("a follow's member is an array of arrays in an unfollow", '"FollowList":[["a"]]'),
        ("a follow's member has half a surrogate pair in an unfollow", '"FollowList":[{"To_Account":"\\ud800"}]'),
        ("half a surrogate pair, the first", '"x":"\\ud800"'),
        ("half a surrogate pair, the second", '"x":"\\udfff"'),
        ("a surrogate pair in the wrong order", '"x":"\\ude00\\ud83d"'),
        ("half a surrogate pair before a whole one", '"x":"\\ud83d\\ud83d\\ude00"'),
        ("half a surrogate pair before another escape", '"x":"\\ud800\\n"'),
        ("half a surrogate pair as a name", '"\\ud800":1'),
        ("half a surrogate pair as a duplicate name", '"\\ud800":1,"\\ud800":2'),
        ("half a surrogate pair behind the name of a recognised member", '"EventTime\\ud800":1'),
        ("half a surrogate pair, names and values, deep", '"x":[{"\\udbff":{"a":["\\udc00"]}}]'),
        ("names that JavaScript's objects have already", '"__proto__":{"From_Account":1},"constructor":null,"toString":0'),
        ("an unread array, 20,000 deep", '"x":' + "[" * 20000 + "]" * 20000),
        ("unread objects, 10,000 deep", '"x":' + '{"":' * 10000 + "0" + "}" * 10000),
    ]:
        yield call(f"an unfollow with unread members: {why}", SAMPLE_KEY, body="{" + rest + "," + more + "}")
    for why, more in [
        ("an unread member is a duplicate", '"x":1,"x":1'),
        ("half a surrogate pair", '"x":"\\ud800"'),
        ("half a surrogate pair as a name", '"\\ud800":1'),
        ("an unfollow's member is a duplicate, with half a surrogate pair", '"To_Account":["\\ud800"],"To_Account":0'),
    ]:
        yield call(f"a follow with unread members: {why}", FOLLOW_KEY, url=follow, body=follow_body()[:-1] + "," + more + "}")
    for why, more in [
        ("half a surrogate pair", '"x":"\\ud800"'),
        ("half a surrogate pair as a name", '"\\ud800":1'),
        ("an unread member is a duplicate", '"FollowList":1,"FollowList":2'),
        ("an unread array, 20,000 deep", '"x":' + "[" * 20000 + "]" * 20000),
    ]:
        yield call(f"a follow whose target has unread members: {why}", FOLLOW_KEY, url=follow,
                   body=follow_body().replace('{"To_Account":"UserID_002"}', '{"To_Account":"UserID_002",' + more + "}"))
    yield call("20 targets", key(targets=[f"t{n}" for n in range(20)]), body=unfollow_body(targets=[f"t{n}" for n in range(20)]))
    yield call("300 targets", key(targets=[f"t{n}" for n in range(300)]), body=unfollow_body(targets=[f"t{n}" for n in range(300)]))
    yield call("user ids far longer than Tencent allows", key(from_account="f" * 999, targets=["微" * 999]), body=unfollow_body("f" * 999, ["微" * 999]))
    yield call("a user who unfollows himself, as a target twice", key(targets=["UserID_001"] * 2), body=unfollow_body(targets=["UserID_001"] * 2))

    for why, body in [
        ("not JSON", "x"),
        ("an array", "[" + unfollow_body() + "]"),
        ("a string", compact(unfollow_body())),
        ("it breaks off", unfollow_body()[:-1]),
        ("two objects", unfollow_body() * 2),
        ("an array of an unfollow's values", f'["{UNFOLLOW}","UserID_001",["UserID_002","UserID_003"],1702018343678]'),
        ("a comma too many", unfollow_body()[:-1] + ",}"),
        ("a comment", unfollow_body() + "//"),
        ("single quotes", unfollow_body().replace('"', "'")),
        ("NUL after it", unfollow_body() + "\0"),
        ("a raw newline in a string", unfollow_body("a\nb").replace("\\n", "\n")),
        ("an unread member that is not JSON", "{" + rest + ',"x":NaN}'),
        ("an invalid escape in an unread member", "{" + rest + ',"x":"\\q"}'),
        ("an incomplete escape in an unread member", "{" + rest + ',"x":"\\ud80"}'),
        ("an unread array that is closed by a brace, deep", "{" + rest + ',"x":' + "[" * 200 + "]" * 199 + "}}"),
        ("an unread array that is not closed, deep", "{" + rest + ',"x":' + "[" * 20000),
        ("a number with a leading zero", "{" + rest + ',"x":01}'),
        ("a form", "From_Account=a&To_Account=b&EventTime=1"),
        ("not UTF-8", unfollow_body().encode().replace(b"UserID_001", b"UserID_\xff")),
        ("not UTF-8 in an unread member", unfollow_body().encode()[:-1] + b',"x":"\xc0\x80"}'),
        ("half a surrogate pair as bytes in an unread member", unfollow_body().encode()[:-1] + b',"x":"\xed\xa0\x80"}'),
        ("UTF-16", unfollow_body().encode("utf-16")),
    ]:
        yield call(f"the body is not a JSON object: {why}", "body_not_an_object", body=body)

    for name, member in [
        ("CallbackCommand", f'"CallbackCommand":"{UNFOLLOW}"'),
        ("From_Account", '"From_Account":"UserID_001"'),
        ("To_Account", '"To_Account":["UserID_002","UserID_003"]'),
        ("EventTime", '"EventTime":1702018343678'),
    ]:
        yield call(f"{name} is a duplicate member, with the same value", "duplicate_member", body=unfollow_body()[:-1] + "," + member + "}")
        escaped = member.replace(name, f"\\u00{ord(name[0]):02x}{name[1:]}", 1)
        yield call(f"{name} is a duplicate member, its name in escapes", "duplicate_member", body=unfollow_body()[:-1] + "," + escaped + "}")
        yield call(f"{name} is a duplicate member, once null", "duplicate_member", body=f'{{"{name}":null,' + unfollow_body()[1:])
    yield call("FollowList is a duplicate member", "duplicate_member", url=follow, body=follow_body()[:-1] + ',"FollowList":[]}')
    yield call("a target's To_Account is a duplicate member", "targets", url=follow,
               body=follow_body().replace('{"To_Account":"UserID_002"}', '{"To_Account":"UserID_002","To_Account":"UserID_002"}'))

    yield call("the body names the other Follow command", "command_mismatch", url=follow)
    yield call("the body names a command of another family", "command_mismatch", body=unfollow_body().replace(UNFOLLOW, OTHER))
    yield call("the body names the command in another letter case", "command_mismatch", body=unfollow_body().replace(UNFOLLOW, UNFOLLOW.upper()))
    for value in ["1", "true", "false", '""', "{}", "[]", f'["{UNFOLLOW}"]', '"null"', '"\\ud800"', f'"{UNFOLLOW}\\ud800"', deep]:
        yield call(f"the body's command is {short(value)}", "command_mismatch", body=unfollow_body().replace(f'"{UNFOLLOW}"', value))

    def members(from_account='"UserID_001"', targets='["UserID_002"]', event_time="1702018343678", name="To_Account"):
        parts = [("From_Account", from_account), (name, targets), ("EventTime", event_time)]
        return "{" + ",".join(f'"{name}":{value}' for name, value in parts if value is not None) + "}"

    for value in [None, "null", '""', "1", "true", '["UserID_001"]', '{"UserID":"a"}', '"\\ud800"', '"a\\udfff"', deep]:
        yield call(f"From_Account is {short(value)}", "from_account", body=members(from_account=value))
    yield call("From_Account in another letter case is another member", "from_account", body=members().replace("From_Account", "from_account"))
    for value in [None, "null", "[]", '"UserID_002"', '[""]', '["a",""]', '["a",null]', "[1]", '[["a"]]', '[{"To_Account":"a"}]', '{"0":"a"}',
                  '["\\udfff"]', '["a","b\\ud800"]', "true", deep]:
        yield call(f"To_Account is {short(value)}", "targets", body=members(targets=value))
    for value in [None, "null", "[]", '{"To_Account":"a"}', "[{}]", '[{"To_Account":""}]', '[{"To_Account":null}]', '[{"To_Account":["a"]}]', '["a"]', '[["a"]]',
                  '[{"To_Account":"a"},{}]', '[{"to_account":"a"}]', '[{"To_Account":1}]', '"a"',
                  '[["To_Account","a"]]', '[{"To_Account":"a"},["b"]]', '["To_Account"]', '[{"To_Account":"\\ud800"}]', "[null]", deep]:
        yield call(f"FollowList is {short(value)}", "targets", url=follow, body=members(targets=value, name="FollowList"))
    yield call("a follow whose targets are in an unfollow's member", "targets", url=follow, body=members())
    many = [f"u{n}" for n in range(501)]
    yield call("501 targets", "too_many_targets", body=members(targets=compact(many)))
    yield call("501 targets of a follow", "too_many_targets", url=follow,
               body=members(targets=compact([{"To_Account": target} for target in many]), name="FollowList"))
    yield call("501 targets that are all the same", "too_many_targets", body=members(targets=compact(["a"] * 501)))
    yield call("500 targets", key(targets=many[:500]), body=members(targets=compact(many[:500])))

    for text, value in [
        # Milliseconds: 11 to 13 digits.
        ("1702018343678", 1702018343678), ('"1702018343678"', 1702018343678), ("9999999999999", 9999999999999), ('"9999999999999"', 9999999999999),
        ("10000000000", 10000000000), ('"10000000000"', 10000000000), ('"0010000000000"', 10000000000),
        # Seconds: at most 10 digits. Leading zeros do not count.
        ("1702018343", 1702018343000), ('"1702018343"', 1702018343000), ('"0001702018343"', 1702018343000),
        ("9999999999", 9999999999000), ('"9999999999"', 9999999999000), ('"0009999999999"', 9999999999000),
        ("1", 1000), ('"1"', 1000), ('"0000000000001"', 1000), ('"\\u0031"', 1000),
        # Zero is zero.
        ("0", 0), ('"0"', 0), ('"0000000000000"', 0), ("-0", 0), ("0.0", 0), ("-0.0", 0), ("0e5", 0), ("-0E-5", 0), ("0e999", 0),
        # An integral value counts, not how it is written.
        ("1.702018343678e12", 1702018343678), ("1.702018343678E+012", 1702018343678), ("1702018343678.0", 1702018343678),
        ("1702018343678.000000000000000000000000000000", 1702018343678), ("1702018343678e0", 1702018343678), ("1702018343678e-0", 1702018343678),
        ("17020183436780e-1", 1702018343678), ("0.1702018343678e13", 1702018343678), ("17020183436780000000000000000000e-19", 1702018343678),
        ("9.999999999999e12", 9999999999999), ("9999999999999.0", 9999999999999), ("1E12", 1000000000000), ("1e10", 10000000000),
        ("1.702018343e9", 1702018343000), ("1702018343.0", 1702018343000), ("17020183430e-1", 1702018343000), ("9.999999999e9", 9999999999000),
        ("1e9", 1000000000000), ("1e3", 1000000), ("1.0", 1000), ("10e-1", 1000),
    ]:
        yield call(f"EventTime is {text}", key(targets=["UserID_002"], event_time=value), body=members(event_time=text))
    for text, value in [("1702018343", 1702018343000), ('"0001702018343"', 1702018343000), ("1.702018343678e12", 1702018343678), ("-0", 0)]:
        yield call(f"a follow's EventTime is {text}", key(FOLLOW, event_time=value), url=follow, body=follow_body().replace("1702018343678", text))
    for text in [
        None, "null", "true", "[1702018343678]", '{"ms":1}', deep,
        # Below zero.
        "-1", "-1.0", "-1e3", "-1702018343", "-1702018343678", "-0.5",
        # Not integral.
        "1.5", "0.5", "1e-1", "15e-1", "1702018343.678", "1702018343678.5", "1.7020183436785e12", "17020183436785e-1", "9999999999.5",
        "9999999999999.5",
        # More than 13 digits.
        "10000000000000", "1e13", "1E+13", "10000000000000.0", "99999999999999", "18446744073709551617", "1e99", "1e400", "-1e400",
        # A string that is not of 1 to 13 digits.
        '""', '"10000000000000"', '"00000000000001"', '"00001702018343"', '"+1"', '"-1"', '"-0"', '" 1"', '"1 "', '"1.0"', '"1e3"', '"1.7e12"',
        '"1702018343.0"', '"0x1"', '"１"', '"x"', '"2023-12-08T06:52:23Z"', '"\\ud800"', '"1\\udfff"',
    ]:
        yield call(f"EventTime is {short(text)}", "event_time", body=members(event_time=text))
    for text in ["01702018343678", "1702018343678.", ".5", "1e", "1e+", "+1", "-", "-01", "0x1", "1_000", "NaN", "Infinity"]:
        yield call(f"EventTime is {text}, which is not JSON", "body_not_an_object", body=members(event_time=text))


def store_rows():
    yield call("KV does not store the event", "not_stored", store="fails")
    yield call("KV does not store a follow", "not_stored", store="fails", url=url(query(CallbackCommand=FOLLOW)), body=follow_body())


def order_rows():
    """A call with two errors is rejected by the step that comes first, for each pair of steps."""
    # Each step's error, as a change of a call that is described by parts; in the order of the steps.
    errors = [
        ("settings", lambda c: c["settings"].update(SINKS="disk")),
        ("not_found", lambda c: c.update(path="/nowhere")),
        ("insecure", lambda c: c.update(origin="http://www.example.com")),
        ("method", lambda c: c.update(method="PUT")),
        ("query_duplicate", lambda c: c["more"].append("RequestTime=1")),
        ("sdk_app_id_foreign", lambda c: c["changed"].update(SdkAppid="1400000001")),
        ("sign_mismatch", lambda c: c.update(token="other")),
        ("content_type", lambda c: c["changed"].update(contenttype="xml")),
        ("body_too_large", lambda c: c.update(content_length=1048577)),
        ("command_missing", lambda c: c["changed"].update(CallbackCommand="")),
        ("from_account", lambda c: c.update(from_account="")),
        ("not_stored", lambda c: c.update(store="fails")),
    ]
    for earlier in range(len(errors)):
        for later in range(earlier + 1, len(errors)):
            c = dict(settings=dict(SIGNED), path="/", origin="https://www.example.com", method="POST", more=[], changed={},
                     token=TOKEN, content_length="own", from_account="UserID_001", store="works")
            errors[earlier][1](c)
            errors[later][1](c)
            parameters = [(name, c["changed"].get(name, value)) for name, value in SAMPLE_QUERY] + signature(c["token"])
            body = unfollow_body(c["from_account"])
            if "CallbackCommand" in c["changed"]:
                body = body.replace(f'"CallbackCommand":"{UNFOLLOW}",', "")
            yield call(
                f"two errors, {errors[earlier][0]} and {errors[later][0]}: the earlier step rejects the call",
                errors[earlier][0],
                settings=c["settings"],
                store=c["store"],
                method=c["method"],
                url=url("&".join([encode(parameters), *c["more"]]), c["path"], c["origin"]),
                body=body,
                content_length=c["content_length"],
            )
    # Steps that accept a call come before those after them, too.
    yield call("the probe comes before the command", "probe", url=url(query(CallbackCommand="")), body="{}")
    yield call("the probe comes before the body's command is compared", "probe", body=f'{{"CallbackCommand":"{FOLLOW}"}}')
    yield call("another command comes before its body", "unhandled", url=url(query(CallbackCommand=OTHER)), body="[", store="fails")
    yield call("the size comes before the probe", "body_too_large", body="{}", content_length=65537)
    yield call("a missing SdkAppid comes before a missing command", "sdk_app_id_missing",
               url=url(query(without=["SdkAppid", "CallbackCommand"])), body='{"x":1}')
    yield call("the length of a query comes before its encoding", "query_too_long", url=url("SdkAppid=%ff&x=" + "x" * 4096))


def call_rows():
    rows = []
    for group in [settings_rows, path_and_scheme_rows, query_rows, app_rows, auth_rows, content_type_rows, size_rows, probe_rows, command_rows,
                  unhandled_rows, body_rows, store_rows, order_rows]:
        rows.extend(dict(step=group.__name__.removesuffix("_rows"), **row) for row in group())
    unused = REASONS.keys() - {row["reason"] for row in rows}
    assert not unused, f"no row for {unused}"
    return rows


# --- the files ---------------------------------------------------------------------------------------------------


def write(folder, name, content):
    """One row a line, so that a change of one row is a change of one line."""
    lists = []
    for key, rows in content.items():
        if isinstance(rows, dict):
            lists.append(f"  {json.dumps(key)}: {json.dumps(rows)}")
            continue
        lines = ",\n".join("    " + json.dumps(row) for row in rows)
        lists.append(f"  {json.dumps(key)}: [\n{lines}\n  ]")
    (folder / name).write_text("{\n" + ",\n".join(lists) + "\n}\n", encoding="ascii", newline="\n")


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent
    write(folder, "sign.json", {"calls": sign_rows(), "tokens": token_rows()})
    write(folder, "event-id.json", {"events": event_id_rows()})
    write(folder, "entry.json", {"entries": entry_rows()})
    write(folder, "calls.json", {"defaults": DEFAULTS, "calls": call_rows()})


if __name__ == "__main__":
    main()
