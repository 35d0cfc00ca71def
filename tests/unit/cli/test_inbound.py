"""What came in, whose numbers it came to, and who must not be written to, at the shell."""

from __future__ import annotations

import pytest

from gateway.domain.inbound import Attachment, Inbound, InboundKind
from gateway.services import dispatching
from gateway.services.core import Gateway

NUMBER, SENDER = "+393400001111", "+393471234567"


def come(gateway: Gateway, *came: tuple[str, str | None]) -> None:
    now = gateway.clock.now()
    dispatching.record(gateway, "simulator", [Inbound(SENDER, to, text, now) for text, to in came])


def test_numbers_are_given_listed_and_taken_away(shell, gateway):
    come(gateway, ("early", NUMBER))
    assert shell.ok("number", "add", "acme", "0039 340 000 1111") == f"Messages to {NUMBER} are acme's.\n"
    assert shell.json("number", "add", "acme", NUMBER, "--take-unrouted") == {"account": "acme", "number": NUMBER, "taken": 1}
    shell.ok("number", "add", "acme", "48105")
    assert [each["number"] for each in shell.json("number", "list", "--account", "acme")] == [NUMBER, "48105"]
    assert f"{NUMBER}  acme\n" in shell.ok("number", "list")
    assert shell.ok("number", "remove", NUMBER) == f"{NUMBER} is nobody's.\n"
    shell.ok("account", "create", "other")
    assert shell.refused("number", "add", "other", "48105").startswith("48105 is another account's")


def test_answers_are_set_listed_and_switched_off(shell):
    assert shell.ok("number", "reply", "acme", "stop", "--text", "Bye.") == "acme answers STOP.\n"
    shell.ok("number", "reply", "acme", "STOP", "--text", "Good bye.")
    assert shell.json("number", "replies", "acme") == [{"keyword": "STOP", "text": "Good bye."}]
    assert "STOP     Good bye." in shell.ok("number", "replies", "acme")
    assert shell.json("number", "reply", "acme", "STOP", "--off") == {"account": "acme", "keyword": "STOP", "text": None}
    assert shell.ok("number", "replies", "acme") == "acme answers nothing.\n"


def test_opt_outs_of_one_account_and_of_every(shell):
    assert shell.ok("optout", "add", SENDER) == f"{SENDER} is not written to by any account.\n"
    assert shell.ok("optout", "add", SENDER) == f"{SENDER} is not written to by any account, as before.\n"
    shell.ok("optout", "add", "00393471234568", "--account", "acme")
    listed = {each["number"]: (each["account"], each["origin"]) for each in shell.json("optout", "list")}
    assert listed == {SENDER: (None, "WEB"), "+393471234568": ("acme", "WEB")}
    assert [each["number"] for each in shell.json("optout", "list", "--account", "acme")] == ["+393471234568"]
    assert [each["number"] for each in shell.json("optout", "list", "--everybody")] == [SENDER]
    assert f"{SENDER}  every account      WEB" in shell.ok("optout", "list", "--number", SENDER)
    sent = shell.json("send", "--account", "acme", "--to", SENDER, "--to", "+393471234569", "--text", "Hi")
    assert (sent["recipients"], sent["price"]["credits"]) == (2, "1")
    assert shell.ok("optout", "remove", SENDER) == f"{SENDER} is off the list of every account.\n"
    assert shell.refused("optout", "remove", SENDER).endswith("not found")


def test_what_came_is_listed_and_shown(shell, gateway):
    shell.ok("number", "add", "acme", NUMBER)
    come(gateway, ("Hello\n there " + "x" * 50, NUMBER), ("nobody's", None))
    now = gateway.clock.now()
    picture = Inbound(SENDER, NUMBER, "", now, InboundKind.MMS, attachments=[Attachment("a.jpg", "image/jpeg", "aGk=")])
    dispatching.record(gateway, "simulator", [picture])
    assert [each["text"] for each in shell.json("inbound", "list", "--unrouted")] == ["nobody's"]
    assert [each["kind"] for each in shell.json("inbound", "list", "--account", "acme")] == ["mms", "sms"]
    listed = shell.ok("inbound", "list", "--limit", "3")
    assert "Hello there " + "x" * 27 + "…" in listed and "nobody's" in listed
    shown = shell.json("inbound", "list", "--limit", "1")[0]
    assert shown["attachments"] == [{"name": "a.jpg", "content_type": "image/jpeg"}]
    assert shell.json("inbound", "show", shown["id"]) == shown
    assert "attachments  a.jpg" in shell.ok("inbound", "show", shown["id"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("number", "add", "nobody", NUMBER), "account nobody not found"),
        (("number", "add", "acme", "Acme"), "number must be a telephone number"),
        (("number", "add", "acme", "3400001111"), "number must be a telephone number"),
        (("number", "remove", NUMBER), "inbound number not found"),
        (("number", "reply", "nobody", "STOP", "--off"), "account nobody not found"),
        (("number", "reply", "acme", "STOP", "--text", " "), "text must have 1 to 1000 characters"),
        (("number", "replies", "nobody"), "account nobody not found"),
        (("optout", "add", "Acme"), "number must be a telephone number"),
        (("optout", "add", SENDER, "--account", "nobody"), "account nobody not found"),
        (("inbound", "list", "--account", "nobody"), "account nobody not found"),
        (("inbound", "show", "x"), "message"),
        (("inbound", "show", "0197a3c2-f0de-7c4e-8e5d-1c2b3a400000"), "message"),
    ],
)
def test_refusals_are_one_line_and_exit_code_one(shell, arguments, words):
    assert shell.refused(*arguments).startswith(words)


@pytest.mark.parametrize(
    "arguments",
    [("number", "reply", "acme", "STOP"), ("number", "reply", "acme", "STOP", "--off", "--text", "x"),
     ("number", "reply", "acme", "HI", "--off"),
     ("optout", "list", "--account", "acme", "--everybody"), ("inbound", "list", "--account", "acme", "--unrouted")],
)  # fmt: skip
def test_wrong_usage(shell, arguments):
    assert shell(*arguments).exit_code == 2
