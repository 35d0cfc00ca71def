"""Programs that speak the bulk API, version 1 with name and password and version 2 with a key."""

from __future__ import annotations

from typing import Any

from tests.e2e.clients.catalogue import TEXT, Program, curl

DIALECT = "bulk"
V1, V2 = "$base/v1/sms/send", "$base/api/v2/sms/send"
WHO = "username=$username&password=$password"
JSON = ("-H", "Content-Type: application/json", "-d")
KEY = ("-H", "X-API-Key: $key")
NUMBERS = ("+256701234567", "+256712345678")
BOTH = "0701234567, 0712345678"
SENT = {"success": True, "data": {"message_id": str, "recipients": 2, "estimated_cost": int, "remaining_balance": int}}
NO_KEY = {"error": "API key is required", "help": "Provide X-API-Key header or api_key parameter"}


def _sample(name: str, *words: str, text: str = "Hello", **more: Any) -> Program:
    expected = {"body": SENT, "sent": tuple((number, text) for number in NUMBERS)} | more
    return curl(DIALECT, name, *words, **expected)


def _script(name: str, runner: str, file: str, *who: str) -> Program:
    sent = tuple((number, TEXT) for number in NUMBERS)
    return Program(DIALECT, name, (runner, file, "$base", *who, BOTH, TEXT), body=SENT, sent=sent)


FIELDS = ("--data-urlencode", f"numbers={BOTH}", "--data-urlencode", f"message_body={TEXT}")
IN_JSON = '"numbers": "0701234567,+256712345678", "message_body": "Hello"'
VERSION_1 = (
    _sample("v1 curl POST, name in the query", f"{V1}?{WHO}", *FIELDS, text=TEXT),
    _sample("v1 curl POST form", V1, "-d", WHO, *FIELDS, text=TEXT),
    _sample("v1 curl POST multipart", V1, *(word for pair in (
        "username=$username", "password=$password", f"numbers={BOTH}", f"message_body={TEXT}") for word in ("-F", pair)), text=TEXT),
    _sample("v1 curl GET", "-G", V1, "-d", WHO, *FIELDS, text=TEXT),
    _sample("v1 curl JSON", V1, *JSON, '{"username": "$username", "password": "$password", ' + IN_JSON + "}"),
    _sample("v1 curl, bad number", V1, "-d", WHO, "-d", "numbers=0701234567,abc&message_body=x",
            status=400, body={"error": "Invalid phone number format."}, sent=()),
    _sample("v1 curl, wrong password", V1, "-d", "username=$username&password=wrong&numbers=0701234567&message_body=x",
            status=401, body={"error": "Unauthorized."}, sent=()),
    _sample("v1 curl, no credentials", V1, "-d", "numbers=0701234567&message_body=x",
            status=401, body={"error": "Credentials are required", "help": "Provide username and password"}, sent=()),
    _sample("v1 curl, a key of v2", V1, *KEY, "-d", "numbers=0701234567&message_body=x", status=401, body=None, sent=()),
    _sample("v1 curl, no text", V1, "-d", WHO, "-d", "numbers=0701234567",
            status=422, body={"message": str, "error": str, "errors": {"message_body": [str]}}, sent=()),
    _script("v1 PHP curl", "php", "v1.php", "$username", "$password"),
    _script("v1 PHP Guzzle", "php", "v1_guzzle.php", "$username", "$password"),
    _script("v1 Python requests", "python", "v1.py", "$username", "$password"),
)  # fmt: skip
VERSION_2 = (
    _sample("v2 curl JSON, key in the header", V2, *KEY, *JSON, "{" + IN_JSON + "}"),
    _sample("v2 curl JSON, key in the body", V2, *JSON, '{"api_key": "$key", ' + IN_JSON + "}"),
    _sample("v2 curl POST form", V2, "-d", "api_key=$key", *FIELDS, text=TEXT),
    _sample("v2 curl GET", "-G", V2, "-d", "api_key=$key", *FIELDS, text=TEXT),
    _sample("v2 curl GET, lost pluses", f"{V2}?api_key=$key&numbers=+256701234567,+256712345678&message_body=Hello"),
    _sample("v2 curl, no key", V2, *FIELDS, status=401, body=NO_KEY, sent=()),
    _sample("v2 curl, wrong key", V2, "-H", "X-API-Key: wrong", *FIELDS, status=401, body={"error": "Invalid API key"}, sent=()),
    _sample("v2 curl, bad number", V2, *KEY, "-d", "numbers=abc&message_body=x",
            status=400, body={"error": "Invalid phone number format."}, sent=()),
    _sample("v2 curl, sender too long", V2, *KEY, *FIELDS, "-d", "sender_id=TwelveLetter", status=422,
            body={"errors": {"sender_id": [str]}}, sent=()),
    curl(DIALECT, "v2 curl balance", "$base/api/v2/account/balance", *KEY,
         body={"success": True, "data": {"balance": int, "currency": str}}),
    curl(DIALECT, "v2 curl balance, key in the query", "$base/api/v2/account/balance?api_key=$key", body={"success": True}),
    curl(DIALECT, "v2 curl balance, no key", "$base/api/v2/account/balance", status=401, body=NO_KEY),
    _sample("v2 curl personalised", f"{V2}/bulk", *KEY, *JSON,
            '{"messages": [{"number": "0701234567", "message_body": "Hello"}, {"number": "abc", "message_body": "x"}]}',
            body={"success": True, "data": {"successful_messages": [{"index": 0, "number": "0701234567", "number_of_messages": 1}],
                                            "failed_messages": [{"index": 1, "number": "abc", "error": str}]}},
            sent=((NUMBERS[0], "Hello"),)),
    _script("v2 PHP curl", "php", "v2.php", "$key"),
    _script("v2 PHP Guzzle", "php", "v2_guzzle.php", "$key"),
    _script("v2 Node fetch", "node", "v2.mjs", "$key"),
    Program(DIALECT, "v2 Node axios, personalised", ("node", "v2_axios.mjs", "$base", "$key", BOTH.replace(" ", ""), TEXT),
            body={"success": True}, sent=tuple((number, f"{TEXT} ({at})") for at, number in enumerate(NUMBERS))),
    _script("v2 Python requests", "python", "v2.py", "$key"),
)  # fmt: skip
KEYS = (
    curl(DIALECT, "keys curl generate, there is one", "$base/api/generate-key", "-d", WHO,
         status=409, body={"error": "API key already exists"}),
    curl(DIALECT, "keys curl generate, 366 days", "$base/api/generate-key", "-d", WHO, "-d", "expiry_days=366", status=422,
         body={"errors": {"expiry_days": [str]}}),
    curl(DIALECT, "keys curl revoke, nobody", "-X", "POST", "$base/api/revoke-key", status=401, body={"message": "Unauthenticated."}),
    Program(DIALECT, "keys requests, a key's life", ("python", "keys.py", "$base", "$keeper", "$password")),
    curl(DIALECT, "curl oauth2-callback", "$base/api/oauth2-callback"),
    curl(DIALECT, "curl the page of calls", "$base/api/v2"),
)  # fmt: skip
PROGRAMS = (*VERSION_1, *VERSION_2, *KEYS)
