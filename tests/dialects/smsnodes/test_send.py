"""``POST /api/send-sms``: what is taken, in which order it is checked, and what is stored of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from gateway import create_app
from gateway.domain.tariff import MessageType
from gateway.services import accounts, devices, ledger
from gateway.services.core import Gateway
from gateway.services.pricing import set_tariff
from gateway.storage.db import db
from gateway.storage.driver import close_connections
from gateway.storage.tables import ConnectorRow, Order, TariffRow
from tests.dialects.smsnodes.conftest import PASSWORD, SEND, Device, queued, refused, serve
from tests.support.builders import an_account, an_order, balance, messages
from tests.support.databases import FixedClock, settings_for

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TO = "+393471234567"


@pytest.fixture(autouse=True)
def ledger_adds_up(gateway: Gateway):
    yield
    assert list(ledger.verify(gateway)) == []


def the_order(gateway: Gateway) -> Order:
    with gateway.reading() as session:
        order = session.scalars(select(Order)).one()
        session.expunge_all()
        return order


def told(answer: Any) -> tuple[bool, bool]:
    queued(answer)
    body = json.loads(answer.data)
    return body["deviceOnline"], body["sentImmediately"]


class TestNumbers:
    @on_sqlite
    @pytest.mark.parametrize(
        ("given", "stored"),
        [
            ([TO, "+39 347 1234567", "00393471234567"], [TO]),
            (TO, [TO]),
            (f"{TO}, +0987654321,", [TO, "+0987654321"]),
            (393471234567, [TO]),
            ([393471234567, "+1234567890"], [TO, "+1234567890"]),
        ],
    )
    def test_come_in_several_forms(self, owner: Device, gateway: Gateway, given: Any, stored: list[str]) -> None:
        queued(owner.send(phoneNumbers=given))
        assert [message.recipient for message in messages(gateway)] == stored

    @on_sqlite
    def test_one_bad_one_refuses_the_whole(self, owner: Device, gateway: Gateway) -> None:
        odd: tuple[tuple[Any, str], ...] = (
            ("nobody", "nobody"), ("12\u0000", "12?"), (None, "null"), (True, "bool"), (3.5, "float"), (-393471234567, "int"),
            (10**20, "int"), ([TO], "list"),
        )  # fmt: skip
        for bad, shown in odd:
            refused(owner.send(phoneNumbers=[TO, bad, "+1234567890"]), 400, f"Invalid phone number: {shown}")
        assert messages(gateway) == []

    @on_sqlite
    def test_behind_plus_zero_are_priced_by_prefix(self, owner: Device, gateway: Gateway) -> None:
        with gateway.writing() as session:
            session.execute(delete(TariffRow))
            set_tariff(session, MessageType.HIGH, "39", 1000, gateway.clock.now())
        gateway.catalogue.forget()
        refused(owner.send(phoneNumbers=["+0987654321"]), 400, "Destination is not served")
        with gateway.writing() as session:
            set_tariff(session, MessageType.HIGH, "09", 7000, gateway.clock.now())
        gateway.catalogue.forget()
        queued(owner.send(phoneNumbers=["+0987654321"]))
        assert the_order(gateway).units == 7000


class TestPriority:
    @on_sqlite
    def test_is_read_loosely(self, owner: Device, gateway: Gateway, clock: FixedClock) -> None:
        for given in (5, "4", " 2 ", None, 1):
            clock.forward(seconds=1)
            queued(owner.send(priority=given, phoneNumbers=[TO]))
        assert [message.priority for message in messages(gateway)] == [1, 1, 2, 3, 3]

    @on_sqlite
    def test_out_of_range(self, owner: Device, gateway: Gateway) -> None:
        out: tuple[Any, ...] = (0, 6, -1, 1.0, 2.5, "", "high", "6", True, False, [], {}, 10**30)
        for bad in out:
            refused(owner.send(priority=bad), 400, "Priority must be between 1 and 5")
        assert messages(gateway) == []

    @on_sqlite
    def test_the_operator_turns_it_round(self, database_url: str, owner: Device, gateway: Gateway) -> None:
        app = create_app(settings_for(database_url, smsnodes_priority="1-first"))
        queued(replace(owner, http=app.test_client()).send(priority=1))
        assert {message.priority for message in messages(gateway)} == {1}
        with app.app_context():
            close_connections(db.engine)
            db.engine.dispose()


@on_sqlite
class TestOrderOfChecks:
    def test_credentials_before_payload(self, owner: Device) -> None:
        refused(owner.send(password=..., phoneNumbers=..., priority=9), 400, "Username and password are required")
        refused(owner.send(password="wrong horse", phoneNumbers=..., priority=9), 401, "Invalid credentials")
        refused(owner.send(phoneNumbers=..., priority=9), 400, "Phone numbers and message are required")

    @pytest.mark.parametrize("field", ["deviceUsername", "password"])
    def test_credentials_that_are_absent(self, owner: Device, field: str) -> None:
        absent: tuple[Any, ...] = (..., "", None, 7, ["x"], {"a": 1}, True)
        for value in absent:
            refused(owner.send(**{field: value}), 400, "Username and password are required")

    @pytest.mark.parametrize("field", ["phoneNumbers", "message"])
    def test_payload_that_is_absent(self, owner: Device, gateway: Gateway, field: str) -> None:
        absent: tuple[Any, ...] = (..., "", None, {"a": 1}, True, [])
        for value in absent:
            refused(owner.send(**{field: value}), 400, "Phone numbers and message are required")
        assert messages(gateway) == []

    def test_there_is_no_alias_and_the_rest_is_ignored(self, owner: Device) -> None:
        refused(owner.send(deviceUsername=..., username="owner"), 400, "Username and password are required")
        queued(owner.send(unknown=[{"deep": None}], messageId=4))


@on_sqlite
class TestBody:
    def test_what_says_it_is_json_and_is_not(self, owner: Device) -> None:
        for body in (b"{", b'{"a":1,}', b"nonsense", b"[", b"\xff\xfe", b'{"message": "\xe9"}', b'{"a": NaN}'):
            refused(owner.post(body), 400, "Invalid JSON")
        refused(owner.post(b"{", content_type="application/json; charset=utf-8"), 400, "Invalid JSON")

    def test_json_that_is_no_object_has_no_fields(self, owner: Device) -> None:
        """Contract 2.3: it parses, and the credentials are absent."""
        for body in (b"[]", b'["deviceUsername"]', b'"text"', b"7", b"null", b"false"):
            refused(owner.post(body), 400, "Username and password are required")

    def test_what_is_no_json_and_does_not_say_so_has_no_fields(self, owner: Device) -> None:
        form = b"deviceUsername=owner&password=x"
        refused(owner.post(form, content_type="application/x-www-form-urlencoded"), 400, "Username and password are required")
        refused(owner.post(form, content_type=None), 400, "Username and password are required")
        refused(owner.http.post(SEND + "?deviceUsername=owner&password=x"), 400, "Username and password are required")

    @pytest.mark.parametrize("content_type", [None, "text/plain", "application/json; charset=utf-8", "application/x-www-form-urlencoded"])
    def test_json_counts_whatever_it_is_called(self, owner: Device, content_type: str | None) -> None:
        body = json.dumps({"deviceUsername": "owner", "password": PASSWORD, "phoneNumbers": [TO], "message": "Hello"})
        queued(owner.post(b"\xef\xbb\xbf" + body.encode(), content_type=content_type))

    def test_slashes(self, owner: Device) -> None:
        body = json.dumps({"deviceUsername": "owner", "password": PASSWORD, "phoneNumbers": [TO], "message": "Hello"}).encode()
        for path in ("//api/send-sms", "/api//send-sms/", "/api/send-sms/"):
            queued(owner.http.post("/", data=body, environ_overrides={"PATH_INFO": path}))


class TestStored:
    def test_what_is_sent_is_what_was_written(self, owner: Device, gateway: Gateway) -> None:
        queued(owner.send(message="Zażółć 😀 €\n  ", phoneNumbers=[TO]))
        order = the_order(gateway)
        assert (order.text, order.dialect, order.originator, order.message_type) == ("Zażółć 😀 €\n  ", "smsnodes", "Acme", "high")

    @on_sqlite
    def test_every_character_of_latin_1_arrives(self, owner: Device, gateway: Gateway) -> None:
        text = "".join(map(chr, range(1, 256)))
        queued(owner.send(message=text))
        assert the_order(gateway).text == text

    def test_numbers_of_jobs_rise_and_are_one_for_many_recipients(self, owner: Device) -> None:
        first, second = queued(owner.send()), queued(owner.send())
        assert second > first

    def test_the_same_key_is_sent_once(self, owner: Device, gateway: Gateway) -> None:
        body = {"deviceUsername": "owner", "password": PASSWORD, "phoneNumbers": [TO], "message": "Hello"}
        answers = [owner.post(json.dumps(body).encode(), **{"Idempotency-Key": "k1"}) for _ in range(2)]
        assert queued(answers[0]) == queued(answers[1])
        other = json.dumps(body | {"message": "Bye"}).encode()
        refused(owner.post(other, **{"Idempotency-Key": "k1"}), 409, "Idempotency-Key was used with another request")
        assert len(messages(gateway)) == 1

    def test_the_message_type_is_a_setting(self, database_url: str, owner: Device, gateway: Gateway) -> None:
        app = create_app(settings_for(database_url, message_type="low"))
        queued(replace(owner, http=app.test_client()).send())
        assert the_order(gateway).message_type == "low"
        with app.app_context():
            close_connections(db.engine)
            db.engine.dispose()


class TestWhoMay:
    def test_a_teammate_may_read_only(self, teammate: Device, gateway: Gateway) -> None:
        refused(teammate.send(), 403, "Permission denied")
        assert messages(gateway) == []

    def test_a_user_who_is_no_device_is_told_what_a_stranger_is_told(self, mere_user: Device, gateway: Gateway) -> None:
        refused(mere_user.send(), 401, "Invalid credentials")
        assert messages(gateway) == []

    def test_a_disabled_device_is_out_at_once_though_it_was_known_a_moment_ago(self, owner: Device, gateway: Gateway) -> None:
        queued(owner.send())
        devices.set_disabled(gateway, "owner", disabled=True)
        refused(owner.send(), 403, "Device is disabled")
        devices.set_disabled(gateway, "owner", disabled=False)
        queued(owner.send())

    def test_a_new_password_counts_at_once(self, owner: Device, gateway: Gateway) -> None:
        """The new one comes first: nothing that the old one brings about may be what makes it known."""
        queued(owner.send())
        devices.change_password(gateway, "owner", "battery staple")
        queued(owner.send(password="battery staple"))
        refused(owner.send(), 401, "Invalid credentials")
        queued(owner.send(password="battery staple"))

    def test_limits_of_the_device(self, owner: Device, gateway: Gateway) -> None:
        accounts.set_user_limits(gateway, "owner", lambda terms: replace(terms, daily_cap=3))
        queued(owner.send())
        refused(owner.send(), 429, "Daily limit of 3 messages reached")
        accounts.set_user_limits(gateway, "owner", lambda terms: replace(terms, daily_cap=None, networks=["192.0.2.0/24"]))
        gateway.users.forget("owner")  # as five seconds would
        refused(owner.send(), 403, "Address is not allowed")

    @on_sqlite
    def test_guesses_are_limited(self, owner: Device) -> None:
        for _ in range(10):
            refused(owner.send(password="wrong horse"), 401, "Invalid credentials")
        answer = owner.send(password="wrong horse")
        refused(answer, 429, "Too many requests")
        assert int(answer.headers["Retry-After"]) > 0
        assert owner.send(password=PASSWORD).status_code == 429


class TestOnline:
    """``deviceOnline`` and ``sentImmediately`` are true to fact."""

    def test_a_lease_that_is_over_is_no_connection(self, owner: Device, gateway: Gateway, clock: FixedClock) -> None:
        serve(gateway, seconds=10)
        assert told(owner.send()) == (True, True)
        clock.forward(seconds=11)
        gateway.ways.forget()
        assert told(owner.send()) == (False, False)

    def test_a_connector_that_is_off_is_no_connection(self, owner: Device, gateway: Gateway) -> None:
        devices.create(gateway, "owner", "second", PASSWORD, "simulator")
        with gateway.writing() as session:
            row = {"kind": "simulator", "settings": {}, "created_at": gateway.clock.now() + timedelta(days=1), "enabled": True}
            session.add(ConnectorRow(name="spare", parts_per_second=0, fence=0, **row))
        serve(gateway)
        with gateway.writing() as session:
            session.execute(update(ConnectorRow).where(ConnectorRow.name == "simulator").values(enabled=False))
        gateway.catalogue.forget()
        assert told(replace(owner, name="second").send()) == (False, False)
        serve(gateway, "spare")
        assert told(owner.send()) == (True, True)  # the usual way is the next one
        assert sorted(message.connector for message in messages(gateway)) == ["simulator"] * 2 + ["spare"] * 2

    @pytest.mark.parametrize("priority", [1, 2, 3])
    def test_a_backlog_shows(self, owner: Device, gateway: Gateway, clock: FixedClock, priority: int) -> None:
        serve(gateway)
        an_order(gateway, an_account(gateway), priority=priority)
        clock.forward(seconds=1)
        gateway.ways.forget()
        assert told(owner.send()) == (True, True)
        clock.forward(seconds=0.5)
        gateway.ways.forget()
        assert told(owner.send()) == (True, False)

    def test_what_waits_for_its_hour_is_no_backlog(self, owner: Device, gateway: Gateway, clock: FixedClock) -> None:
        serve(gateway)
        an_order(gateway, an_account(gateway), due_at=clock.now() + timedelta(hours=1))
        clock.forward(seconds=20)
        gateway.ways.forget()
        assert told(owner.send()) == (True, True)

    def test_a_device_in_test_mode_has_the_test_connector(self, owner: Device, gateway: Gateway) -> None:
        accounts.set_user_limits(gateway, "owner", lambda terms: replace(terms, is_test=True))
        serve(gateway)
        assert told(owner.send()) == (False, False)
        serve(gateway, "test")
        assert told(owner.send()) == (True, True)
        assert {(message.connector, message.units) for message in messages(gateway)} == {("test", 0)}

    @on_sqlite
    def test_the_database_is_asked_once_for_many_sends(self, owner: Device, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[str] = []

        class Counted(dict[str, Any]):
            """What the gateway keeps of ways, noting each answer that is put in."""

            def __setitem__(self, key: str, value: Any) -> None:
                asked.append(key)
                super().__setitem__(key, value)

        now = 1000.0
        monkeypatch.setattr("gateway.services.kept.time.monotonic", lambda: now)
        gateway.ways._kept = Counted()
        for _ in range(5):
            queued(owner.send())
        assert asked == ["simulator"]
        now = 1000.6
        queued(owner.send())
        assert asked == ["simulator"] * 2


@on_sqlite
def test_nobody_else_pays(owner: Device, stranger: Device, gateway: Gateway) -> None:
    queued(stranger.send())
    account, _ = accounts.account_with_users(gateway, "owner")
    assert balance(gateway, account) == 1000
