"""Nothing that a client sends is a defect, sends anything by mistake, or costs anything."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.services import ledger
from gateway.services.core import Gateway
from tests.dialects.httpsms.client import CONTACT, MESSAGE, NUMBER, Client, data, message
from tests.support.builders import messages

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PATHS = {"/messages/send": CONTACT, "/messages/bulk-send": [CONTACT]}

DEEP: Any = []
for _ in range(500):
    DEEP = [DEEP]
ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1e400, 10**400, "", " ", "\0", "a\0b", "\ud800", "\udc00x", "\u202e", "x" * 100_000, [], {}, [None], [[]], [{}],
    [""], ["\0"], ["\ud83d"], {"a": 1}, DEEP, "' OR 1=1 --", "%00", "+", "٣" * 12, "１２３４５６７８９０",
)  # fmt: skip
ODD_PATHS = ("%00", "%ff", "..%2f..", "a" * 5000, "%F0%9F%98%80", "'", "%0a", "undefined", "null", "0")


def check_unharmed(gateway: Gateway, count: int = 0) -> None:
    """So many messages were sent, and every unit of credit is where it was."""
    assert len(messages(gateway)) == count
    assert list(ledger.verify(gateway)) == []


def test_odd_values_in_every_field(owner: Client, gateway: Gateway) -> None:
    """JSON as it is written by hand, so that lone surrogates and infinite numbers get through to us."""
    sent = 0
    for field in ["from", "to", "content", "encrypted", "request_id", "send_at", "attachments"]:
        for path, to in PATHS.items():
            for value in ODD:
                body = json.dumps(MESSAGE | {"to": to, field: value}).replace("Infinity", "1e400")
                answer = owner.call("POST", path, data=body, content_type="application/json")
                assert answer.status_code in (200, 400, 422), (path, str(value)[:50], answer.text)
                sent += answer.status_code == 200
                if field in ("from", "to"):
                    assert answer.status_code != 200, (path, value)
    check_unharmed(gateway, sent)


def test_every_byte_in_a_text(owner: Client, gateway: Gateway) -> None:
    """Each byte value alone within the text, bare in the JSON: taken as the letter it stands for, or refused; never lost or changed."""
    before, _, after = json.dumps(MESSAGE | {"content": "a|d"}).encode().partition(b"|")
    taken = 0
    for value in range(256):
        answer = owner.call("POST", "/messages/send", data=before + bytes([value]) + after, content_type="application/json")
        assert answer.status_code in (200, 400, 422), value
        if answer.status_code == 200:
            taken += 1
            expected = bytes([value]).decode("utf-8" if value < 128 else "cp1252")
            assert data(answer)["content"] == f"a{expected}d"
    assert taken > 200
    check_unharmed(gateway, taken)


def test_every_character_of_the_first_plane_s_beginning_is_kept(owner: Client) -> None:
    for start in range(1, 0x300, 64):
        content = "".join(map(chr, range(start, start + 64)))
        sent = owner.sent(content=content)
        assert sent["content"] == owner.message(sent["id"])["content"] == content


def test_a_huge_list(owner: Client, gateway: Gateway) -> None:
    for count in [1001, 10_001, 200_000]:
        answer = owner.post("/messages/bulk-send", message(to=[CONTACT] * count))
        assert answer.status_code == 422
        check_unharmed(gateway)


def test_names_that_differ_in_case_only_and_odd_names(owner: Client, gateway: Gateway) -> None:
    body = MESSAGE | {"": 1, "\0": 2, "ſend": 3, "FROM ": 4, "__class__": 5, "sender": "no", "İ": 6}
    data(owner.post("/messages/send", body))
    check_unharmed(gateway, 1)


def test_odd_ids_and_queries(owner: Client, gateway: Gateway) -> None:
    for odd in ODD_PATHS:
        for method, path in (
            ("GET", "/messages/"),
            ("DELETE", "/messages/"),
            ("PUT", "/message-threads/"),
            ("DELETE", "/message-threads/"),
        ):
            options = {"json": {"is_read": True}} if method == "PUT" else {}
            assert owner.call(method, path + odd, **options).status_code in (404, 422), (method, odd)
        for path in ("/messages", "/messages/search", "/message-threads"):
            for name in (
                "owner",
                "contact",
                "query",
                "skip",
                "limit",
                "owners",
                "types",
                "statuses",
                "sort_by",
                "is_archived",
                "x-api-key",
            ):
                given = {"owner": NUMBER, "contact": CONTACT} | {name: odd}
                query = "&".join(f"{key}={value if key == name else value.replace('+', '%2B')}" for key, value in given.items())
                assert owner.call("GET", f"{path}?{query}").status_code in (200, 422), (path, name, odd)
    check_unharmed(gateway)


def test_odd_numbers_of_rows(owner: Client) -> None:
    for number in ["9" * 11, "9" * 12, "9" * 30, "1e3", "-0", "+1", "0x10", "٣"]:
        for path in ("/messages", "/messages/search", "/message-threads"):
            for name in ("skip", "limit"):
                answer = owner.get(path, owner=NUMBER, contact=CONTACT, **{name: number})
                assert answer.status_code in (200, 422), (path, name)
