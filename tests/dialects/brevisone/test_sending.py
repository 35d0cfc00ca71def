"""``/api.php``: every acceptance vector of contract 11 and every quirk of contract 9, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from gateway.services.core import Gateway
from gateway.storage.tables import Account, Contact, ContactGroup, GroupMember, Order
from tests.dialects.brevisone.program import API, MISSING, NO_RIGHT, RECIPIENT, SEE_LOGS, WRITTEN, WRONG, Program, accepted, refused
from tests.support.builders import messages, the_message
from tests.support.databases import FixedClock

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
HEX = "48616c6c6f2064696573206973742065696e65205465737420534d53"


def orders(gateway: Gateway) -> list[Order]:
    with gateway.reading() as session:
        rows = list(session.scalars(select(Order).order_by(Order.charge_sequence)))
        session.expunge_all()
        return rows


def the_order(gateway: Gateway) -> Order:
    (order,) = orders(gateway)
    return order


def recipients(gateway: Gateway) -> list[str]:
    """Whom it went to, order by order. Ids do not tell: the clock stands."""
    place = {order.id: order.charge_sequence for order in orders(gateway)}
    found = sorted(messages(gateway), key=lambda message: (place[message.order_id], message.position))
    return [message.recipient for message in found]


@pytest.fixture
def book(gateway: Gateway, account: Account, clock: FixedClock) -> dict[str, int]:
    """The owner's address book: contacts Ada and Bob, who are the group Admins; an empty group; a contact named like an id. Name → id."""
    with gateway.writing() as session:
        contacts = [
            Contact(account_id=account.id, name=name, number=number, created_at=clock.now())
            for name, number in (("Ada", "+491701111111"), ("Bob", "+491702222222"), ("Grüße", "+491703333333"))
        ]
        groups = [
            ContactGroup(account_id=account.id, name=name, created_at=clock.now()) for name in ("Admins", "Nobody home", "ADMINS OFF")
        ]
        session.add_all([*contacts, *groups])
        session.flush()
        session.add_all([GroupMember(group_id=groups[0].id, contact_id=each.id) for each in contacts[:2]])
        session.add(Contact(account_id=account.id, name=str(contacts[0].id), number="+491709999999", created_at=clock.now()))
        ids = {each.name: each.id for each in contacts}
        return ids | {each.name: each.id for each in groups}


class TestVectors:
    """Contract 11, in its order."""

    def test_1_get(self, owner: Program, gateway: Gateway) -> None:
        url = f"{API}?text=Test&to=00491701234567&username=apiuser&password=open.sesame-1&mode=number"
        order_id = accepted(owner.raw("GET", url))
        message, order = the_message(gateway), the_order(gateway)
        assert (message.recipient, message.order_id, message.state) == (RECIPIENT, order_id, "queued")
        assert (order.text, order.originator, order.dialect, order.type_token) == ("Test", "Monitor", "brevisone", "number")

    def test_2_post(self, owner: Program, gateway: Gateway) -> None:
        accepted(owner.post(to="01701234567"))
        assert recipients(gateway) == [RECIPIENT]

    def test_3_hexadecimal(self, owner: Program, gateway: Gateway) -> None:
        owner.sent(hexmode="true", text=HEX)
        assert the_order(gateway).text == "Hallo dies ist eine Test SMS"

    def test_4_zabbix(self, owner: Program, gateway: Gateway) -> None:
        url = API + "?" + owner.written(text="Problem: a%b\nHost: x y", ring=None)
        accepted(owner.raw("POST", url, content_type="multipart/form-data"))
        accepted(owner.raw("POST", url, headers={"Content-Type": "multipart/form-data", "Content-Length": "0"}))
        assert [order.text for order in orders(gateway)] == ["Problem: a%b\nHost: x y"] * 2

    def test_5_refusals(self, owner: Program, teammate: Program, gateway: Gateway) -> None:
        refused(owner.get(to=None), 400, MISSING)
        refused(owner.get(password="wrong"), 401, WRONG)
        refused(owner.get(username="nobody"), 401, WRONG)
        refused(teammate.get(), 403, NO_RIGHT)
        assert messages(gateway) == []

    def test_6_modes(self, owner: Program, gateway: Gateway, book: dict[str, int]) -> None:
        refused(owner.get(mode="group", to="Nobody"), 400, SEE_LOGS)
        refused(owner.get(mode="nonsense", to="Admins"), 400, SEE_LOGS)
        owner.sent(mode="nonsense", to=WRITTEN)
        assert recipients(gateway) == [RECIPIENT]

    def test_7_telegram(self, owner: Program, gateway: Gateway) -> None:
        refused(owner.get(mode="telnumber", telauto="false"), 400, SEE_LOGS)
        owner.sent(mode="telnumber")
        assert recipients(gateway) == [RECIPIENT]

    def test_8_lists(self, owner: Program, gateway: Gateway) -> None:
        refused(owner.get(list="black", regex="^49170"), 400, SEE_LOGS)
        owner.sent(list="white", regex="^49170")
        assert recipients(gateway) == [RECIPIENT]

    def test_9_a_plus_that_was_not_escaped(self, owner: Program, gateway: Gateway) -> None:
        query = owner.written(to=None)
        accepted(owner.raw("GET", f"{API}?{query}&to=+491701234567"))
        accepted(owner.raw("POST", API, data=f"{query}&to=+491701234567", content_type="application/x-www-form-urlencoded"))
        assert recipients(gateway) == [RECIPIENT] * 2


class TestParameters:
    """Contract 3.1 and 3.2."""

    @on_sqlite
    def test_the_body_wins_and_the_last_of_a_name(self, owner: Program, gateway: Gateway) -> None:
        url = API + "?" + owner.written(text="query", username="nobody")
        accepted(owner.raw("POST", url, data="text=first&text=body&username=apiuser", content_type="application/x-www-form-urlencoded"))
        accepted(owner.raw("GET", API + "?text=first&" + owner.written(text="last")))
        assert [order.text for order in orders(gateway)] == ["body", "last"]

    @on_sqlite
    def test_multipart_with_a_boundary(self, owner: Program, gateway: Gateway) -> None:
        fields = owner.credentials | {"text": "Grüße", "to": WRITTEN}
        parts = [f'--xyz\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
        body = ("".join(parts) + "--xyz--\r\n").encode()
        accepted(owner.raw("POST", API, data=body, content_type="multipart/form-data; boundary=xyz"))
        assert the_order(gateway).text == "Grüße"

    @on_sqlite
    @pytest.mark.parametrize("body", [b"", b"\x00\xff garbage", b'{"text": "json"}', b"text=body"])
    def test_a_body_that_cannot_be_read_counts_as_none(self, owner: Program, gateway: Gateway, body: bytes) -> None:
        kinds = ("multipart/form-data", "multipart/form-data; boundary=xyz", "application/json", "text/plain", "")
        for kind in kinds:
            accepted(owner.raw("POST", API + "?" + owner.written(text="query"), data=body, headers={"Content-Type": kind}))
        assert [order.text for order in orders(gateway)] == ["query"] * len(kinds)

    @on_sqlite
    def test_a_json_body_holds_no_parameters(self, owner: Program) -> None:
        refused(owner.raw("POST", API, json=owner.credentials | {"text": "Test", "to": WRITTEN}), 400, MISSING)

    @on_sqlite
    @pytest.mark.parametrize("name", ["username", "password", "text", "to"])
    def test_each_required_parameter(self, owner: Program, gateway: Gateway, name: str) -> None:
        for value in (None, ""):
            refused(owner.get(**{name: value}), 400, MISSING)
            refused(owner.post(**{name: value}), 400, MISSING)
        refused(owner.get(**{name: None, name.upper(): "x"}), 400, MISSING)
        assert messages(gateway) == []

    @on_sqlite
    def test_order_of_the_checks(self, owner: Program, teammate: Program) -> None:
        bad = {"mode": "group", "to": "Nobody", "regex": "(", "list": "white", "hexmode": "true", "text": "x"}
        refused(owner.get(password="wrong", to=None), 400, MISSING)
        refused(owner.get(password="wrong", **bad), 401, WRONG)
        refused(teammate.get(**bad), 403, NO_RIGHT)
        refused(owner.get(**bad), 400, SEE_LOGS)
        refused(owner.get(password="wrong", list="white"), 400, MISSING)

    @on_sqlite
    @pytest.mark.parametrize(
        ("value", "is_on"), [("true", True), (" TRUE ", True), ("1", True), ("false", False), ("", False), ("yes", False), ("0", False)]
    )
    def test_hexmode(self, owner: Program, gateway: Gateway, value: str, is_on: bool) -> None:
        owner.sent(hexmode=value, text="41")
        assert the_order(gateway).text == ("A" if is_on else "41")

    @on_sqlite
    @pytest.mark.parametrize("written", ["", "=", "=true", "=anything", "=1", "=TRUE"])
    def test_flash_by_its_presence(self, owner: Program, gateway: Gateway, written: str) -> None:
        accepted(owner.raw("GET", f"{API}?{owner.written()}&flash{written}"))
        assert the_order(gateway).is_flash

    @on_sqlite
    @pytest.mark.parametrize("off", ["false", "0", "no", "off", " OFF "])
    def test_flash_and_ring_switched_off(self, owner: Program, gateway: Gateway, off: str) -> None:
        owner.sent(flash=off, ring=off)
        assert not the_order(gateway).is_flash

    @on_sqlite
    def test_ring_is_refused_with_or_without_a_text(self, owner: Program, teammate: Program, gateway: Gateway) -> None:
        for ring in ("true", ""):
            refused(owner.get(ring=ring), 400, SEE_LOGS)
            refused(owner.get(ring=ring, text=None), 400, SEE_LOGS)
        refused(owner.get(ring="off", text=None), 400, MISSING)
        refused(teammate.get(ring="true", text=None), 403, NO_RIGHT)
        assert messages(gateway) == []

    @on_sqlite
    @pytest.mark.parametrize("mode", ["telnumber", " TelNumber "])
    def test_telauto_counts_in_telegram_modes_only(self, owner: Program, gateway: Gateway, mode: str) -> None:
        for value in ("false", "0", " FALSE "):
            refused(owner.get(mode=mode, telauto=value), 400, SEE_LOGS)
        owner.sent(mode=mode, telauto="true")
        owner.sent(mode="number", telauto="false")
        assert [order.type_token for order in orders(gateway)] == ["telnumber", "number"]

    @on_sqlite
    def test_a_key_makes_a_repetition_harmless(self, owner: Program, gateway: Gateway) -> None:
        headers = {"Idempotency-Key": "alert-1"}
        first = accepted(owner.raw("GET", API + "?" + owner.written(), headers=headers))
        body = owner.written(password="open.sesame-1")
        again = owner.raw("POST", API, data=body, content_type="application/x-www-form-urlencoded", headers=headers)
        assert accepted(again) == first
        refused(owner.raw("GET", API + "?" + owner.written(text="other"), headers=headers), 400, SEE_LOGS)
        refused(owner.raw("GET", API + "?" + owner.written(), headers={"Idempotency-Key": "x" * 256}), 400, SEE_LOGS)
        assert len(messages(gateway)) == 1

    @on_sqlite
    @pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
    def test_other_methods(self, owner: Program, gateway: Gateway, method: str) -> None:
        answer = owner.raw(method, API + "?" + owner.written())
        assert (answer.status_code, answer.data) == (405, b"" if method == "HEAD" else b"405 Method Not Allowed")
        assert answer.headers["Allow"] == "GET, POST"
        assert messages(gateway) == []

    @on_sqlite
    def test_slashes_at_the_end_are_none(self, owner: Program) -> None:
        accepted(owner.raw("GET", API + "//?" + owner.written()))
        refused(owner.raw("GET", API + "/more?" + owner.written()), 404, "404 Not Found")


class TestModes:
    """Contract 3.3 and 3.4."""

    def test_contacts(self, owner: Program, gateway: Gateway, book: dict[str, int]) -> None:
        for to in (str(book["Ada"]), "Bob", " bOB ", "Grüße", "GRÜSSE"):
            owner.sent(mode="user", to=to)
        owner.sent(mode=" TELUSER ", to="Bob")
        expected = ["+491701111111", "+491702222222", "+491702222222", "+491703333333", "+491703333333", "+491702222222"]
        assert recipients(gateway) == expected
        assert orders(gateway)[-1].type_token == "teluser"

    def test_groups(self, owner: Program, gateway: Gateway, book: dict[str, int]) -> None:
        for to in (str(book["Admins"]), "Admins", "admins"):
            owner.sent(mode="group", to=to)
        owner.sent(mode="telgroup", to="Admins")
        assert recipients(gateway) == ["+491701111111", "+491702222222"] * 4

    @on_sqlite
    @pytest.mark.parametrize(
        ("mode", "to"),
        [
            ("user", "Eve"),
            ("user", "Admins"),
            ("user", "99999999999999999999999"),
            ("group", "Nobody home"),
            ("group", "Ada"),
            ("user", " "),
        ],
    )
    def test_nobody(self, owner: Program, gateway: Gateway, book: dict[str, int], mode: str, to: str) -> None:
        refused(owner.get(mode=mode, to=to), 400, SEE_LOGS)
        assert messages(gateway) == []

    @on_sqlite
    def test_the_book_of_another_account_is_closed(self, stranger: Program, gateway: Gateway, book: dict[str, int]) -> None:
        for mode, name in (("user", "Ada"), ("group", "Admins")):
            refused(stranger.get(mode=mode, to=name), 400, SEE_LOGS)
            refused(stranger.get(mode=mode, to=str(book[name])), 400, SEE_LOGS)
        assert messages(gateway) == []

    @on_sqlite
    def test_a_name_with_a_comma_is_no_list(self, owner: Program, book: dict[str, int]) -> None:
        refused(owner.get(mode="user", to="Ada,Bob"), 400, SEE_LOGS)

    @on_sqlite
    def test_a_filter_over_a_group(self, owner: Program, gateway: Gateway, book: dict[str, int]) -> None:
        owner.sent(mode="group", to="Admins", list="black", regex="1111$")
        owner.sent(mode="group", to="Admins", list="white", regex="1111$")
        assert recipients(gateway) == ["+491702222222", "+491701111111"]


class TestClients:
    """Contract 9: what known clients put on the wire, byte for byte."""

    @on_sqlite
    def test_notify_cuts_inside_a_character(self, owner: Program, gateway: Gateway) -> None:
        text = ("Notification: °".encode() * 20)[:155] + b"\xc2"
        text = text[:155] + b"\xc2" + b"..."
        query = f"mode=number&password=open.sesame-1&text={''.join(f'%{byte:02X}' for byte in text)}&to=491701234567&username=apiuser"
        accepted(owner.raw("GET", f"{API}?{query}"))
        assert the_order(gateway).text.endswith("\ufffd...")
        assert the_order(gateway).text.startswith("Notification: °Notification: °")
        assert recipients(gateway) == [RECIPIENT]

    @on_sqlite
    def test_notify_writes_blanks_as_plus_and_line_ends_of_windows(self, owner: Program, gateway: Gateway) -> None:
        query = "mode=number&password=open.sesame-1&text=a+b%0D%0Ac%2B%0Dd&to=%2B491701234567&username=apiuser"
        accepted(owner.raw("GET", f"{API}?{query}"))
        assert (the_order(gateway).text, the_order(gateway).text_read) == ("a b\nc+\nd", "a b\r\nc+\rd")

    @on_sqlite
    def test_comnet_sends_and_then_asks_for_the_state(self, owner: Program) -> None:
        accepted(owner.raw("GET", f"{API}?{owner.written(text='CRIT - Disk')}"))
        answer = owner.raw("GET", "/check.php?option=state")
        assert answer.status_code == 200
        assert not any(word in answer.text for word in ("Blocked", "Trouble", "Unknown"))

    @on_sqlite
    def test_a_script_with_an_unset_field(self, owner: Program) -> None:
        refused(owner.get(to="None"), 400, SEE_LOGS)
