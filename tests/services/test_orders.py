"""What customers ask about their orders: one by its name, many by their time, and their credit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from gateway.domain.errors import NotFound
from gateway.domain.ids import first_uuid7, uuid7
from gateway.domain.message import State
from gateway.domain.tariff import MessageType
from gateway.services import orders, pricing
from gateway.services.core import Gateway
from gateway.services.ordering import cancel
from gateway.services.orders import Page, Span
from gateway.storage.tables import Account, Message, Order
from tests.support.builders import RECIPIENT, an_account, an_order, recipients
from tests.support.databases import MORNING, FixedClock

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
END = datetime(2199, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


@pytest.fixture
def account(gateway: Gateway) -> Account:
    return an_account(gateway)


def history(
    gateway: Gateway, account: Account, start: datetime, end: datetime, offset: int = 0, limit: int = 100, newest_first: bool = False
) -> Page[Order]:
    return orders.history(gateway, account.id, Span(start, end, offset, limit, newest_first))


def to_recipient(gateway: Gateway, account: Account, number: str = RECIPIENT, **more: Any) -> Page[tuple[Order, Message]]:
    span = Span(**{"start": BEGINNING, "end": END, "offset": 0, "limit": 100, "newest_first": False, **more})
    return orders.recipient_history(gateway, account.id, number, span)


def ids(page: Page[Order]) -> list[str]:
    return [order.id.hex for order in page.rows]


class TestState:
    def test_of_every_recipient_in_the_order_given(self, gateway, account):
        accepted = an_order(gateway, account, recipients(3)[::-1])
        found = orders.state(gateway, account.id, "smsend", accepted.public_id)
        assert [(each.recipient, each.state, each.final_at) for each in found.messages] == [
            (number, State.QUEUED, None) for number in recipients(3)[::-1]
        ]
        assert found.wants_receipt

    def test_by_either_name(self, gateway, account):
        accepted = an_order(gateway, account, client_ref="mine")
        assert accepted.public_id == "mine"
        dashed = str(UUID(accepted.order_id))
        for name in ("mine", accepted.order_id, accepted.order_id.upper(), dashed):
            assert len(orders.state(gateway, account.id, "smsend", name).messages) == 1

    def test_of_no_such_order(self, gateway, account):
        an_order(gateway, account, client_ref="mine")
        for name in ("", "Mine", "mine ", "0" * 32, "x" * 32, "x" * 36, "mine\0", "\0", "\ud83d", "x" * 5000, "%", "' OR 1=1"):
            with pytest.raises(NotFound):
                orders.state(gateway, account.id, "smsend", name)
            with pytest.raises(NotFound):
                cancel(gateway, account.id, "smsend", name)

    def test_of_a_stranger_s_order(self, gateway, account):
        stranger = an_account(gateway)
        accepted = an_order(gateway, stranger, client_ref="mine")
        for name in ("mine", accepted.order_id):
            with pytest.raises(NotFound):
                orders.state(gateway, account.id, "smsend", name)

    def test_a_reference_belongs_to_its_dialect(self, gateway, account):
        an_order(gateway, account, client_ref="mine")
        with pytest.raises(NotFound):
            orders.state(gateway, account.id, "another", "mine")

    def test_a_reference_that_looks_like_an_id_is_a_reference(self, gateway, account):
        first = an_order(gateway, account)
        second = an_order(gateway, account, recipients(2), client_ref=first.order_id)
        assert len(orders.state(gateway, account.id, "smsend", first.order_id).messages) == second.recipient_count


class TestHistory:
    def test_both_ends_are_included_to_the_millisecond(self, gateway, account, clock: FixedClock):
        taken = []
        for _ in range(4):
            taken.append((clock.now(), an_order(gateway, account).order_id))
            clock.forward(milliseconds=1)
        for first, (start, _) in enumerate(taken):
            for last, (end, _) in enumerate(taken):
                assert ids(history(gateway, account, start, end)) == [name for _, name in taken[first : last + 1]]

    @pytest.mark.parametrize("microseconds", [0, 999])
    def test_a_moment_finds_its_own_order(self, gateway, account, clock, microseconds):
        clock.forward(microseconds=microseconds)
        accepted = an_order(gateway, account)
        assert ids(history(gateway, account, clock.now(), clock.now())) == [accepted.order_id]
        assert ids(history(gateway, account, MORNING, MORNING)) == [accepted.order_id]
        assert history(gateway, account, MORNING + MILLISECOND, END).rows == []
        assert history(gateway, account, BEGINNING, MORNING - timedelta(microseconds=1)).rows == []

    def test_of_all_time(self, gateway, account):
        """Programs ask from 1970 on, in a zone where it had not yet begun."""
        accepted = an_order(gateway, account)
        for start in (BEGINNING, BEGINNING - timedelta(hours=1), datetime(1, 1, 2, tzinfo=UTC)):
            assert ids(history(gateway, account, start, END)) == [accepted.order_id]
            assert to_recipient(gateway, account, start=start).total == 1

    def test_backwards_is_empty(self, gateway, account):
        an_order(gateway, account)
        assert history(gateway, account, END, BEGINNING) == Page(0, [])

    def test_pages(self, gateway, account, clock):
        taken = []
        for _ in range(5):
            taken.append(an_order(gateway, account).order_id)
            clock.forward(seconds=1)
        for newest_first, wanted in ((False, taken), (True, taken[::-1])):
            pages = [history(gateway, account, MORNING, clock.now(), offset, 2, newest_first) for offset in (0, 2, 4, 6)]
            assert [page.total for page in pages] == [5, 5, 5, 5]
            assert [name for page in pages for name in ids(page)] == wanted

    def test_is_each_account_s_own(self, gateway, account):
        an_order(gateway, account)
        assert history(gateway, an_account(gateway), BEGINNING, END).total == 0

    def test_an_order_is_found_by_when_it_was_taken_not_by_when_it_is_due(self, gateway, account, clock):
        an_order(gateway, account, due_at=clock.now() + timedelta(days=1))
        assert history(gateway, account, MORNING, MORNING).total == 1


class TestRecipientHistory:
    def test_holds_each_message_with_its_order(self, gateway, account, clock):
        first = an_order(gateway, account, [*recipients(2), RECIPIENT])
        clock.forward(seconds=1)
        second = an_order(gateway, account, client_ref="second")
        an_order(gateway, account, recipients(1))
        page = to_recipient(gateway, account)
        assert [(order.id.hex, message.recipient, message.position) for order, message in page.rows] == [
            (first.order_id, RECIPIENT, 2),
            (second.order_id, RECIPIENT, 0),
        ]
        assert page.total == 2
        newest = to_recipient(gateway, account, newest_first=True, limit=1)
        assert [order.client_ref for order, _ in newest.rows] == ["second"]

    def test_twice_in_one_order(self, gateway, account):
        an_order(gateway, account, [RECIPIENT, RECIPIENT], texts=["one", "two"])
        page = to_recipient(gateway, account)
        assert [message.own_text for _, message in page.rows] == ["one", "two"]
        assert [message.own_text for _, message in to_recipient(gateway, account, offset=1).rows] == ["two"]

    def test_of_a_stranger(self, gateway, account):
        an_order(gateway, an_account(gateway))
        assert to_recipient(gateway, account).total == 0
        assert to_recipient(gateway, account, "+39").total == 0


class TestIds:
    """Ids carry the very millisecond, whatever it is: a float's rounding would lose an order from its history."""

    def test_hold_the_exact_millisecond(self):
        for milliseconds in (0, 1, 1_091_909_755_439, 1_767_600_000_123, 7_258_118_399_999, *range(1_091_909_755_000, 1_091_909_756_000)):
            moment = BEGINNING + timedelta(milliseconds=milliseconds)
            for late in (0, 999):
                made = uuid7(moment + timedelta(microseconds=late), bytes(10))
                assert made.int >> 80 == milliseconds
                assert (made.version, made.variant) == (7, "specified in RFC 4122")

    def test_before_1970_sort_before_everything(self):
        assert first_uuid7(BEGINNING - timedelta(days=1)) == first_uuid7(BEGINNING)
        assert first_uuid7(BEGINNING) < uuid7(BEGINNING, b"\xff" * 10) < first_uuid7(BEGINNING + MILLISECOND)


class TestCredit:
    def test_balance_and_prices(self, gateway, clock):
        account = an_account(gateway, credit=7)
        found, prices = orders.credit(gateway, account.id)
        assert found.balance == 7000
        assert prices == dict.fromkeys(MessageType, 1000)

    def test_a_type_sold_to_some_only_has_no_price(self, gateway, account):
        with gateway.writing() as session:
            session.connection().exec_driver_sql("UPDATE tariffs SET prefix = '39' WHERE message_type = 'high'")
            assert pricing.tariffs(session)
        _, prices = orders.credit(gateway, account.id)
        assert prices[MessageType.HIGH] is None
        assert prices[MessageType.LOW] == 1000
