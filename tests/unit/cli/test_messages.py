"""Prices, explanations, sending, and the story of an order."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from gateway.services.story import story
from gateway.storage.tables import Attempt, Message, ReceiptRow


def test_prices_are_set_listed_and_found(shell):
    shell.ok("tariff", "set", "high", "+39", "0.065")
    shell.ok("tariff", "set", "low", "any", "0.5", "--from", "2001-01-01")
    assert shell.json("tariff", "price", "high", "347 1234567") == {
        "type": "high", "recipient": "+393471234567", "per_part": {"units": 65, "credits": "0.065"},
    }  # fmt: skip
    assert "0.5 credits a part" in shell.ok("tariff", "price", "low", "+4915112345678")
    rows = [(row["type"], row["prefix"], row["per_part"]["units"]) for row in shell.json("tariff", "list")]
    assert ("high", "39", 65) in rows
    assert ("low", "", 500) in rows
    assert re.search(r"^high +39 +0\.065 ", shell.ok("tariff", "list"), re.MULTILINE)


def test_a_price_of_the_future_does_not_count_yet(shell):
    assert shell.json("tariff", "set", "high", "39", "9", "--from", "2190-06-01")["from"] == "2190-06-01T00:00:00+02:00"
    assert shell.json("tariff", "price", "high", "+393471234567")["per_part"]["units"] == 1000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("high", "abc", "1"), "tariff: a prefix is up to 15 digits"),
        (("high", "39", "--", "-1"), "tariff: a price is not negative"),
        (("high", "39", "1", "--from", "soon"), "--from is not a date in a known form"),
    ],
)
def test_unusable_prices(shell, arguments, words):
    assert shell.refused("tariff", "set", *arguments) == words
    assert "'best' is not one of" in shell.refused("tariff", "set", "best", "39", "1", code=2)


def test_explain_names_every_character_to_blame(shell):
    told = shell.json("explain", "5 € – 世", "--to", "+393471234567")
    assert (told["alphabet"], told["length"], told["parts"], told["price"]["units"]) == ("ucs2", 7, 1, 1000)
    assert told["offenders"] == [
        {"position": 4, "code_point": "U+2013", "character": "–", "name": "EN DASH", "instead": "-"},
        {"position": 6, "code_point": "U+4E16", "character": "世", "name": "CJK UNIFIED IDEOGRAPH-4E16", "instead": None},
    ]
    assert told["transliterated"]["alphabet"] == "ucs2"
    plain = shell.ok("explain", "5 € – 世")
    assert re.search(r"^5 +U\+2013  –  EN DASH +-$", plain, re.MULTILINE)
    assert "some characters have no look-alike" in plain


def test_explain_tells_what_transliteration_would_save(shell):
    text = "“" + "a" * 80 + "”"
    told = shell.json("explain", "-", stdin=text)
    assert (told["alphabet"], told["parts"]) == ("ucs2", 2)
    assert told["transliterated"] == {"text": '"' + "a" * 80 + '"', "alphabet": "gsm7", "length": 82, "unit": "septets", "parts": 1}
    assert "gsm7, 1 part\n" in shell.ok("explain", text)


def test_explain_plain_gsm(shell):
    told = shell.json("explain", "a" * 161)
    assert (told["alphabet"], told["parts"], told["offenders"], told["transliterated"]) == ("gsm7", 2, [], None)
    assert re.search(r"^parts +2 of up to 153 septets$", shell.ok("explain", "a" * 161), re.MULTILINE)
    assert shell.refused("explain", "") == "message is empty"


def test_sending_charges_once_for_each_distinct_number(shell):
    to = ("--to", "3471234567", "--to", "+393471234567", "--to", "+393477654321")
    sent = shell.json("send", "--account", "acme", *to, "--text", "-", stdin="a" * 161)
    assert (sent["recipients"], sent["price"]["credits"], sent["balance"]["credits"]) == (2, "4", "96")
    assert shell.json("account", "show", "acme")["balance"]["units"] == 96000


def test_a_dry_run_takes_nothing(shell):
    sent = ("send", "--account", "acme", "--to", "+393471234567", "--text", "Ciao è €", "--dry-run")
    assert shell.json(*sent) == {"dry_run": True, "alphabet": "gsm7", "parts": 1, "recipients": 1, "price": {"units": 1000, "credits": "1"}}
    assert shell.ok(*sent) == "Nothing sent. 1 recipient, gsm7, 1 part each: 1 credit\n"
    assert shell.json("message", "list") == []
    assert len(shell.json("credit", "history", "acme")) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--account", "nobody", "--to", "+393471234567", "--text", "x"), "account nobody not found"),
        (("--account", "acme", "--to", "abc", "--text", "x"), "recipient may hold digits, an initial plus and separators only"),
        (("--account", "acme", "--to", "+393471234567", "--text", ""), "message is empty"),
        (("--account", "acme", "--to", "+393471234567", "--text", "x", "--at", "soon"), "--at is not a date in a known form"),
        (("--account", "acme", "--to", "+393471234567", "--text", "x" * 16000), "not enough credit: 105 needed, 100 available"),
        (("--account", "strict", "--to", "+393471234567", "--text", "x", "--from", "Other"), "originator is not approved for this account"),
    ],
)
def test_refused_sends(shell, arguments, words):
    shell.ok("account", "create", "strict", "--allow", "Mine")
    assert shell.refused("send", *arguments) == words


def test_a_reference_makes_a_script_repeatable(shell, sent):
    sent("Hello", "--ref", "A1")
    again = shell.refused("send", "--account", "acme", "--to", "+393471234567", "--text", "Hello", "--ref", "A1")
    assert again == "the reference is already in use"
    assert shell.json("account", "show", "acme")["balance"]["units"] == 99000


def test_the_story_of_an_order(shell, sent):
    order = sent("Hello – world", "--ref", "A1")
    told = shell.json("message", "show", "A1")
    assert told["order_id"] == order
    assert (told["account"], told["dialect"], told["sender"], told["text"]) == ("acme", "cli", "Acme", "Hello – world")
    assert told["offenders"] == [{"position": 6, "code_point": "U+2013", "name": "EN DASH"}]
    assert told["states"] == {"queued": 1}
    assert [(entry["kind"], entry["change"]["units"]) for entry in told["ledger"]] == [("charge", -1000)]
    assert "ucs2, forced by U+2013 EN DASH at 7" in shell.ok("message", "show", "A1")


def test_the_story_tells_attempts_and_receipts(shell, sent, gateway):
    order_id = sent()
    order = story(gateway, order_id).order
    at = order.created_at
    key = {"account_id": order.account_id, "order_id": order.id, "position": 0, "connector": "simulator"}
    failed = {"finished_at": at + timedelta(seconds=1), "outcome": "retry_later", "carrier_code": "88", "detail": "full"}
    receipt = {"smsc_message_id": "s-1", "state": "delivered", "carrier_code": "000", "at": at, "received_at": at}
    with gateway.writing() as session:
        session.add_all(
            [Attempt(**key, **failed, number=1, started_at=at), Attempt(**key, number=2, started_at=at), ReceiptRow(**key, **receipt)]
        )
        session.get_one(Message, (order.account_id, order.id, 0)).state = "delivered"
    (message,) = shell.json("message", "show", order_id)["messages"]
    tries = [(each["number"], each["outcome"], each["detail"]) for each in message["attempts"]]
    assert tries == [(1, "retry_later", "full"), (2, None, None)]
    assert [(each["state"], each["carrier_code"]) for each in message["receipts"]] == [("delivered", "000")]
    plain = shell.ok("message", "show", order_id)
    assert "retry_later [88]: full" in plain
    assert "no outcome recorded yet" in plain
    assert "receipt: delivered at" in plain


def test_times_are_in_the_accounts_zone(shell):
    shell.ok("account", "create", "tokyo", "--zone", "Asia/Tokyo")
    shell.ok("credit", "add", "tokyo", "5")
    sent = shell.json("send", "--account", "tokyo", "--to", "+819012345678", "--text", "Hello")
    assert shell.json("message", "show", sent["order_id"])["accepted_at"].endswith("+09:00")
    assert "JST" in shell.ok("message", "show", sent["order_id"])


def test_an_order_is_found_in_its_account_only(shell, sent):
    sent("Hello", "--ref", "A1")
    shell.ok("account", "create", "other")
    assert shell.refused("message", "show", "A1", "--account", "other") == "order A1 not found"
    assert shell.refused("message", "show", "A1", "--account", "nobody") == "account nobody not found"
    assert shell.refused("message", "show", "A2") == "order A2 not found"
    assert shell.json("message", "show", "A1", "--account", "acme")["reference"] == "A1"


def test_a_reference_of_two_accounts_is_not_guessed(shell, sent):
    first = sent("Hello", "--ref", "A1")
    shell.ok("account", "create", "other")
    shell.ok("credit", "add", "other", "1")
    second = shell.json("send", "--account", "other", "--to", "+393471234567", "--text", "Hello", "--ref", "A1")["order_id"]
    assert shell.refused("message", "show", "A1") == f"several orders are called so; give one of these ids: {second}, {first}"
    assert shell.json("message", "show", "A1", "--account", "other")["order_id"] == second


def test_messages_are_found_by_recipient_and_state(shell, sent):
    first, second = sent(), sent(to="+393477654321")
    assert [row["order_id"] for row in shell.json("message", "list")] == [second, first]
    assert [row["order_id"] for row in shell.json("message", "list", "--to", "347 1234567", "--account", "acme")] == [first]
    assert [row["order_id"] for row in shell.json("message", "list", "--state", "queued", "--limit", "1")] == [second]
    assert shell.json("message", "list", "--state", "unknown") == []
    assert shell.ok("message", "list", "--state", "unknown") == "No such message.\n"


def test_a_large_order_shows_its_first_messages_and_counts_all(shell):
    to = [part for number in range(5) for part in ("--to", f"+39347000000{number}")]
    order = shell.json("send", "--account", "acme", *to, "--text", "Hello")["order_id"]
    told = shell.json("message", "show", order, "--limit", "2")
    assert (len(told["messages"]), told["states"]) == (2, {"queued": 5})
    assert "3 more messages" in shell.ok("message", "show", order, "--limit", "2")
