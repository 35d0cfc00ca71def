"""Who does not want to be written to is not written to, and nobody pays for it: when the order is taken, and when it is sent."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from gateway.dispatcher.lanes import shares
from gateway.domain.handset import Terms
from gateway.domain.inbound import Inbound
from gateway.domain.message import State
from gateway.domain.sending import FailureKind, Outcome
from gateway.services import dispatching, handset_work, ledger, optouts, ordering
from gateway.services.callbacks import endpoints
from gateway.services.callbacks.endpoints import NewEndpoint
from gateway.services.core import Gateway
from gateway.services.optouts import EVERYBODY, OPTED_OUT, Listing
from gateway.storage.tables import Account, CallbackDelivery, ConnectorRow, Message
from tests.support.builders import an_account, an_order, attempts, balance, messages, recipients, set_connector, the_message

NAME = "simulator"
A, B, C = recipients(3)


@pytest.fixture(autouse=True)
def ledger_adds_up(gateway: Gateway):
    """Whatever a test did, the ledger proves itself afterwards."""
    yield
    assert list(ledger.verify(gateway)) == []


def claim(gateway: Gateway) -> list[str]:
    """Who is written to now."""
    return sorted(each.recipient for each in dispatching.claim(gateway, NAME, 1000, shares))


def states(gateway: Gateway) -> list[str]:
    return [row.state for row in messages(gateway)]


def says(gateway: Gateway, text: str, sender: str = A, account: Account | None = None, to: str | None = None) -> None:
    """A message from a handset, to the account that the connector's messages are for."""
    with gateway.writing() as session:
        session.get_one(ConnectorRow, NAME).inbound_account_id = account.id if account else None
    dispatching.record(gateway, NAME, [Inbound(sender, to, text, gateway.clock.now())])


class TestWhenAnOrderIsTaken:
    def test_the_number_is_blocked_and_not_charged_and_the_others_are_sent(self, gateway):
        account = an_account(gateway)
        optouts.add(gateway, account.id, [B])
        accepted = an_order(gateway, account, [A, B, C], "x" * 200)
        assert (accepted.recipient_count, accepted.units, accepted.parts) == (3, 4000, 2)
        assert balance(gateway, account) == 996
        first, blocked, _ = messages(gateway)
        assert (blocked.state, blocked.failure, blocked.units, blocked.parts) == (State.BLOCKED, OPTED_OUT, 0, 2)
        assert (blocked.final_at, first.state) == (gateway.clock.now(), State.QUEUED)
        assert claim(gateway) == [A, C]

    def test_texts_of_their_own_and_prices_that_differ_stay_each_one_s(self, gateway):
        account = an_account(gateway)
        optouts.add(gateway, EVERYBODY, [A])
        an_order(gateway, account, [A, B, C], texts=["one", "y" * 200, "zwei ż"])
        assert [(row.units, row.own_text, row.alphabet) for row in messages(gateway)] == [
            (0, "one", "gsm7"),
            (2000, "y" * 200, "gsm7"),
            (1000, "zwei ż", "ucs2"),
        ]

    def test_an_order_of_nobody_but_them_is_taken_and_free(self, gateway):
        account = an_account(gateway, credit=0)
        optouts.add(gateway, account.id, [A])
        assert an_order(gateway, account, [A]).units == 0
        assert claim(gateway) == []

    def test_only_this_account_s_list_and_everybody_s_count(self, gateway):
        mine, other = an_account(gateway), an_account(gateway)
        optouts.add(gateway, other.id, [A])
        optouts.add(gateway, EVERYBODY, [B])
        an_order(gateway, mine, [A, B])
        assert states(gateway) == [State.QUEUED, State.BLOCKED]

    def test_a_number_taken_off_the_list_is_written_to_again(self, gateway):
        account = an_account(gateway)
        assert optouts.add(gateway, account.id, [A, A]) == 1
        assert optouts.add(gateway, account.id, [A]) == 0
        optouts.remove(gateway, account.id, A)
        an_order(gateway, account, [A])
        assert claim(gateway) == [A]

    def test_a_scheduled_order_can_still_be_taken_back(self, gateway, clock):
        account = an_account(gateway)
        optouts.add(gateway, account.id, [A])
        order = an_order(gateway, account, [A, B], due_at=clock.now() + timedelta(hours=2))
        assert ordering.cancel(gateway, account.id, "smsend", order.public_id) == 1
        assert balance(gateway, account) == 1000

    def test_a_hundred_thousand_recipients(self, gateway):
        account = an_account(gateway, credit=200_000)
        everyone = recipients(100_000)
        optouts.add(gateway, account.id, everyone[::1000] + recipients(3000, 500_000))
        accepted = an_order(gateway, account, everyone)
        assert accepted.units == (100_000 - 100) * 1000
        with gateway.reading() as session:
            blocked = session.scalars(select(Message.recipient).where(Message.state == State.BLOCKED.value).order_by(Message.position))
            assert list(blocked) == everyone[::1000]

    def test_an_order_asks_nothing_while_nobody_opted_out(self, gateway, monkeypatch):
        monkeypatch.setattr("gateway.storage.optouts.among", lambda *_: pytest.fail("asked"))
        an_order(gateway, an_account(gateway))
        assert states(gateway) == [State.QUEUED]


class TestWhenAMessageIsSent:
    def test_stop_in_the_meantime_blocks_and_pays_back_whatever_the_policy(self, gateway, clock):
        set_connector(gateway, refund_policy="none")
        account = an_account(gateway)
        an_order(gateway, account, [A, B], due_at=clock.now() + timedelta(hours=1))
        says(gateway, "Stop", A, account)
        clock.forward(hours=1)
        assert claim(gateway) == [B]
        stopped = messages(gateway)[0]
        assert (stopped.state, stopped.failure, stopped.attempts) == (State.BLOCKED, OPTED_OUT, 0)
        assert (stopped.final_at, stopped.lease_until, stopped.refunded_units) == (clock.now(), None, 1000)
        assert [row.position for row in attempts(gateway)] == [1]
        assert balance(gateway, account) == 999

    def test_the_account_s_program_is_told(self, gateway):
        account = an_account(gateway, "acme")
        endpoints.add(gateway, NewEndpoint("acme", "native", "https://example.org/hook", events=["message.blocked"]))
        an_order(gateway, account, [A, B])
        optouts.add(gateway, account.id, [A])
        assert claim(gateway) == [B]
        with gateway.reading() as session:
            assert list(session.scalars(select(CallbackDelivery.event))) == ["message.blocked"]

    def test_several_orders_and_accounts_each_get_theirs_back(self, gateway):
        one, two = an_account(gateway), an_account(gateway)
        for account in (one, two):
            an_order(gateway, account, [A, B, C], "x" * 200)
            an_order(gateway, account, [A], priority=1)
        optouts.add(gateway, EVERYBODY, [A])
        optouts.add(gateway, two.id, [C])
        assert claim(gateway) == [B, B, C]
        assert (balance(gateway, one), balance(gateway, two)) == (996, 998)

    def test_telephones_that_fetch_their_work_get_none_of_it(self, gateway):
        account = an_account(gateway)
        an_order(gateway, account, [A, B, C])
        an_order(gateway, account, [A], priority=1)
        optouts.add(gateway, account.id, [A])
        handset_work.fetch(gateway, NAME, Terms(most=2))
        assert {each.outgoing.recipient for each in handset_work.fetch(gateway, NAME, Terms())} == {B, C}
        assert balance(gateway, account) == 998

    def test_a_retry_is_held_back_and_keeps_the_try_that_was(self, gateway, clock):
        account = an_account(gateway)
        an_order(gateway, account, [A])
        (outgoing,) = dispatching.claim(gateway, NAME, 10, shares)
        dispatching.record(gateway, NAME, [Outcome.failed(outgoing.key, FailureKind.RETRY_LATER, "8")])
        optouts.add(gateway, account.id, [A])
        clock.forward(hours=1)
        assert claim(gateway) == []
        assert (the_message(gateway).state, the_message(gateway).attempts) == (State.BLOCKED, 1)
        assert len(attempts(gateway)) == 1

    def test_stop_at_the_same_moment_as_orders(self, app, gateway):
        """Whatever comes first: no message leaves once STOP was recorded, and each is either paid for or blocked."""
        account = an_account(gateway)

        def sends() -> None:
            with app.app_context():
                for _ in range(10):
                    an_order(gateway, account, [A, B])

        def stops() -> None:
            with app.app_context():
                says(gateway, "STOP", A, account)

        threads = [threading.Thread(target=each) for each in (sends, sends, stops)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert claim(gateway) == [B] * 20
        assert [row.state for row in messages(gateway) if row.recipient == A] == [State.BLOCKED] * 20
        assert balance(gateway, account) == 980


class TestStopAndStart:
    def test_stop_is_for_the_account_that_the_message_came_to(self, gateway):
        mine, other = an_account(gateway), an_account(gateway)
        says(gateway, " désabonner! ", A, mine)
        an_order(gateway, mine, [A])
        an_order(gateway, other, [A])
        assert {row.account_id: row.state for row in messages(gateway)} == {mine.id: State.BLOCKED, other.id: State.QUEUED}

    def test_stop_to_nobody_s_number_is_for_every_account(self, gateway):
        says(gateway, "BASTA", A, None)
        an_order(gateway, an_account(gateway), [A])
        assert states(gateway) == [State.BLOCKED]

    def test_start_takes_it_back_but_not_what_the_account_decided(self, gateway):
        account = an_account(gateway)
        optouts.add(gateway, account.id, [B])
        for text in ("stop", "start"):
            says(gateway, text, A, account)
            says(gateway, text, B, account)
        _, rows = optouts.page(gateway, Listing(account.id), 0, 10)
        assert [(row.number, row.origin) for row in rows] == [(B, "API")]

    def test_the_last_word_counts_also_within_one_batch(self, gateway):
        account = an_account(gateway)
        with gateway.writing() as session:
            session.get_one(ConnectorRow, NAME).inbound_account_id = account.id
        now = gateway.clock.now()
        came = [Inbound(A, None, text, now, provider_id=str(number)) for number, text in enumerate(("stop", "start", "stop"))]
        came += [Inbound(B, None, text, now, provider_id=f"b{number}") for number, text in enumerate(("stop", "start"))]
        dispatching.record(gateway, NAME, came)
        _, rows = optouts.page(gateway, Listing(account.id), 0, 10)
        assert [(row.number, row.origin) for row in rows] == [(A, "STOPSMS")]

    def test_a_sender_that_is_no_number_opts_out_of_nothing(self, gateway):
        says(gateway, "STOP", "DHL", an_account(gateway))
        assert optouts.latest(gateway, None, None, 10, of_everybody=False) == []
