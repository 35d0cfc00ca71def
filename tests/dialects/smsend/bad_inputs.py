"""What goes wrong on the wire, as data: one request each, and the answer it must get.

Run in-process on both databases, through gunicorn, and printed by :mod:`tests.dialects.smsend.print_bad_inputs`. ``{user_key}``,
``{session_key}``, ``{token}``, ``{stranger_key}``, ``{expired_key}`` and ``{stranger_order}`` in headers and targets are filled in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

REST = "/API/v1.0/REST"
TO = "+393471234567"
SINCE = "from=20260101000000"
SIGNED_IN: dict[str, str] = {"user_key": "{user_key}", "Session_key": "{session_key}"}
MESSAGE: Mapping[str, Any] = {"message_type": "N", "message": "Hello", "recipient": [TO]}


@dataclass(frozen=True)
class Bad:
    """One bad request. ``code`` is the ``error_code`` of the answer; "" where the body is bare text by contract."""

    name: str
    status: int
    code: str
    body: bytes = b""
    method: str = "POST"
    target: str = "/sms"
    headers: Mapping[str, str] = field(default_factory=lambda: SIGNED_IN)

    def filled(self, known: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        """(target, headers) with the keys of this run."""
        target = self.target
        for name, value in known.items():
            target = target.replace(f"{{{name}}}", value)
        return REST + target, {name: value.format(**known) for name, value in self.headers.items()}


def sms(name: str, code: str, **fields: Any) -> Bad:
    """A message with one thing wrong."""
    return Bad(name, 400, code, json.dumps({**MESSAGE, **fields}).encode())


def raw(name: str, body: bytes, code: str = "INVALID_REQUEST", status: int = 400, target: str = "/sms") -> Bad:
    """A body that is odd as bytes."""
    return Bad(name, status, code, body, target=target)


def get(name: str, status: int, code: str, target: str, **more: Any) -> Bad:
    return Bad(name, status, code, method="GET", target=target, **more)


def keyed(name: str, status: int, code: str, headers: Mapping[str, str]) -> Bad:
    """A good message with bad keys."""
    return Bad(name, status, code, json.dumps(MESSAGE).encode(), headers=headers)


def parametric(name: str, code: str, recipients: Any, message: str = "Hi ${a}") -> Bad:
    body = {"message_type": "N", "message": message, "recipients": recipients}
    return Bad(name, 400, code, json.dumps(body).encode(), target="/paramsms")


DEEP = 100_000
ROW = {"recipient": TO, "a": "x"}
WHOLE = json.dumps(MESSAGE).encode()
STRINGS = (
    "message_type", "message", "sender", "scheduled_delivery_time", "scheduled_delivery_timezone", "order_id", "encoding",
    "campaign_name", "short_link_url", "richsms_url", "richsms_mode",
)  # fmt: skip

BODIES = (
    raw("empty body", b""),
    raw("blanks only", b" \r\n\t"),
    raw("not JSON", b"message=Hello&recipient=%2B39"),
    raw("cut off", WHOLE[:-5]),
    raw("two objects", WHOLE + WHOLE),
    raw("single quotes", WHOLE.replace(b'"', b"'")),
    raw("comma at the end", WHOLE.replace(b"]}", b"],}")),
    raw("a list", b"[" + WHOLE + b"]"),
    raw("a string", b'"Hello"'),
    raw("a number", b"7"),
    raw("null", b"null"),
    raw("true", b"true"),
    raw("an empty object", b"{}", "MISSING_PARAMETER"),
    raw("lists nested 100,000 deep", b"[" * DEEP + b"]" * DEEP),
    raw("objects nested 100,000 deep", b'{"a":' * DEEP + b"1" + b"}" * DEEP),
    raw("nested in a field", WHOLE[:-1] + b',"x":' + b"[" * DEEP + b"]" * DEEP + b"}"),
    raw("NaN", WHOLE[:-1] + b',"max_fragments":NaN}'),
    raw("Infinity", WHOLE[:-1] + b',"max_fragments":-Infinity}'),
    raw("1e999", WHOLE[:-1] + b',"max_fragments":1e999}', "INVALID_PARAMETER"),
    raw("1e999 as recipient", WHOLE.replace(b'"+393471234567"', b"1e999"), "INVALID_RECIPIENT"),
    raw("a number of 5,000 digits", WHOLE[:-1] + b',"max_fragments":' + b"9" * 5000 + b"}"),
    raw("a number of 4,000 digits", WHOLE[:-1] + b',"max_fragments":' + b"9" * 4000 + b"}", "INVALID_PARAMETER"),
    raw("order_id of 4,000 digits", WHOLE[:-1] + b',"order_id":' + b"9" * 4000 + b"}", "INVALID_PARAMETER"),
    raw("recipient of 4,000 digits", WHOLE.replace(b'"+393471234567"', b"9" * 4000), "INVALID_RECIPIENT"),
    raw("a real U+0000", WHOLE.replace(b"Hello", b"He\0llo")),
    raw("a key twice, the last one bad", WHOLE[:-1] + b',"message_type":"X"}', "INVALID_MESSAGE_TYPE"),
    raw("UTF-16", WHOLE.decode().encode("utf-16")),
    raw("neither UTF-8 nor Windows-1252", WHOLE.replace(b"Hello", b"\x81\x8d")),
    raw("overlong UTF-8 quote", WHOLE.replace(b'"N"', b"\xc0\xa2N\xc0\xa2")),
    raw("gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00"),
    raw("XML", b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'),
    raw("17 MB", b'{"message":"' + b"a" * (17 << 20) + b'"}', "REQUEST_TOO_LARGE", 413),
)
FIELDS = (
    *(sms(f"U+0000 in {name}", "INVALID_PARAMETER", **{name: "a\0b"}) for name in STRINGS),
    *(sms(f"half a pair in {name}", "INVALID_PARAMETER", **{name: "\ud83d"}) for name in STRINGS),
    *(sms(f"a list for {name}", "INVALID_PARAMETER", **{name: ["a"]}) for name in STRINGS),
    sms("an object for message", "INVALID_PARAMETER", message={"text": "a"}),
    sms("a number for message", "INVALID_PARAMETER", message=7),
    sms("null for message", "MISSING_PARAMETER", message=None),
    sms("an empty message", "MISSING_PARAMETER", message=""),
    sms("a message of 50,001 characters", "INVALID_PARAMETER", message="a" * 50_001),
    sms("a message too long", "MESSAGE_TOO_LONG", message="a" * 1001),
    sms("null for message_type", "MISSING_PARAMETER", message_type=None),
    sms("an unknown type", "INVALID_MESSAGE_TYPE", message_type="ZZ"),
    sms("SQL in the type", "INVALID_MESSAGE_TYPE", message_type="N'; DROP TABLE orders; --"),
    sms("a template in the type", "INVALID_MESSAGE_TYPE", message_type="{{7*7}}{error.__class__}%s"),
    sms("HTML in the type", "INVALID_MESSAGE_TYPE", message_type="<script>alert(1)</script>"),
    sms("a sender of HTML", "INVALID_SENDER", sender="<b>Acme</b>"),
    sms("a sender not allowed", "INVALID_SENDER", sender="Rival"),
    sms("a sender for the low type", "INVALID_SENDER", sender="Acme", message_type="LL"),
    sms("SQL in the order id", "INVALID_PARAMETER", order_id="1' OR '1'='1"),
    sms("a path for the order id", "INVALID_PARAMETER", order_id="../../bulk"),
    sms("the reserved order id", "INVALID_PARAMETER", order_id="bulk"),
    sms("true for the order id", "INVALID_PARAMETER", order_id=True),
    sms("an encoding", "INVALID_PARAMETER", encoding="utf-8"),
    sms("max_fragments -3", "INVALID_PARAMETER", max_fragments=-3),
    sms("max_fragments 2^70", "INVALID_PARAMETER", max_fragments=2**70),
    sms("max_fragments 1.9", "INVALID_PARAMETER", max_fragments=1.9),
    sms("max_fragments true", "INVALID_PARAMETER", max_fragments=True),
    sms("validity 2^40", "INVALID_PARAMETER", validity_period_min=2**40),
    sms("validity -1", "INVALID_PARAMETER", validity_period_min=-1),
    sms("truncate maybe", "INVALID_PARAMETER", truncate="maybe"),
    sms("returnCredits a list", "INVALID_PARAMETER", returnCredits=[True]),
    sms("a landing page", "INVALID_PARAMETER", id_landing=1, message="%PAGESLINK____________%"),
)
RECIPIENTS = (
    sms("no recipient", "MISSING_PARAMETER", recipient=[]),
    sms("null for recipient", "MISSING_PARAMETER", recipient=None),
    sms("true for recipient", "INVALID_PARAMETER", recipient=True),
    sms("an object for recipient", "INVALID_PARAMETER", recipient={"0": TO}),
    sms("a float for recipient", "INVALID_PARAMETER", recipient=3.5),
    sms("true among recipients", "INVALID_RECIPIENT", recipient=[TO, True]),
    sms("null among recipients", "INVALID_RECIPIENT", recipient=[TO, None]),
    sms("a nested list of recipients", "INVALID_RECIPIENT", recipient=[[TO]]),
    sms("an object among recipients", "INVALID_RECIPIENT", recipient=[{"recipient": TO}]),
    sms("a negative number", "INVALID_RECIPIENT", recipient=[-393471234567]),
    sms("letters", "INVALID_RECIPIENT", recipient=["1-800-FLOWERS"]),
    sms("Arabic digits", "INVALID_RECIPIENT", recipient=["+٣٩٣٤٧١٢٣٤٥٦٧"]),
    sms("two numbers in one", "INVALID_RECIPIENT", recipient=[f"{TO},{TO}"]),
    sms("U+0000 in a number", "INVALID_RECIPIENT", recipient=[TO + "\0"]),
    sms("half a pair for a number", "INVALID_RECIPIENT", recipient=["\udc00"]),
    sms("a number too short", "INVALID_RECIPIENT", recipient=["+12345"]),
    sms("a number of a million digits", "INVALID_RECIPIENT", recipient=["+" + "1" * 1_000_000]),
    sms("SQL for a number", "INVALID_RECIPIENT", recipient=["+39' OR 1=1 --"]),
    sms("HTML for a number", "INVALID_RECIPIENT", recipient=["<img src=x onerror=alert(1)>"]),
    sms("only bad ones where bad ones are allowed", "INVALID_RECIPIENT", recipient=["x", None, []], allowInvalidRecipients=True),
    sms("100,001 recipients", "TOO_MANY_RECIPIENTS", recipient=[TO] * 100_001),
    parametric("100,001 parametric recipients", "TOO_MANY_RECIPIENTS", [{}] * 100_001),
    parametric("parametric: strings", "INVALID_PARAMETER", [TO]),
    parametric("parametric: not a list", "INVALID_PARAMETER", "x"),
    parametric("parametric: none", "MISSING_PARAMETER", {}),
    parametric("parametric: null row", "INVALID_PARAMETER", [None]),
    parametric("parametric: no number", "INVALID_RECIPIENT", [{"a": "x"}]),
    parametric("parametric: value missing", "MISSING_PARAMETER", [ROW, {"recipient": TO}]),
    parametric("parametric: value a list", "INVALID_PARAMETER", [ROW | {"a": []}]),
    parametric("parametric: value with U+0000", "INVALID_PARAMETER", [ROW | {"a": "\0"}]),
    parametric("parametric: half a pair", "INVALID_PARAMETER", [ROW | {"a": "\ud800"}]),
    parametric("parametric: value grows", "MESSAGE_TOO_LONG", [ROW | {"a": "x" * 2000}], "${a}" * 1000),
)
DATES = (
    *(
        sms(f"date {value[:20]!r}", "INVALID_DATE", scheduled_delivery_time=value)
        for value in ("soon", "1767600000", "20261332", "2026-02-30T00:00:00", "2026-11-21T01:47:38+99:00", "0" * 14, "9" * 14, "x" * 99)
    ),
    sms("date as a number", "INVALID_PARAMETER", scheduled_delivery_time=20261121014738),
    sms("date true", "INVALID_PARAMETER", scheduled_delivery_time=True),
    sms("date a century ahead", "INVALID_DATE", scheduled_delivery_time="21261121014738"),
    *(
        sms(f"zone {name[:20]!r}", "INVALID_PARAMETER", scheduled_delivery_time="20261121014738", scheduled_delivery_timezone=name)
        for name in ("../../etc/passwd", "Europe", "Europe/", "Mars/Phobos", "/etc/localtime", "posixrules", "x" * 99)
    ),
)
KEYS = (
    keyed("no keys", 401, "MISSING_CREDENTIALS", {}),
    keyed("user_key alone", 401, "MISSING_CREDENTIALS", {"user_key": "{user_key}"}),
    keyed("session alone", 401, "MISSING_CREDENTIALS", {"Session_key": "{session_key}"}),
    keyed("Basic instead of keys", 401, "MISSING_CREDENTIALS", {"Authorization": "Basic b3duZXI6eA=="}),
    keyed("merged headers", 401, "INVALID_KEY", SIGNED_IN | {"Session_key": "{session_key},{session_key}"}),
    keyed("merged user_key", 401, "INVALID_KEY", SIGNED_IN | {"user_key": "{user_key},{user_key}"}),
    keyed("forged", 401, "INVALID_KEY", SIGNED_IN | {"Session_key": "AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAA"}),
    keyed("cut", 401, "INVALID_KEY", SIGNED_IN | {"Session_key": "{session_key:.40}"}),
    keyed("one letter more", 401, "INVALID_KEY", SIGNED_IN | {"Session_key": "{session_key}A"}),
    keyed("expired", 401, "SESSION_EXPIRED", SIGNED_IN | {"Session_key": "{expired_key}"}),
    keyed("a stranger's session", 401, "INVALID_KEY", SIGNED_IN | {"Session_key": "{stranger_key}"}),
    keyed("a session as a token", 401, "INVALID_KEY", {"user_key": "{user_key}", "Access_token": "{session_key}"}),
    keyed("a token without its user", 401, "INVALID_KEY", {"user_key": "0123456789abcdef", "Access_token": "{token}"}),
    keyed("a JSON web token without signature", 401, "INVALID_KEY", SIGNED_IN | {"Session_key": "eyJhbGciOiJub25lIn0.e30."}),
    keyed("a key of 5,000 letters", 401, "INVALID_KEY", SIGNED_IN | {"Session_key": "A" * 5000}),
    keyed("SQL for a key", 401, "INVALID_KEY", SIGNED_IN | {"user_key": "' OR 1=1 --"}),
    keyed("a key in Latin-1", 401, "INVALID_KEY", SIGNED_IN | {"user_key": "ÿþ"}),
    keyed("a bad Idempotency-Key", 400, "INVALID_PARAMETER", SIGNED_IN | {"Idempotency-Key": "é"}),
    get("checksession forged", 200, "", "/checksession", headers=SIGNED_IN | {"Session_key": "forged"}),
    get("checksession of nobody", 404, "NOT_FOUND", "/checksession", headers={"user_key": "nobody", "Session_key": "x"}),
    get("dashboard without keys", 404, "NOT_FOUND", "/dashboard", headers={}),
    get("login without anything", 401, "MISSING_CREDENTIALS", "/login", headers={}),
    get("login, wrong", 404, "WRONG_CREDENTIALS", "/login?username=owner&password=wrong", headers={}),
    get("login, U+0000", 404, "WRONG_CREDENTIALS", "/login?username=ow%00ner&password=%00", headers={}),
    get("login, half a pair", 404, "WRONG_CREDENTIALS", "/login?username=%ED%A0%80&password=%ED%A0%80", headers={}),
    get("login, long", 404, "WRONG_CREDENTIALS", "/token?username=owner&password=" + "x" * 4000, headers={}),
    get("login, bad Basic", 400, "INVALID_REQUEST", "/login", headers={"Authorization": "Basic ==="}),
)
PATHS = (
    get("a stranger's order", 404, "NOT_FOUND", "/sms/{stranger_order}"),
    Bad("cancelling a stranger's order", 404, "NOT_FOUND", method="DELETE", target="/sms/{stranger_order}"),
    get("an order of nobody", 404, "NOT_FOUND", "/sms/nobody"),
    get("%2F in the order id", 404, "NOT_FOUND", "/sms/a%2Fb"),
    get("dots in the path", 404, "NOT_FOUND", "/sms/%2e%2e/%2e%2e/metrics"),
    get("plain dots in the path", 404, "NOT_FOUND", "/sms/../../../x"),
    get("half a pair in the path", 404, "NOT_FOUND", "/sms/%ED%A0%80"),
    get("invalid UTF-8 in the path", 404, "NOT_FOUND", "/sms/%FF%FE"),
    get("SQL in the path", 404, "NOT_FOUND", "/sms/" + quote("1' OR '1'='1")),
    get("a long order id", 404, "NOT_FOUND", "/sms/" + "x" * 4000),
    get("an unknown path", 404, "NOT_FOUND", "/nonsense"),
    get("HTML in the path", 404, "NOT_FOUND", "/%3Cscript%3E"),
    get("a path in another case", 404, "NOT_FOUND", "/SMS/abc"),
    Bad("PUT", 405, "METHOD_NOT_ALLOWED", WHOLE, method="PUT"),
    Bad("GET for sending", 405, "METHOD_NOT_ALLOWED", method="GET"),
    Bad("DELETE without an order", 405, "METHOD_NOT_ALLOWED", method="DELETE"),
    Bad("OPTIONS", 405, "METHOD_NOT_ALLOWED", method="OPTIONS"),
    Bad("an invented method", 405, "METHOD_NOT_ALLOWED", method="SEND"),
    get("a call not built", 501, "NOT_AVAILABLE", "/landings"),
    get("history without from", 400, "MISSING_PARAMETER", "/smshistory"),
    get("history, bad date", 400, "INVALID_DATE", "/smshistory?from=yesterday"),
    get("history, zone of dots", 400, "INVALID_PARAMETER", f"/smshistory?{SINCE}&timezone=../../etc/passwd"),
    get("history, zone with U+0000", 400, "INVALID_PARAMETER", f"/smshistory?{SINCE}&timezone=%00"),
    get("history, page 0", 400, "INVALID_PARAMETER", f"/smshistory?{SINCE}&pageNumber=0"),
    get("history, page -1", 400, "INVALID_PARAMETER", f"/smshistory?{SINCE}&pageNumber=-1"),
    get("history, page 2^70", 400, "INVALID_PARAMETER", f"/smshistory?{SINCE}&pageNumber={2**70}"),
    get("history, size of words", 400, "INVALID_PARAMETER", f"/smshistory?{SINCE}&pageSize=all"),
    get("history, size in Arabic", 400, "INVALID_PARAMETER", f"/smshistory?{SINCE}&pageSize=%D9%A3"),
    get("history, invalid UTF-8", 400, "INVALID_DATE", "/smshistory?from=%FF"),
    get("history of nobody", 400, "INVALID_RECIPIENT", f"/rcptHistory?{SINCE}&recipient=%00x".replace("%00", "")),
    get("history, U+0000 for a number", 400, "INVALID_PARAMETER", f"/rcptHistory?{SINCE}&recipient=%00"),
    get("status, flag", 400, "INVALID_PARAMETER", "/status?getMoney=perhaps"),
    Bad("a password too short", 400, "INVALID_PARAMETER", target="/pwdreset?password=short"),
    Bad("no password", 400, "MISSING_PARAMETER", target="/pwdreset"),
)
CASES: tuple[Bad, ...] = (*BODIES, *FIELDS, *RECIPIENTS, *DATES, *KEYS, *PATHS)


@dataclass(frozen=True)
class Wire:
    """Bytes that only a socket can send. ``{keys}`` becomes the header lines of a session.

    ``statuses``: what may come. gunicorn refuses what is not HTTP before the gateway sees it; its settings give that the
    same body.
    """

    name: str
    data: bytes
    statuses: tuple[int, ...]


def posted(headers: bytes, body: bytes, path: bytes = b"/API/v1.0/REST/sms") -> bytes:
    return b"POST " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{keys}" + headers + b"\r\n\r\n" + body


def chunked(body: bytes, size: int = 7) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


CHUNKED = b"Transfer-Encoding: chunked"
BROKEN = WHOLE[:-1]
WIRE: tuple[Wire, ...] = (
    Wire("chunked, not JSON", posted(CHUNKED, chunked(BROKEN)), (400,)),
    Wire("chunked, empty", posted(CHUNKED, b"0\r\n\r\n"), (400,)),
    Wire("chunked, 17 MB", posted(CHUNKED, chunked(b" " * (17 << 20), 1 << 20)), (413,)),
    Wire("chunked, bad size", posted(CHUNKED, b"zz\r\nabc\r\n0\r\n\r\n"), (400,)),
    Wire("chunked, no end of chunk", posted(CHUNKED, b"3\r\nabcdef\r\n0\r\n\r\n"), (400,)),
    Wire("chunked and a length", posted(CHUNKED + b"\r\nContent-Length: 5", b"0\r\n\r\n"), (400,)),
    Wire("an unknown transfer coding", posted(b"Transfer-Encoding: frobnicated", b"abc"), (400, 501)),
    Wire("no length, a body", posted(b"X-A: b", WHOLE), (400,)),
    Wire("length 0, a body", posted(b"Content-Length: 0", WHOLE), (400,)),
    Wire("length too small", posted(b"Content-Length: %d" % (len(WHOLE) - 3), WHOLE), (400,)),
    Wire("length -1", posted(b"Content-Length: -1", WHOLE), (400,)),
    Wire("length of words", posted(b"Content-Length: ten", WHOLE), (400,)),
    Wire("length 1e3", posted(b"Content-Length: 1e3", WHOLE), (400,)),
    Wire("two lengths", posted(b"Content-Length: 5\r\nContent-Length: 6", WHOLE), (400,)),
    Wire("length of 30 digits", posted(b"Content-Length: " + b"9" * 30, WHOLE), (400, 413)),
    Wire("announces 1 GB", posted(b"Content-Length: 1073741824", WHOLE), (413,)),
    Wire("a header of 9,000 letters", posted(b"X-Long: " + b"a" * 9000, b""), (400, 431)),
    Wire("200 headers", posted(b"\r\n".join(b"X-%d: a" % number for number in range(200)), b""), (400, 431)),
    Wire("a header without a colon", posted(b"nonsense", b""), (400,)),
    Wire("U+0000 in a header", posted(b"X-A: \0", b""), (400,)),
    Wire("blanks in the request line", b"GET /API/v1.0/REST/login?username=a b&password=c d HTTP/1.1\r\nHost: a\r\n\r\n", (400,)),
    Wire("HTTP/3.7", b"GET /API/v1.0/REST/status HTTP/3.7\r\nHost: a\r\n\r\n", (400, 505)),
    Wire("not HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", (400,)),
    Wire("a path of 9,000 letters", b"GET /API/v1.0/REST/" + b"x" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", (414,)),
    Wire("U+0000 in the path", b"GET /API/v1.0/REST/sms/%00 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{keys}\r\n", (400, 404)),
)
