"""What goes wrong on the wire: each is refused in the dialect's words, nothing is sent, the ledger stays clean."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.services import ledger
from gateway.services.core import Gateway
from tests.dialects.smsnodes.conftest import PASSWORD, SEND, STATE, Device, refused
from tests.support.builders import messages

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
GOOD: dict[str, Any] = {"deviceUsername": "owner", "password": PASSWORD, "phoneNumbers": ["+1234567890"], "message": "Hello"}
WHOLE = json.dumps(GOOD).encode()
DEEP = 100_000
NOT_JSON = (
    WHOLE[:-5],
    WHOLE + WHOLE,
    WHOLE.replace(b'"', b"'"),
    WHOLE.replace(b"]", b",]"),
    b"[" * DEEP + b"]" * DEEP,
    b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    WHOLE[:-1] + b',"priority":NaN}',
    WHOLE[:-1] + b',"priority":' + b"9" * 5000 + b"}",
    WHOLE.decode().encode("utf-16"),
    WHOLE.replace(b"Hello", b"\x81\x8d"),
    WHOLE.replace(b"Hello", "Grüße".encode("latin-1")),
    WHOLE.replace(b"Hello", b"He\0llo"),
    WHOLE.replace(b"Hello", b"\xed\xa0\xbd"),
    b"\x1f\x8b\x08\x00",
    b"<xml/>",
)


@pytest.fixture(autouse=True)
def nothing_was_sent(owner: Device, gateway: Gateway):
    yield
    assert messages(gateway) == []
    assert list(ledger.verify(gateway)) == []


def test_bodies_that_are_no_json(owner: Device) -> None:
    for body in NOT_JSON:
        refused(owner.post(body), 400, "Invalid JSON")
        refused(owner.post(body, STATE) if len(body) < 64 * 1024 else owner.post(b"{", STATE), 400, "Invalid JSON")


def test_json_that_is_no_object(owner: Device) -> None:
    for body in (b"[" + WHOLE + b"]", b'"Hello"', b"null"):
        for path in (SEND, STATE):
            refused(owner.post(body, path), 400, "Username and password are required")


def test_characters_that_cannot_be_stored(owner: Device) -> None:
    words = "Invalid message: holds a character that is not allowed (U+0000 or half of a surrogate pair)"
    for text in ("\0", "a\ud83d", "\ude00b"):
        refused(owner.send(message=text), 400, words)


def test_credentials_that_nobody_can_have(owner: Device) -> None:
    """Wrong they are, and no more than that."""
    for name, password in (("a\0b", "x"), ("\ud83d", "x"), ("owner", "\0"), ("owner", "\ud83d"), ("n" * 5000, "x"), ("owner", "p" * 5000)):
        refused(owner.send(deviceUsername=name, password=password), 401, "Invalid credentials")


def test_every_byte_in_a_number(owner: Device) -> None:
    for character in map(chr, range(256)):
        if character not in "0123456789 \t\xa0-.()/":
            number = f"+39347{character}123456"
            refused(owner.send(phoneNumbers=[number]), 400, f"Invalid phone number: {number.replace(character, shown(character))}")


def shown(character: str) -> str:
    """As the answer shows it."""
    return character if character.isprintable() else "?"


def test_odd_lists(owner: Device) -> None:
    odd: tuple[list[Any], ...] = ([[]], [{}], [""], ["+1234567890", ""], [" "], ["+"], ["1" * 4000], ["+" + "1" * 16])
    for numbers in odd:
        answer = owner.send(phoneNumbers=numbers)
        assert answer.status_code == 400
        assert json.loads(answer.data)["error"].startswith("Invalid phone number: ")
    refused(owner.send(phoneNumbers=",,"), 400, "Phone numbers and message are required")


def test_a_name_twice_counts_once(owner: Device, stranger: Device) -> None:
    refused(owner.post(WHOLE[:-1] + b',"priority":1,"priority":7}'), 400, "Priority must be between 1 and 5")
    refused(owner.post(WHOLE[:-1] + b',"password":"wrong horse"}'), 401, "Invalid credentials")


def test_a_body_that_ends_early(owner: Device) -> None:
    answer = owner.http.post("/api/send-sms", data=WHOLE, content_type="application/json", environ_overrides={"CONTENT_LENGTH": "9999"})
    refused(answer, 400, "Invalid JSON")
