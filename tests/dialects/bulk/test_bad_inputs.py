"""What no program should send: a clear error each time, nothing sent, no credit moved, and never a 500."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from gateway.services import ledger
from gateway.services.core import Gateway
from gateway.storage.tables import LedgerEntry, Order
from tests.dialects.bulk.program import (
    BALANCE,
    BULK,
    GENERATE,
    MESSAGE,
    ONE,
    REGENERATE,
    REVOKE,
    SEND,
    SEND_V1,
    Program,
    done,
    refused,
    said,
)
from tests.support.builders import messages

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NOT_READ = "The request could not be read: "


def is_untouched(owner: Program, gateway: Gateway) -> bool:
    return messages(gateway) == [] and owner.balance() == 1000 and list(ledger.verify(gateway)) == []


BODIES: tuple[tuple[bytes, str], ...] = (
    (b'{"numbers":', "the body is not valid JSON at character 11."),
    (b"{" * 100_000, "the body is not valid JSON at character 1."),
    (b'{"a":' + b"[" * 100_000, "the JSON is nested too deep."),
    (b'{"a":NaN}', "the body is not valid JSON."),
    (b'{"a":' + b"9" * 5000 + b"}", "the body is not valid JSON."),
    (b'{"numbers":"\xff\x81"}', "the body is neither UTF-8 nor Windows-1252 text."),
    (b"[1]", "the body is not a JSON object."),
    (b'"numbers"', "the body is not a JSON object."),
    (json.dumps(MESSAGE).encode("utf-16"), "the body is not valid JSON at character 0."),
)


def test_bodies_that_are_not_json(owner: Program, gateway: Gateway) -> None:
    for body, reason in BODIES:
        told = refused(owner.keyed("POST", SEND, data=body, content_type="application/json"), 400, NOT_READ + reason)
        assert told["message"] == told["error"]
    for path in (GENERATE, REGENERATE, REVOKE, SEND_V1, BULK):
        answer = owner.call("POST", path, data=b'{"broken', content_type="application/json", headers={"X-API-Key": owner.key})
        assert (answer.status_code in (400, 401, 200)) and answer.status_code != 500, path
    assert messages(gateway) == []


def test_bodies_of_other_kinds_hold_nothing(owner: Program, gateway: Gateway) -> None:
    kinds = (
        "text/xml",
        "application/octet-stream",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "",
        "a/b; charset=utf-99",
        "%",
    )
    for kind in kinds:
        answer = owner.keyed("POST", SEND, data=b"\x00\x01nonsense", content_type=kind)
        refused(answer, 422, "The numbers field is required. (and 1 more error)")
    assert is_untouched(owner, gateway)


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"message_body": None}, "The message body field is required."),
    ({"message_body": " \t\n"}, "The message body field is required."),
    ({"message_body": ["Hi"]}, "The message body field must be a string."),
    ({"message_body": {"a": 1}}, "The message body field must be a string."),
    ({"message_body": True}, "The message body field must be a string."),
    ({"message_body": 1.5}, "The message body field must be a string."),
    ({"message_body": "a\0b"}, "The message body field holds a character that is not allowed (U+0000 or half of a surrogate pair)."),
    ({"message_body": "\ud83d"}, "The message body field holds a character that is not allowed (U+0000 or half of a surrogate pair)."),
    ({"message_body": "a" * 39_016}, "The message body field has more than 39015 characters."),
    ({"message_body": "€" * 20_000}, "The message body field has 264 parts, at most 255 are allowed."),
    ({"numbers": None}, "The numbers field is required."),
    ({"numbers": []}, "The numbers field is required."),
    ({"numbers": " ,; , "}, "The numbers field is required."),
    ({"numbers": {"0": ONE}}, "The numbers field must be a string of numbers separated by commas, or a list of them."),
    ({"numbers": True}, "The numbers field must be a string of numbers separated by commas, or a list of them."),
    ({"numbers": 7.5}, "The numbers field must be a string of numbers separated by commas, or a list of them."),
    ({"numbers": ",".join([ONE] * 100_001)}, "The numbers field has 100001 entries, at most 100000 are allowed."),
    ({"message_type": 7}, "The message type field must be a string."),
    ({"message_type": "x" * 1001}, "The message type field has more than 1000 characters."),
    ({"reference": "x" * 256}, "The reference field has more than 255 characters."),
    ({"reference": "\0"}, "The reference field holds a character that is not allowed (U+0000 or half of a surrogate pair)."),
    ({"reference": {}}, "The reference field must be a string."),
    ({"sender_id": True}, "The sender id field must be a string."),
    ({"sender_id": "\ud800"}, "The sender id field holds a character that is not allowed (U+0000 or half of a surrogate pair)."),
)


def test_wrong_fields(owner: Program, gateway: Gateway) -> None:
    for fields, words in WRONG:
        told = refused(owner.send(**fields), 422, words)
        assert told["errors"] == {next(iter(fields)): [words]} and told["message"] == words
    assert is_untouched(owner, gateway)


BAD_NUMBERS: tuple[Any, ...] = (
    "\0", "\ud800", "+", "x" * 1_000_000, "1" * 1_000_000, "0702913454 OR 1=1", "<b>", "٠٧٠٢", f"{ONE},\0", f"{ONE},+", "+0702913454", "-1",
    [1.5], [False], ["", {}], 10**4000,
)  # fmt: skip


def test_bad_numbers(owner: Program, gateway: Gateway) -> None:
    for numbers in BAD_NUMBERS:
        answer = owner.send(numbers=numbers)
        assert (answer.status_code, said(answer)) == (400, {"error": "Invalid phone number format."}), str(numbers)[:40]
    assert is_untouched(owner, gateway)


def test_entries_of_a_personalised_call(owner: Program, gateway: Gateway) -> None:
    wrong: list[Any] = [
        None, 7, True, "x", [], {}, {"number": ONE}, {"message_body": "Hi"}, {"number": ONE, "message_body": "\0"},
        {"number": "\ud800", "message_body": "Hi"}, {"number": [ONE], "message_body": "Hi"}, {"number": ONE, "message_body": {}},
        {"number": ONE, "message_body": "ж" * 39_000}, {"number": "1" * 5000, "message_body": "Hi"},
        {"number": 10**4000, "message_body": "Hi"},
    ]  # fmt: skip
    answer = owner.http.post(BULK, json={"messages": wrong}, headers={"X-API-Key": owner.key})
    assert answer.status_code == 200 and said(answer)["success"] is False
    failed = said(answer)["data"]["failed_messages"]
    assert [each["index"] for each in failed] == list(range(len(wrong)))
    assert all(each["error"] for each in failed)
    assert is_untouched(owner, gateway)


def test_each_byte_as_text(owner: Program, gateway: Gateway) -> None:
    """A byte is sent as what it means in UTF-8 or Windows-1252, or refused; it is never replaced."""
    wanted, undefined = [], (0x81, 0x8D, 0x8F, 0x90, 0x9D)
    for byte in range(256):
        answer = owner.keyed("GET", f"{SEND}?numbers={ONE}&message_body=a%{byte:02X}b")
        if byte in undefined:
            refused(answer, 400, NOT_READ + "the body is neither UTF-8 nor Windows-1252 text.")
        elif byte == 0:
            refused(answer, 422, WRONG[6][1])
        else:
            done(answer)
            wanted.append("a" + bytes([byte]).decode("utf-8" if byte < 0x80 else "cp1252") + "b")
    assert texts(gateway) == wanted


def texts(gateway: Gateway) -> list[str]:
    with gateway.reading() as session:
        ordered = select(Order.text_read, Order.text).join(LedgerEntry, LedgerEntry.order_id == Order.id).order_by(LedgerEntry.sequence)
        return [read or text for read, text in session.execute(ordered)]


def test_queries(owner: Program, gateway: Gateway) -> None:
    odd = ("?", "?&&&=&=x", "?numbers", "?numbers=%", "?numbers[]=1", "?%00=%00", "?api_key=%00", "?api_key=%ff%fe", "?" + "a=1&" * 999)
    for query in odd:
        answer = owner.keyed("GET", SEND + query)
        assert answer.status_code in (400, 422), query
    refused(owner.keyed("GET", SEND + "?" + "a=1&" * 1001), 400, NOT_READ + "there are more than 1000 parameters.")
    assert is_untouched(owner, gateway)


def test_passwords_and_names(owner: Program) -> None:
    for value in ("\0", "\ud800", "x" * 10_000, "' OR 1=1 --", "owner\n"):
        assert owner.send_v1(password=value).status_code == 401
    for value in ("\0", "\ud800", "x" * 10_000, "' OR 1=1 --"):
        assert owner.send_v1(username=value).status_code == 401


def test_other_methods_and_paths(owner: Program, app: Flask) -> None:
    for method in ("PUT", "DELETE", "PATCH", "SEND"):
        refused(owner.keyed(method, SEND), 405, "This method is not supported. Supported methods: GET, OPTIONS, POST.")
    for path in ("/v1/sms", "/v1/sms/none", "/api/v2/none", "/api/v2/sms", "/api/v2/%3Cscript%3E", "/api/v2/%FF", "/api/generate-key/x"):
        refused(owner.call("GET", path), 404, "The path was not found.")
    head = owner.keyed("HEAD", BALANCE)
    assert (head.status_code, head.data) == (200, b"")


def test_head_sends_nothing(owner: Program, gateway: Gateway) -> None:
    """A program that asks for headers alone, like a link checker, would send and never hear of it."""
    for answer in (
        owner.keyed("HEAD", SEND, query_string=MESSAGE),
        owner.call("HEAD", SEND_V1, query_string=owner.login | MESSAGE),
    ):
        assert (answer.status_code, answer.data, answer.headers["Allow"]) == (405, b"", "GET, OPTIONS, POST")
    assert is_untouched(owner, gateway)


def test_lengths(owner: Program, gateway: Gateway) -> None:
    for length in ("x", "-1", "1e3", "99999"):
        answer = owner.keyed("POST", SEND, data=b"{}", environ_overrides={"CONTENT_LENGTH": length})
        assert answer.status_code == 400, length
    without = owner.keyed("POST", REVOKE, environ_overrides={"CONTENT_LENGTH": ""})
    assert without.status_code == 200, "nothing at all is needed in a body"
