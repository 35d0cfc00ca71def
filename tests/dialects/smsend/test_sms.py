"""``POST /sms``: contract 2.1 and all of section 3."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from sqlalchemy import delete, select

from gateway.domain.parts import TextPolicy
from gateway.domain.tariff import MessageType
from gateway.services import ledger
from gateway.services.core import Gateway
from gateway.storage.tables import Order, TariffRow
from tests.dialects.smsend.conftest import an_account_with_user
from tests.dialects.smsend.program import MESSAGE, RECIPIENT, Program, refused, said
from tests.support.builders import messages, the_message
from tests.support.databases import FixedClock

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def the_order(gateway: Gateway) -> Order:
    """The only order there is."""
    with gateway.reading() as session:
        (order,) = session.scalars(select(Order)).all()
        session.expunge_all()
        return order


def test_success(owner: Program, gateway: Gateway) -> None:
    answer = owner.send(recipient=[RECIPIENT, "+393471234568"])
    assert answer.status_code == 201
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    order_id = said(answer)["order_id"]
    assert re.fullmatch("[0-9a-f]{32}", order_id)
    expected = '{"result":"OK","order_id":"%s","total_sent":2,"remaining_credits":998,"internal_order_id":"%s"}'
    assert answer.text == expected % (order_id, order_id)
    assert [(each.recipient, each.parts, each.units) for each in messages(gateway)] == [
        (RECIPIENT, 1, 1000),
        ("+393471234568", 1, 1000),
    ]
    assert list(ledger.verify(gateway)) == []


@on_sqlite
def test_everything_that_a_program_may_send(owner: Program, gateway: Gateway) -> None:
    fields: dict[str, Any] = {
        "sender": "AcmeShop",
        "scheduled_delivery_time": "20260601120000",
        "scheduled_delivery_timezone": "Europe/Paris",
        "order_id": "A_1.b-2",
        "returnCredits": True,
        "returnRemaining": True,
        "allowInvalidRecipients": False,
        "encoding": "UCS2",
        "id_landing": None,
        "campaign_name": "June",
        "short_link_url": None,
        "max_fragments": 7,
        "truncate": True,
        "validity_period_min": 60,
        "richsms_url": None,
        "richsms_mode": None,
        "validity_period": 5,
        "delivery_notification_url": "https://example.org/",
        "allow_duplicate": True,
        "something_else": {"a": [1]},
    }
    answer = owner.send(**fields)
    assert answer.status_code == 201, answer.text
    assert said(answer)["order_id"] == "A_1.b-2"
    order = the_order(gateway)
    assert (order.originator, order.label, order.alphabet, order.client_ref) == ("AcmeShop", "June", "ucs2", "A_1.b-2")
    assert order.expires_at is not None and order.due_at is not None
    assert (order.expires_at - order.due_at).total_seconds() == 3600


@on_sqlite
def test_everything_may_be_null_that_is_not_required(owner: Program) -> None:
    names = "sender scheduled_delivery_time scheduled_delivery_timezone order_id returnCredits returnRemaining allowInvalidRecipients"
    names += " encoding id_landing campaign_name short_link_url max_fragments truncate validity_period_min richsms_url richsms_mode"
    owner.sent(**dict.fromkeys(names.split()))
    owner.sent(sender="", scheduled_delivery_time="", scheduled_delivery_timezone="", order_id="", campaign_name="")


class TestTypes:
    """Contract 3.1."""

    FAMILIES = (
        ("N", MessageType.HIGH, True),
        ("GP", MessageType.HIGH, True),
        ("PRM", MessageType.HIGH, True),
        ("L", MessageType.MEDIUM, False),
        ("TI", MessageType.MEDIUM, False),
        ("MND", MessageType.MEDIUM, False),
        ("LL", MessageType.LOW, False),
        ("SI", MessageType.LOW, False),
        ("EE", MessageType.FOREIGN, True),
        ("AD", MessageType.ADVERTISING, True),
    )

    @on_sqlite
    @pytest.mark.parametrize(("token", "kind", "receipt"), FAMILIES)
    def test_every_token_is_taken_and_echoed(self, owner: Program, gateway: Gateway, token: str, kind: MessageType, receipt: bool) -> None:
        owner.sent(message_type=token)
        order = the_order(gateway)
        assert (order.message_type, order.wants_receipt) == (kind.value, receipt)
        history = said(owner.get("/smshistory", **{"from": "20260101000000"}))
        assert history["smshistory"][0]["message_type"] == token

    @on_sqlite
    @pytest.mark.parametrize("token", ["X", "n", "N ", "GS", "HIGH", "high", "' OR 1=1"])
    def test_others_are_refused(self, owner: Program, token: str) -> None:
        assert token in refused(owner.send(message_type=token), 400, "INVALID_MESSAGE_TYPE")


class TestLength:
    """Contract 3.2. Prices are one credit a part, so ``returnCredits`` shows the parts."""

    SIZES = (
        ("N", "a" * 160, 1),
        ("N", "a" * 161, 2),
        ("N", "a" * 306, 2),
        ("N", "a" * 307, 3),
        ("N", "a" * 1000, 7),
        ("N", "a" * 1001, None),
        ("N", "€" * 80, 1),
        ("N", "€" * 80 + "a", 2),
        ("N", "^{}\\[]~|€\f" * 8, 1),
        ("N", "€" * 500, 7),
        ("N", "€" * 500 + "a", None),
        ("N", "a" * 152 + "€" + "a" * 152, 3),
        ("N", "ж" * 70, 1),
        ("N", "ж" * 71, 2),
        ("N", "ж" * 134, 2),
        ("N", "ж" * 450, 7),
        ("N", "ж" * 451, None),
        ("N", "😀" * 35, 1),
        ("N", "😀" * 36, 2),
        ("N", "😀" * 225, 7),
        ("N", "😀" * 226, None),
        ("N", "\u00e7" * 71, 2),
        ("L", "a" * 1000, 7),
        ("LL", "a" * 160, 1),
        ("LL", "a" * 161, None),
        ("LL", "€" * 81, None),
        ("LL", "ж" * 70, 1),
        ("LL", "ж" * 71, None),
        ("SI", "a" * 161, None),
    )

    @on_sqlite
    @pytest.mark.parametrize(("token", "text", "parts"), SIZES)
    def test_parts_and_limits(self, owner: Program, token: str, text: str, parts: int | None) -> None:
        answer = owner.send(message_type=token, message=text, returnCredits=True)
        if parts is None:
            refused(answer, 400, "MESSAGE_TOO_LONG")
            assert owner.credits() == 1000
        else:
            assert (answer.status_code, said(answer)["total_sent"]) == (201, parts)
            assert owner.credits() == 1000 - parts

    CUTS: tuple[tuple[str, str, dict[str, int], int], ...] = (
        ("N", "a" * 1001, {}, 1001),
        ("N", "a" * 1071, {}, 1071),
        ("N", "a" * 1072, {}, 1071),
        ("N", "a" * 400, {"max_fragments": 2}, 306),
        ("N", "a" * 400, {"max_fragments": 1}, 160),
        ("N", "a" * 2000, {"max_fragments": 10}, 1530),
        ("N", "a" * 152 + "€" * 9, {"max_fragments": 1}, 156),
        ("N", "ж" * 500, {}, 469),
        ("N", "😀" * 100, {"max_fragments": 2}, 66),
        ("LL", "a" * 161, {}, 160),
        ("LL", "a" * 161, {"max_fragments": 3}, 160),
        ("N", "short", {"max_fragments": 3}, 5),
    )

    @on_sqlite
    @pytest.mark.parametrize(("token", "text", "more", "left"), CUTS)
    def test_truncate_cuts(self, owner: Program, gateway: Gateway, token: str, text: str, more: dict[str, Any], left: int) -> None:
        owner.sent(message_type=token, message=text, truncate=True, **more)
        order = the_order(gateway)
        assert order.text == text[:left]
        assert order.text_read == (None if left == len(text) else text), "what the customer wrote is kept"

    @on_sqlite
    def test_max_fragments_without_truncate(self, owner: Program) -> None:
        refused(owner.send(message="a" * 307, max_fragments=2), 400, "MESSAGE_TOO_LONG")
        assert said(owner.send(message="a" * 306, max_fragments="2", returnCredits=True))["total_sent"] == 2
        assert said(owner.send(message="a" * 1530, max_fragments=10, returnCredits=True))["total_sent"] == 10
        for bad in (-1, 21, 1.5, "two", True, [2]):
            refused(owner.send(max_fragments=bad), 400, "INVALID_PARAMETER")

    @on_sqlite
    def test_encoding(self, owner: Program, gateway: Gateway) -> None:
        assert said(owner.send(message="a" * 71, encoding="ucs2", returnCredits=True))["total_sent"] == 2
        assert said(owner.send(message="a" * 71, encoding="GSM", returnCredits=True))["total_sent"] == 1
        assert said(owner.send(message="ж", encoding="gsm", returnCredits=True))["total_sent"] == 1
        assert [each.alphabet for each in all_orders(gateway)] == ["ucs2", "gsm7", "ucs2"]
        refused(owner.send(encoding="utf8"), 400, "INVALID_PARAMETER")

    @on_sqlite
    def test_the_account_decides_about_other_alphabets(self, gateway: Gateway, owner: Program) -> None:
        an_account_with_user(gateway, "strict", text_policy=TextPolicy.REFUSE)
        an_account_with_user(gateway, "plain", text_policy=TextPolicy.TRANSLITERATE)
        strict, plain = Program(owner.http, "strict").sign_in(), Program(owner.http, "plain").sign_in()
        assert "U+0436 at position 2" in refused(strict.send(message="a ж"), 400, "INVALID_CHARACTER")
        strict.sent(message="a ж", encoding="ucs2")
        plain.sent(message="“quoted”")
        assert all_orders(gateway)[-1].text == '"quoted"'

    @on_sqlite
    def test_an_empty_message(self, owner: Program) -> None:
        refused(owner.send(message=""), 400, "MISSING_PARAMETER")
        refused(owner.send(message=None), 400, "MISSING_PARAMETER")
        owner.sent(message=" ")


class TestCredits:
    """Contract 3.3."""

    def test_one_credit_a_part_a_recipient(self, owner: Program, gateway: Gateway) -> None:
        three = [f"+39347123456{digit}" for digit in range(3)]
        answer = said(owner.send(recipient=three, message="a" * 161))
        assert (answer["total_sent"], answer["remaining_credits"]) == (3, 994)
        answer = said(owner.send(recipient=three, message="a" * 161, returnCredits=True))
        assert (answer["total_sent"], answer["remaining_credits"]) == (6, 988)
        assert owner.credits() == 988
        assert list(ledger.verify(gateway)) == []

    def test_not_enough(self, gateway: Gateway, owner: Program) -> None:
        an_account_with_user(gateway, "poor", credit=2)
        poor = Program(owner.http, "poor").sign_in()
        words = refused(poor.send(message="a" * 307), 400, "NOT_ENOUGH_CREDIT")
        assert words == "Not enough credit: 3 needed, 2 available"
        assert poor.credits() == 2 and messages(gateway) == []
        assert said(poor.send(message="a" * 306))["remaining_credits"] == 0
        refused(poor.send(), 400, "NOT_ENOUGH_CREDIT")
        assert list(ledger.verify(gateway)) == []

    @on_sqlite
    def test_a_credit_limit_counts_as_credit(self, gateway: Gateway, owner: Program) -> None:
        an_account_with_user(gateway, "trusted", credit=0, credit_limit_units=2000)
        trusted = Program(owner.http, "trusted").sign_in()
        assert trusted.credits() == 2
        assert said(trusted.send())["remaining_credits"] == 1
        trusted.sent()
        refused(trusted.send(), 400, "NOT_ENOUGH_CREDIT")

    def test_cancelling_gives_back(self, owner: Program, gateway: Gateway) -> None:
        order_id = owner.sent(message="a" * 161, scheduled_delivery_time="20260601120000")
        assert owner.credits() == 998
        assert owner.call("DELETE", f"/sms/{order_id}").status_code == 200
        assert owner.credits() == 1000
        refused(owner.call("DELETE", f"/sms/{order_id}"), 404, "NOT_SCHEDULED")
        assert owner.credits() == 1000
        assert list(ledger.verify(gateway)) == []

    @on_sqlite
    def test_a_prefix_without_a_price(self, owner: Program, gateway: Gateway) -> None:
        with gateway.writing() as session:
            session.execute(delete(TariffRow).where(TariffRow.message_type == "foreign"))
        gateway.catalogue.forget()
        refused(owner.send(message_type="EE"), 400, "UNKNOWN_PREFIX")
        assert said(owner.get("/status"))["sms"][3]["quantity"] == 0


class TestOrderId:
    """Contract 3.4."""

    @on_sqlite
    @pytest.mark.parametrize("order_id", ["A", "a" * 32, "2026-01_x.Y", "...", "0", 12345, "BULK", "None"])
    def test_of_ones_own(self, owner: Program, order_id: object) -> None:
        answer = owner.send(order_id=order_id)
        assert (answer.status_code, said(answer)["order_id"]) == (201, str(order_id))
        assert owner.states(str(order_id)) == ["WAITING"]
        internal = said(answer)["internal_order_id"]
        assert internal != str(order_id) and owner.states(internal) == ["WAITING"]

    @on_sqlite
    @pytest.mark.parametrize("order_id", ["bulk", "a" * 33, "a b", "a/b", "è", "a\n", "٣", "a;b", 1.5, True, ["a"], -1.0])
    def test_refused(self, owner: Program, order_id: object) -> None:
        refused(owner.send(order_id=order_id), 400, "INVALID_PARAMETER")

    def test_is_one_in_an_account(self, owner: Program, stranger: Program, gateway: Gateway) -> None:
        owner.sent(order_id="same")
        assert refused(owner.send(order_id="same"), 400, "DUPLICATE_ORDER_ID") == "The order_id same is already in use"
        stranger.sent(order_id="same")
        assert owner.credits() == stranger.credits() == 999
        assert list(ledger.verify(gateway)) == []


class TestRecipients:
    """Contract 3.5."""

    WRITTEN = (
        ("+393471234567", RECIPIENT),
        ("00393471234567", RECIPIENT),
        (" +39 347 123 4567 ", RECIPIENT),
        ("+39 (347) 123-4567", RECIPIENT),
        ("+39.347.123.45.67", RECIPIENT),
        ("3471234567", RECIPIENT),
        ("393471234567", RECIPIENT),
        (3471234567, RECIPIENT),
        (393471234567, RECIPIENT),
        ("+39123456789", "+39123456789"),
        ("+349123456789", "+349123456789"),
        ("+39349123456789", "+39349123456789"),
        ("+123456", "+123456"),
        ("+123456789012345", "+123456789012345"),
    )

    @on_sqlite
    @pytest.mark.parametrize(("written", "read"), WRITTEN)
    def test_ways_to_write_one(self, owner: Program, gateway: Gateway, written: object, read: str) -> None:
        owner.sent(recipient=[written])
        assert the_message(gateway).recipient == read

    @on_sqlite
    @pytest.mark.parametrize("written", [RECIPIENT, 393471234567])
    def test_one_alone_needs_no_list(self, owner: Program, gateway: Gateway, written: object) -> None:
        owner.sent(recipient=written)
        assert the_message(gateway).recipient == RECIPIENT

    BAD: tuple[Any, ...] = (
        "",
        " ",
        "+",
        "abc",
        "+39abc",
        "+12345",
        "+1234567890123456",
        "0039",
        None,
        True,
        1.5,
        -393471234567,
        [],
        {},
        "٣٩٣٤٧١٢٣٤٥٦٧",
        "+0039",
    )

    @on_sqlite
    @pytest.mark.parametrize("written", BAD)
    def test_one_bad_number_refuses_all(self, owner: Program, gateway: Gateway, written: object) -> None:
        refused(owner.send(recipient=[RECIPIENT, written]), 400, "INVALID_RECIPIENT")
        assert messages(gateway) == []
        answer = owner.send(recipient=[RECIPIENT, written], allowInvalidRecipients=True)
        assert (answer.status_code, said(answer)["total_sent"]) == (201, 1)
        refused(owner.send(recipient=[written], allowInvalidRecipients=True), 400, "INVALID_RECIPIENT")

    @on_sqlite
    def test_the_sentence_names_the_number(self, owner: Program) -> None:
        words = refused(owner.send(recipient=["+39abc<b>"]), 400, "INVALID_RECIPIENT")
        assert words.startswith("Invalid recipient: +39abc<b> (")

    @on_sqlite
    def test_the_same_number_twice_is_sent_once(self, owner: Program) -> None:
        answer = said(owner.send(recipient=[RECIPIENT, "0039 347 1234567", 3471234567, "+393471234568"]))
        assert (answer["total_sent"], answer["remaining_credits"]) == (2, 998)

    @on_sqlite
    def test_none_at_all(self, owner: Program) -> None:
        nothing: tuple[Any, ...] = ([], None)
        for empty in nothing:
            refused(owner.send(recipient=empty), 400, "MISSING_PARAMETER")
        refused(owner.call("POST", "/sms", json={"message_type": "N", "message": "x"}), 400, "MISSING_PARAMETER")
        for wrong in ({"0": RECIPIENT}, True, 1.5):
            refused(owner.send(recipient=wrong), 400, "INVALID_PARAMETER")


class TestSenders:
    """Contract 3.6. The account's own are Acme (default), AcmeShop and +393471111111."""

    @on_sqlite
    @pytest.mark.parametrize(
        ("fields", "originator"),
        [
            ({}, "Acme"),
            ({"sender": None}, "Acme"),
            ({"sender": ""}, "Acme"),
            ({"sender": "  "}, "Acme"),
            ({"sender": "Acme"}, "Acme"),
            ({"sender": "AcmeShop"}, "AcmeShop"),
            ({"sender": "0039 347 1111111"}, "+393471111111"),
            ({"message_type": "EE", "sender": "AcmeShop"}, "AcmeShop"),
            ({"message_type": "L"}, "Acme"),
            ({"message_type": "LL", "sender": ""}, "Acme"),
        ],
    )
    def test_taken(self, owner: Program, gateway: Gateway, fields: dict[str, Any], originator: str) -> None:
        owner.sent(**fields)
        assert the_order(gateway).originator == originator

    @on_sqlite
    @pytest.mark.parametrize(
        "fields",
        [
            {"sender": "Other"},
            {"sender": "acmeshop"},
            {"sender": "TwelveLetters"},
            {"sender": "12345678901234567"},
            {"sender": "Acmè€"},
            {"sender": "!!!"},
            {"message_type": "L", "sender": "Acme"},
            {"message_type": "LL", "sender": "Acme"},
            {"message_type": "SI", "sender": "+393471111111"},
        ],
    )
    def test_refused(self, owner: Program, fields: dict[str, Any]) -> None:
        assert refused(owner.send(**fields), 400, "INVALID_SENDER").startswith("Invalid sender: ")

    @on_sqlite
    def test_an_account_without_a_list_may_use_any(self, stranger: Program, gateway: Gateway) -> None:
        stranger.sent(sender="Anything")
        stranger.sent()
        assert [each.originator for each in all_orders(gateway)] == ["Anything", None]


class TestDates:
    """Contract 3.7, from the wire to the database and back. The clock stands at 5 January 2026, 9:00 in Rome."""

    FORMS = (
        ("211126", "20261121000000"),
        ("20261121", "20261121000000"),
        ("2111260147", "20261121014700"),
        ("202611210147", "20261121014700"),
        ("20261121014738", "20261121014738"),
        ("2026-11-21 01:47", "20261121014700"),
        ("2026-11-21 01:47.0", "20261121014700"),
        ("2026-11-21 01:47:38", "20261121014738"),
        ("2026-11-21 01:47:38.0", "20261121014738"),
        ("2026-11-21T01:47:38.978521", "20261121014738"),
        ("2026-11-21T01:47:38", "20261121014738"),
        ("2026-11-21T01:47:38.1234567", "20261121014738"),
        ("2026-11-21T01:47:38Z", "20261121024738"),
        ("2026-11-21T01:47:38.5Z", "20261121024738"),
        ("2026-11-21T01:47:38+02:00", "20261121004738"),
        ("2026-11-21T01:47:38.1234567+02:00", "20261121004738"),
        ("Nov 21, 2026 1:31:05 PM", "20261121133105"),
        ("Nov 21, 2026, 1:31:05 PM", "20261121133105"),
        ("Nov 21, 2026, 1:31:05\u202fPM", "20261121133105"),
        ("Nov 21, 2026, 1:31:05?PM", "20261121133105"),
        ("Nov 21, 2026, 1:31:05\u00a0AM", "20261121013105"),
        ("Nov 21, 2026, 12:00:00 AM", "20261121000000"),
        ("Nov 21, 2026, 12:00:00 PM", "20261121120000"),
        ("Jul 1, 2026, 1:31:05 AM", "20260701013105"),
        (" 20261121014738 ", "20261121014738"),
        ("20260329023000", "20260329033000"),
        ("20261025023000", "20261025023000"),
        ("20270106080000", "20270106080000"),
    )

    @on_sqlite
    @pytest.mark.parametrize(("written", "told"), FORMS)
    def test_every_form(self, owner: Program, written: str, told: str) -> None:
        order_id = owner.sent(scheduled_delivery_time=written)
        assert owner.states(order_id) == ["SCHEDULED"]
        assert schedule_time(owner) == told

    def test_on_both_databases(self, owner: Program) -> None:
        owner.sent(scheduled_delivery_time="2026-11-21T01:47:38.978521")
        assert schedule_time(owner) == "20261121014738"

    @on_sqlite
    @pytest.mark.parametrize(
        ("fields", "told"),
        [
            ({"scheduled_delivery_timezone": "America/New_York"}, "20261121074738"),
            ({"scheduled_delivery_timezone": "UTC"}, "20261121024738"),
            ({"scheduled_delivery_timezone": "Europe/Rome"}, "20261121014738"),
            ({"scheduled_delivery_timezone": ""}, "20261121014738"),
            ({"scheduled_delivery_timezone": None}, "20261121014738"),
        ],
    )
    def test_a_zone_of_its_own(self, owner: Program, fields: dict[str, Any], told: str) -> None:
        owner.sent(scheduled_delivery_time="20261121014738", **fields)
        assert schedule_time(owner) == told

    @on_sqlite
    def test_an_offset_wins_over_the_zone(self, owner: Program) -> None:
        owner.sent(scheduled_delivery_time="2026-11-21T01:47:38Z", scheduled_delivery_timezone="America/New_York")
        assert schedule_time(owner) == "20261121024738"

    @on_sqlite
    @pytest.mark.parametrize("written", ["20171223101010", "2017-08-18T13:31:00", "20260105090000", "2026-01-05T08:00:00Z", None, ""])
    def test_the_past_means_now(self, owner: Program, written: str | None) -> None:
        order_id = owner.sent(scheduled_delivery_time=written)
        assert owner.states(order_id) == ["WAITING"]
        assert schedule_time(owner) == ""

    BAD = (
        "tomorrow", "1767600000", "17676000000000", "2026", "20261321", "20260230", "20261121256000", "311126 0147",
        "2026-11-21T25:00", "2026-11-21T01:47:38+25:00", "2026/11/21", "21/11/2026", "Jui 21, 2026, 1:31:05 PM",
        "jul 21, 2026, 1:31:05 PM", "Jul 21, 2026, 13:31:05 PM", "٢٠٢٦١١٢١", "20270107120000", "99991231235959", "x" * 90,
    )  # fmt: skip

    @on_sqlite
    @pytest.mark.parametrize("written", BAD)
    def test_refused(self, owner: Program, written: str) -> None:
        words = refused(owner.send(scheduled_delivery_time=written), 400, "INVALID_DATE")
        assert words.startswith("Invalid date in scheduled_delivery_time: ")
        assert owner.credits() == 1000

    @on_sqlite
    @pytest.mark.parametrize("name", ["Mars/Phobos", "Europe", "../../etc/passwd", "/etc/passwd", "a\x1fb", "CET\x7f", "x" * 90, "+02:00"])
    def test_bad_zones(self, owner: Program, name: str) -> None:
        answer = owner.send(scheduled_delivery_time="20261121014738", scheduled_delivery_timezone=name)
        refused(answer, 400, "INVALID_PARAMETER")

    @on_sqlite
    def test_the_account_has_a_zone(self, gateway: Gateway, owner: Program) -> None:
        an_account_with_user(gateway, "far", zone="Asia/Tokyo")
        far = Program(owner.http, "far").sign_in()
        far.sent(scheduled_delivery_time="20261121014738")
        assert schedule_time(far) == "20261121014738"
        assert all_orders(gateway)[-1].due_at.isoformat() == "2026-11-20T16:47:38+00:00"


class TestLinks:
    """Contract 3.9 and the rich links of 2.1."""

    @on_sqlite
    def test_short_link(self, owner: Program, gateway: Gateway) -> None:
        owner.sent(message="See %SHORT_LINK%", short_link_url="https://example.org/a?b=\\1")
        assert the_order(gateway).text == "See https://example.org/a?b=\\1"

    @on_sqlite
    def test_rich_link(self, owner: Program, gateway: Gateway) -> None:
        owner.sent(message="See %RICHURL________%!", richsms_url="https://example.org/\\g<0>", richsms_mode="DIRECT_URL")
        assert the_order(gateway).text == "See https://example.org/\\g<0>!"

    @on_sqlite
    def test_length_counts_with_the_link(self, owner: Program) -> None:
        refused(owner.send(message="%SHORT_LINK%", short_link_url="https://e.org/" + "a" * 1000), 400, "MESSAGE_TOO_LONG")

    @on_sqlite
    def test_landing_pages_are_not_there(self, owner: Program) -> None:
        refused(owner.send(message="See %PAGESLINK____________%", id_landing=7), 400, "INVALID_PARAMETER")
        owner.sent(message="No placeholder", id_landing=7)


class TestRepeats:
    """The ``Idempotency-Key`` header."""

    def test_the_same_request_again_gives_the_same_answer(self, owner: Program, gateway: Gateway, clock: FixedClock) -> None:
        keys = owner.keys | {"Idempotency-Key": "order 4711"}
        first = owner.call("POST", "/sms", json=MESSAGE, headers=keys)
        clock.forward(seconds=100)
        again = owner.call("POST", "/sms", json=MESSAGE, headers=keys)
        assert (first.status_code, first.data) == (again.status_code, again.data) == (201, first.data)
        assert len(messages(gateway)) == 1
        assert owner.credits() == 999
        assert list(ledger.verify(gateway)) == []

    def test_the_first_answer_comes_again_when_the_credit_is_used_up(self, gateway: Gateway, owner: Program) -> None:
        an_account_with_user(gateway, "poor", credit=1)
        poor = Program(owner.http, "poor").sign_in()
        keys = poor.keys | {"Idempotency-Key": "the last one"}
        answers = [poor.call("POST", "/sms", json=MESSAGE, headers=keys) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 201]
        assert answers[0].data == answers[1].data

    @on_sqlite
    def test_with_an_order_id_of_ones_own(self, owner: Program) -> None:
        keys = owner.keys | {"Idempotency-Key": "k"}
        bodies = [owner.call("POST", "/sms", json=MESSAGE | {"order_id": "mine"}, headers=keys).data for _ in range(2)]
        assert bodies[0] == bodies[1]

    @on_sqlite
    def test_another_request_is_refused(self, owner: Program, stranger: Program) -> None:
        keys = {"Idempotency-Key": "k"}
        owner.call("POST", "/sms", json=MESSAGE, headers=owner.keys | keys)
        other = owner.call("POST", "/sms", json=MESSAGE | {"message": "Another"}, headers=owner.keys | keys)
        refused(other, 400, "IDEMPOTENCY_KEY_REUSED")
        assert stranger.call("POST", "/sms", json=MESSAGE, headers=stranger.keys | keys).status_code == 201
        assert owner.credits() == stranger.credits() == 999

    @on_sqlite
    @pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\tb"])
    def test_bad_keys(self, owner: Program, key: str) -> None:
        answer = owner.call("POST", "/sms", json=MESSAGE, headers=owner.keys | {"Idempotency-Key": key})
        refused(answer, 400, "INVALID_PARAMETER")


class TestQuirks:
    """Section 4: what old programs do to HTTP."""

    @on_sqlite
    @pytest.mark.parametrize("path", ["//sms", "///sms", "/sms/", "//sms//", "/sms//"])
    def test_slashes(self, owner: Program, path: str) -> None:
        assert owner.send(path).status_code == 201

    @on_sqlite
    def test_slashes_before_and_within_the_prefix(self, owner: Program) -> None:
        for path in ("//API/v1.0/REST/status", "/API//v1.0///REST/status", "/API/v1.0/REST//status/"):
            answer = owner.http.get("/x", headers=owner.keys, environ_overrides={"PATH_INFO": path})
            assert answer.status_code == 200, path

    @on_sqlite
    @pytest.mark.parametrize(
        "content_type",
        [
            None,
            "application/json",
            "application/json; charset=utf-8",
            "application/x-www-form-urlencoded",
            "text/plain",
            "multipart/form-data",
            "a;;b",
        ],
    )
    def test_content_types(self, owner: Program, content_type: str | None) -> None:
        headers = owner.keys | ({"Content-Type": content_type} if content_type else {})
        assert owner.call("POST", "/sms", data=json.dumps(MESSAGE), headers=headers).status_code == 201

    TEXT = "caffè è €"

    @pytest.mark.parametrize(
        ("body", "text"),
        [
            (json.dumps(MESSAGE | {"message": TEXT}), TEXT),
            (json.dumps(MESSAGE | {"message": TEXT}, ensure_ascii=False).encode(), TEXT),
            (b"\xef\xbb\xbf" + json.dumps(MESSAGE | {"message": TEXT}, ensure_ascii=False).encode(), TEXT),
            (json.dumps(MESSAGE | {"message": TEXT}, ensure_ascii=False).encode("cp1252"), TEXT),
            (json.dumps(MESSAGE | {"message": "perché ò"}, ensure_ascii=False).encode("latin-1"), "perché ò"),
            (b"\r\n " + json.dumps(MESSAGE, indent=3).encode() + b"\r\n", "Hello world!"),
            (json.dumps(MESSAGE | {"message": "😀"}), "😀"),
            (json.dumps(MESSAGE | {"message": "😀"}, ensure_ascii=False).encode(), "😀"),
        ],
        ids=["escaped", "utf-8", "bom", "windows-1252", "latin-1", "blanks", "escaped pair", "emoji"],
    )
    def test_alphabets_of_the_body(self, owner: Program, gateway: Gateway, body: bytes | str, text: str) -> None:
        assert owner.call("POST", "/sms", data=body).status_code == 201
        assert the_order(gateway).text == text

    @on_sqlite
    @pytest.mark.parametrize("yes", [True, "true", "True", "TRUE", "1", 1, " true "])
    @pytest.mark.parametrize("no", [False, "false", "False", "0", 0, "", None])
    def test_booleans(self, owner: Program, yes: object, no: object) -> None:
        assert said(owner.send(message="a" * 161, returnCredits=yes, allowInvalidRecipients=no))["total_sent"] == 2
        assert said(owner.send(message="a" * 161, returnCredits=no, allowInvalidRecipients=yes))["total_sent"] == 1

    @on_sqlite
    @pytest.mark.parametrize("neither", ["yes", 2, -1, 1.0, [], {}, "tru e"])
    def test_neither_true_nor_false(self, owner: Program, neither: object) -> None:
        refused(owner.send(returnCredits=neither), 400, "INVALID_PARAMETER")

    @on_sqlite
    def test_the_last_of_two_equal_keys_counts(self, owner: Program, gateway: Gateway) -> None:
        body = '{"message_type":"N","message":"one","message":"two","recipient":["+393471234567"]}'
        assert owner.call("POST", "/sms", data=body).status_code == 201
        assert the_order(gateway).text == "two"


def schedule_time(program: Program) -> str:
    """When the newest order is to be sent, as history tells it."""
    newest: dict[str, Any] = said(program.get("/smshistory", **{"from": "20260101000000"}))["smshistory"][0]
    return str(newest["schedule_time"])


def all_orders(gateway: Gateway) -> list[Any]:
    with gateway.reading() as session:
        orders = list(session.scalars(select(Order).order_by(Order.account_id, Order.charge_sequence)))
        session.expunge_all()
        return orders


@on_sqlite
@pytest.mark.parametrize("nothing", [0, "0", "", None])
def test_a_program_that_sends_every_field_it_knows(owner: Program, nothing: object) -> None:
    answer = owner.send(max_fragments=nothing, validity_period_min=nothing, sender=None, order_id=None, scheduled_delivery_time="")
    assert answer.status_code == 201


@on_sqlite
def test_a_sender_as_a_json_number(owner: Program) -> None:
    as_number, as_text = owner.send(sender=393471234567), owner.send(sender="393471234567")
    assert (as_number.status_code, as_number.get_json()) == (as_text.status_code, as_text.get_json())
