"""Programs that speak the API of httpSMS, among them its published package for Node."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.clients.catalogue import TEXT, Program, curl

DIALECT = "httpsms"
URL = "$base/v1/messages"
JSON = ("-H", "Content-Type: application/json")
KEY = ("-H", "x-api-key: $key")
TO = "+18005550100"
CSV = f"""FromPhoneNumber,ToPhoneNumber,Content,SendTime(optional),AttachmentURLs(optional)
$owner,{TO},{TEXT},,
$owner,18005550101,"Hello, again",,
"""
ORDER = {"content": "Hello", "from": "$owner", "to": TO}
PENDING = {"status": "success", "data": {"id": str, "status": "pending", "owner": str, "contact": TO, "type": "mobile-terminated"}}
NOBODY = {"status": "error", "message": "You are not authorized to carry out this request.", "data": str}
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def _send(name: str, order: dict[str, Any], *words: str, path: str = "/send", **more: Any) -> Program:
    expected = {"body": PENDING, "sent": ((TO, "Hello"),)} | more
    return curl(DIALECT, name, URL + path, *JSON, *words, "-d", json.dumps(order), **expected)


def _refused(name: str, order: dict[str, Any], status: int, *words: str, body: Any = None) -> Program:
    return _send(name, order, *words, status=status, body=body or {"status": "error"}, sent=())


def _read(name: str, path: str, *words: str, **more: Any) -> Program:
    expected = {"body": {"status": "success"}} | more
    return curl(DIALECT, name, f"$base{path}", *(words or KEY), **expected)


def _script(name: str, runner: str, file: str, **more: Any) -> Program:
    expected = {"sent": ((TO, TEXT),)} | more
    return Program(DIALECT, name, (runner, file, "$base", "$key", "$owner", TO, TEXT), **expected)


PROGRAMS = (
    _send("curl send", ORDER, "-H", "x-api-Key: $key", "-H", "Accept: application/json"),
    _send("curl send, names with capitals", {"Content": "Hello", "From": "$owner", "To": TO}, *KEY),
    _send("curl send, numbers without plus", ORDER | {"to": "18005550100"}, *KEY),
    _send("curl send, key in the query", ORDER, path="/send?x-api-key=$key"),
    _send("curl send, key in the body", ORDER | {"x-api-key": "$key"}),
    _send("curl bulk-send", ORDER | {"to": [TO, "+18005550101"]}, *KEY, path="/bulk-send",
          body={"status": "success", "data": [{"contact": TO}, {"contact": "+18005550101"}]},
          sent=((TO, "Hello"), ("+18005550101", "Hello"))),
    _refused("curl send, no key", ORDER, 401, body=NOBODY),
    _refused("curl send, wrong key", ORDER, 401, "-H", "x-api-key: uk_wrong", body=NOBODY),
    _refused("curl send, key undefined", ORDER, 401, "-H", "x-api-key: undefined", body=NOBODY),
    _refused("curl send, from a strange number", ORDER | {"from": "+18005550198"}, 422, *KEY, body={"data": {"from": [str, str]}}),
    _refused("curl send, no text", {"from": "$owner", "to": TO}, 422, *KEY, body={"status": "error", "data": {"content": list}}),
    _refused("curl send, time without offset", ORDER | {"send_at": "2026-01-01T10:00:00"}, 400, *KEY),
    curl(DIALECT, "curl send, broken JSON", f"{URL}/send", *KEY, *JSON, "-d", "{", status=400, body={"status": "error"}),
    _read("curl messages, plus not escaped", f"/v1/messages?owner=$owner&contact={TO}", body={"status": "success", "data": list}),
    _read("curl message, no such", f"/v1/messages/{UNKNOWN}", status=404, body={"status": "error"}),
    _read("curl message, no id", "/v1/messages/abc", status=422, body={"data": {"messageID": list}}),
    _read("curl users/me", "/v1/users/me", body={"data": {"id": str, "api_key": str, "timezone": str}}),
    _read("curl billing/usage", "/v1/billing/usage", body={"data": {"sent_messages": int, "received_messages": int}}),
    _read("curl phones", "/v1/phones", body={"data": [{"phone_number": str, "sim": str}]}),
    _read("curl threads", "/v1/message-threads?owner=$owner", body={"data": list}),
    _read("curl phones, no key", "/v1/phones", "-H", "Accept: */*", status=401, body=NOBODY),
    curl(DIALECT, "curl bulk-messages, a CSV file", "$base/v1/bulk-messages", *KEY, "-F", "document=@$csv;type=text/csv", status=202,
         body={"status": "success", "message": str}, sent=((TO, TEXT), ("+18005550101", "Hello, again"))),
    _read("curl bulk-messages", "/v1/bulk-messages", body={"status": "success", "data": list}),
    curl(DIALECT, "curl health", "$base/health"),
    curl(DIALECT, "curl preflight", "-X", "OPTIONS", f"{URL}/send", "-H", "Origin: http://a.example",
         "-H", "Access-Control-Request-Method: POST", "-H", "Access-Control-Request-Headers: x-api-key", status=204, body=""),
    _script("PHP curl", "php", "send.php"),
    _script("PHP Guzzle, bulk-send", "php", "send_guzzle.php"),
    _script("Node fetch", "node", "send.mjs"),
    _script("Node axios", "node", "send_axios.mjs"),
    _script("npm httpsms", "node", "package.mjs"),
    _script("npm httpsms, encrypted", "node", "package_encrypted.mjs", sent=((TO, "$cipher"),)),
    _script("Python requests, later", "python", "send.py"),
    Program(DIALECT, "Python requests, a dashboard's day", ("python", "day.py", "$base", "$keeper_key", "$keeper_owner", TO)),
)  # fmt: skip
