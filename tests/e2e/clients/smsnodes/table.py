"""Programs that speak the API of SMS Nodes."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.clients.catalogue import TEXT, Program, curl

DIALECT = "smsnodes"
URL = "$base/api/send-sms"
WHO = {"deviceUsername": "$device", "password": "$password"}
NUMBERS = ("+393471234567", "+393471234568")
BOTH = ",".join(NUMBERS)
QUEUED = {"message": "SMS queued successfully", "messageId": int, "deviceOnline": bool, "sentImmediately": bool}
NOBODY = {"error": "Username and password are required"}


def _post(name: str, fields: dict[str, Any], *, to: tuple[str, ...] = NUMBERS, text: str = "Hello", **more: Any) -> Program:
    expected = {"body": QUEUED, "sent": tuple((number, text) for number in to)} | more
    return curl(DIALECT, name, URL, "-H", "Content-Type: application/json", "-d", json.dumps(fields), **expected)


def _refused(name: str, status: int, error: str, fields: dict[str, Any]) -> Program:
    return _post(name, fields, status=status, body={"error": error}, sent=())


def _script(name: str, runner: str, file: str) -> Program:
    words = (runner, file, "$base", "$device", "$password", BOTH, TEXT)
    return Program(DIALECT, name, words, body=QUEUED, sent=tuple((number, TEXT) for number in NUMBERS))


FULL = WHO | {"phoneNumbers": list(NUMBERS), "message": "Hello"}
PROGRAMS = (
    _post("curl, the page's sample", WHO | {"phoneNumbers": ["+1234567890", "+0987654321"], "message": "Hello", "priority": 1},
          to=("+1234567890", "+0987654321")),
    _post("curl, least", FULL),
    _post("curl, priority as text", FULL | {"priority": "5"}),
    _post("curl, one number as text", FULL | {"phoneNumbers": NUMBERS[0]}, to=NUMBERS[:1]),
    _post("curl, numbers as numbers", FULL | {"phoneNumbers": [393471234567]}, to=NUMBERS[:1]),
    _post("curl, the same number twice", FULL | {"phoneNumbers": [NUMBERS[0], "0039 347 123-4567"]}, to=NUMBERS[:1]),
    _refused("curl without password", 400, NOBODY["error"], FULL | {"password": ""}),
    _refused("curl {}", 400, NOBODY["error"], {}),
    curl(DIALECT, "curl, empty body", "-X", "POST", URL, status=400, body=NOBODY),
    curl(DIALECT, "curl form", URL, "-d", "deviceUsername=$device&password=$password&message=x", status=400),
    _refused("curl wrong password", 401, "Invalid credentials", FULL | {"password": "wrong"}),
    _refused("curl unknown device", 401, "Invalid credentials", FULL | {"deviceUsername": "nobody"}),
    _refused("curl priority 6", 400, "Priority must be between 1 and 5", FULL | {"priority": 6}),
    _refused("curl without numbers", 400, "Phone numbers and message are required", WHO | {"message": "Hello"}),
    _refused("curl bad number", 400, "Invalid phone number: abc", FULL | {"phoneNumbers": [NUMBERS[0], "abc"]}),
    curl(DIALECT, "curl health", "$base/api/health",
         body={"status": "healthy", "timestamp": str, "ssl": bool, "encryption": str, "connectedDevices": int}),
    curl(DIALECT, "curl preflight", "-X", "OPTIONS", URL, "-H", "Origin: http://a.example", "-H", "Access-Control-Request-Method: POST",
         status=204, body=""),
    _script("PHP curl", "php", "send.php"),
    _script("PHP Guzzle", "php", "send_guzzle.php"),
    _script("Node fetch", "node", "send.mjs"),
    _script("Node axios", "node", "send_axios.mjs"),
    _script("Python requests", "python", "send.py"),
)  # fmt: skip
