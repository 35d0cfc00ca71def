"""CHT Gateway's one address, bytes in and bytes out, and a telephone's day on it (contract android-devices, part C)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from gateway.connectors import made
from gateway.domain.message import State
from gateway.services import connectors, ledger, ways
from gateway.services.connectors import Changes
from gateway.services.core import Gateway
from gateway.services.sweeping import sweep
from gateway.storage.tables import InboundMessage
from tests.support.builders import an_account, an_order, attempts, balance, messages, recipients, the_message
from tests.support.cht_phone import ChtPhone, LineDead
from tests.support.databases import FixedClock

PASSWORD = "tea.and-biscuits_7"
NUMBER = "+256772000111"
sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def phone(app: Flask, gateway: Gateway) -> ChtPhone:
    """A telephone that serves the connector "drawer"."""
    http = app.test_client()

    def line(method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        answer = http.open(path, method=method, headers=dict(headers), data=body)
        assert answer.content_type == "application/json"
        return answer.status_code, answer.data

    def fits(kind: str, stored: Mapping[str, object]) -> None:
        made(kind, stored, gateway.settings)

    changes = Changes(settings={"username": "drawer", "number": NUMBER, "most": 5}, secrets={"password": PASSWORD})
    connectors.add(gateway, "drawer", "cht", changes, fits, enabled=True)
    return ChtPhone(line, "/cht/drawer", "drawer", PASSWORD)


def order(gateway: Gateway, account, to=("+256772123456",), text: str = "Take your tablets", **more):
    return an_order(gateway, account, to, text, connector="drawer", **more)


def came(gateway: Gateway) -> list[InboundMessage]:
    with gateway.reading() as session:
        rows = list(session.scalars(select(InboundMessage).order_by(InboundMessage.sender)))
        session.expunge_all()
        return rows


def test_a_day_of_a_telephone(phone: ChtPhone, gateway: Gateway, clock: FixedClock):
    account = an_account(gateway)
    assert phone.save_settings() == "ok"
    assert phone.poll() == 200 and phone.sms == {}
    assert ways.state(gateway, "drawer").is_served

    # Nine wait, the telephone may have five at once; the rest follows once those have an outcome.
    order(gateway, account, recipients(9))
    assert phone.poll() == 200
    assert len(phone.sms) == 5 and {each.state for each in messages(gateway)} == {"sending", "queued"}
    phone.work()
    phone.poll()
    assert sorted(each.state for each in messages(gateway)) == ["delivered"] * 5 + ["sending"] * 4
    phone.work("SENT")
    phone.poll()
    assert sorted(each.state for each in messages(gateway)) == ["delivered"] * 5 + ["sent"] * 4
    assert [to for to, _ in phone.air] == recipients(9) and {text for _, text in phone.air} == {"Take your tablets"}

    # It tells everything once more, and nothing changes.
    before = [(each.state, each.final_at) for each in messages(gateway)]
    phone.say_again()
    phone.poll()
    assert [(each.state, each.final_at) for each in messages(gateway)] == before
    assert [(each.outcome, each.number) for each in attempts(gateway)] == [("accepted", 1)] * 9

    # Two people write; one answer is lost, so the telephone writes the same again.
    phone.receive("a1", "+256772123456", "I have taken them 😀\0", int(clock.now().timestamp() * 1000))
    phone.receive("a2", "AIRTEL", "Your balance is low", 0)
    phone.drops = 1
    with pytest.raises(LineDead):
        phone.poll()
    assert phone.poll() == 200
    assert [(row.sender, row.recipient, row.text, row.connector, row.at) for row in came(gateway)] == [
        ("+256772123456", NUMBER, "I have taken them 😀\ufffd", "drawer", clock.now()),
        ("AIRTEL", NUMBER, "Your balance is low", "drawer", clock.now()),
    ]
    assert list(ledger.verify(gateway)) == []


def test_a_message_is_offered_until_the_telephone_speaks_of_it(phone: ChtPhone, gateway: Gateway):
    order(gateway, an_account(gateway))
    phone.drops = 2
    for _ in range(2):
        with pytest.raises(LineDead):
            phone.poll()
    assert the_message(gateway).state == State.SENDING and phone.sms == {}
    phone.poll()
    (given,) = phone.sms
    assert len(given) == 36
    phone.sms.clear()  # as if the answer had been lost again
    phone.poll()
    assert list(phone.sms) == [given]
    phone.work("PENDING")
    phone.poll()
    kept = phone.sms.copy()
    phone.sms.clear()
    phone.poll()
    assert phone.sms == {} and kept
    assert [(each.number, each.outcome) for each in attempts(gateway)] == [(1, None)]


@pytest.mark.parametrize(
    ("end", "reason", "state", "back"),
    [
        ("FAILED", "no-service", State.FAILED, True),
        ("FAILED", "generic; errorCode=30", State.FAILED, True),
        ("FAILED", "Delivery failed: SM Validity Period Expired", State.UNDELIVERED, False),
        ("SHREDDED", "", State.SENT, False),
    ],
)
@sqlite_only
def test_how_messages_end(phone: ChtPhone, gateway: Gateway, end: str, reason: str, state: State, back: bool):
    account = an_account(gateway)
    order(gateway, account)
    phone.poll()
    phone.work(end, reason)
    phone.poll()
    message = the_message(gateway)
    assert message.state == state
    assert reason in (message.failure or "")
    assert balance(gateway, account) == (1000 if back else 999)


@sqlite_only
def test_a_failure_after_it_was_sent_is_told(phone: ChtPhone, gateway: Gateway):
    """Of several parts one was sent, and another was not."""
    order(gateway, an_account(gateway), text="x" * 200)
    phone.poll()
    phone.work("SENT")
    phone.poll()
    (id_,) = phone.sms
    phone._say(id_, "FAILED", "generic; errorCode=1")
    phone.poll()
    assert (the_message(gateway).state, the_message(gateway).failure) == (State.UNDELIVERED, "receipt: generic; errorCode=1")


@sqlite_only
def test_a_telephone_that_fell_silent_leaves_unknowns_and_settles_them_when_it_comes_back(
    phone: ChtPhone, gateway: Gateway, clock: FixedClock
):
    order(gateway, an_account(gateway))
    phone.poll()
    clock.forward(hours=23)
    sweep(gateway)
    assert the_message(gateway).state == State.SENDING
    assert not ways.state(gateway, "drawer").is_served
    clock.forward(hours=2)
    sweep(gateway)
    assert the_message(gateway).state == State.UNKNOWN
    phone.work("SENT")
    phone.poll()
    assert the_message(gateway).state == State.SENT


@sqlite_only
def test_what_may_not_be_sent_any_more_is_not_offered(phone: ChtPhone, gateway: Gateway, clock: FixedClock):
    order(gateway, an_account(gateway), validity=timedelta(minutes=10))
    phone.drops = 1
    with pytest.raises(LineDead):
        phone.poll()
    clock.forward(minutes=11)
    phone.poll()
    assert phone.sms == {}


@sqlite_only
def test_who_may_call(phone: ChtPhone, gateway: Gateway, app: Flask):
    for path, username, password in (
        ("/cht/drawer", "drawer", "wrong"),
        ("/cht/drawer", "someone", PASSWORD),
        ("/cht/nobody", "drawer", PASSWORD),
        ("/cht/nobody", "", ""),
        ("/cht/simulator", "", ""),
    ):
        stranger = ChtPhone(phone.line, path, username, password)
        assert stranger.save_settings() == "credentials"
        assert stranger.poll() == 401
        assert stranger.log == ["401: wrong or missing user name and password"]
    for _ in range(gateway.settings.guesses_per_minute_address):
        ChtPhone(phone.line, "/cht/drawer", "drawer", "guess").poll()
    assert phone.poll() == 429  # the address guessed too often, right as this one is
    answer = app.test_client().get("/cht/drawer")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="Dragoman"')


@sqlite_only
def test_one_telephone_says_nothing_of_another_s_messages(phone: ChtPhone, gateway: Gateway):
    order(gateway, an_account(gateway))
    phone.poll()
    (id_,) = phone.sms
    changes = Changes(settings={"username": "attic"}, secrets={"password": PASSWORD})
    connectors.add(gateway, "attic", "cht", changes, lambda kind, stored: None, enabled=True)
    other = ChtPhone(phone.line, "/cht/attic", "attic", PASSWORD)
    other.sms[id_] = ["", "", "UNSENT", ""]
    other.work()
    assert other.poll() == 200
    assert the_message(gateway).state == State.SENDING


@sqlite_only
def test_what_cannot_be_read(phone: ChtPhone, gateway: Gateway):
    def post(body: bytes, **headers: str) -> tuple[int, dict[str, object]]:
        secret = {"Authorization": "Basic ZHJhd2VyOnRlYS5hbmQtYmlzY3VpdHNfNw=="}
        status, answer = phone.line(
            "POST", "/cht/drawer", secret | {name.replace("_", "-"): value for name, value in headers.items()}, body
        )
        return status, json.loads(answer)

    bomb = gzip.compress(b" " * 50_000_000)
    for status, body, headers in (
        (400, b"{", {}),
        (400, b"[]", {}),
        (400, b'{"messages": {}}', {}),
        (400, b'{"updates": [' + b",".join([b"{}"] * 201) + b"]}", {}),
        (400, b"not gzip", {"Content_Encoding": "gzip"}),
        (400, gzip.compress(b'{"messages": []}')[:-9], {"Content_Encoding": "gzip"}),
        (413, bomb, {"Content_Encoding": "gzip"}),
        (413, b" " * 1_000_001, {}),
    ):
        answered, told = post(body, **headers)
        assert (answered, told["error"], isinstance(told["message"], str)) == (status, True, True)
    # Entries that make no sense are passed over: refusing the call would make the telephone repeat it for ever.
    ids = (1, "no ticket", "A" * 36)
    odd = {
        "messages": [7, {"id": "x"}, {"id": "good", "from": None, "content": "\ud800 hi", "sms_sent": 10**400}],
        "updates": [None, *({"id": each, "status": "SENT"} for each in ids)],
    }
    assert post(gzip.compress(json.dumps(odd).encode()), Content_Encoding="gzip") == (200, {"messages": []})
    assert [(row.sender, row.text) for row in came(gateway)] == [("", "\ufffd hi")]
    assert post(b'{"messages": null}') == (200, {"messages": []})


@sqlite_only
def test_a_connector_that_is_off_gives_nothing_and_a_zipped_telephone_works(phone: ChtPhone, gateway: Gateway):
    order(gateway, an_account(gateway))
    connectors.disable(gateway, "drawer")
    assert phone.poll() == 200 and phone.sms == {}
    connectors.enable(gateway, "drawer", lambda kind, stored: None)
    phone.zipped = True
    assert phone.poll() == 200 and len(phone.sms) == 1


@pytest.mark.parametrize("word", ["sea side", "p@ss", "snow☃", "100%"])
def test_words_that_would_not_survive_the_telephone_s_url_are_refused(word: str):
    with pytest.raises(ValueError, match="password must be of letters"):
        made("cht", {"username": "drawer", "password": word}, None)  # type: ignore[arg-type]  # such kinds ask the process nothing
