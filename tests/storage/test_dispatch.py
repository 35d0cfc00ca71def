"""Claiming under contention, and by the right index."""

from __future__ import annotations

import threading
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from gateway.dispatcher.lanes import shares
from gateway.domain.message import State
from gateway.domain.receipt import Receipt
from gateway.domain.sending import Outcome
from gateway.services import dispatching, ledger
from gateway.storage import dispatch, receipts
from gateway.storage.batch import BatchStatement, join_by_key
from gateway.storage.db import db
from gateway.storage.driver import sqlite_value
from tests.support.builders import an_account, an_order, attempts, recipients
from tests.support.databases import MORNING

FINISHED = 200_000


def test_three_claimers_never_get_the_same_message(app, gateway):
    account = an_account(gateway, credit=5000)
    for number in range(20):
        an_order(gateway, account, recipients(100, number * 100))
    taken: list[list] = [[], [], []]
    together = threading.Barrier(3)

    def work(mine: list) -> None:
        with app.app_context():
            together.wait()
            while claimed := dispatching.claim(gateway, "simulator", 40, shares):
                mine += claimed
                dispatching.record(gateway, "simulator", [Outcome.accepted(each.key, each.recipient) for each in claimed])

    threads = [threading.Thread(target=work, args=(mine,)) for mine in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # A claimer may stop early when the others hold all that waits at that moment; nothing is lost by it.
    taken.append(dispatching.claim(gateway, "simulator", 2000, shares))
    keys = [each.key for mine in taken for each in mine]
    assert len(keys) == len(set(keys)) == 2000
    assert len(attempts(gateway)) == 2000
    assert list(ledger.verify(gateway)) == []


@pytest.mark.slow
def test_a_claim_uses_the_partial_index_whatever_the_history(gateway, clock):
    an_order(gateway, an_account(gateway), recipients(50))
    sqlite = gateway.settings.is_sqlite
    numbers = (
        "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < :most)"
        if sqlite
        else "WITH s(n) AS (SELECT generate_series(1, :most))"
    )
    order_id = "'0191' || printf('%028d', n)" if sqlite else "('0191' || lpad(n::text, 28, '0'))::uuid"
    with gateway.writing() as session:
        session.execute(
            text(f"""
                INSERT INTO messages (account_id, order_id, position, recipient, parts, units, state, connector, priority, due_at)
                {numbers} SELECT 1000, {order_id}, 0, '+393470000000', 1, 0, 'delivered', 'simulator', 2, :due FROM s
            """),
            {"most": FINISHED, "due": "2026-01-01 00:00:00.000000" if sqlite else clock.now() - timedelta(days=4)},
        )
    with db.engine.connect() as connection:
        connection.execute(text("ANALYZE"))
        connection.commit()
        assert "ix_messages_waiting" in _plan(connection, sqlite)
    assert len(dispatching.claim(gateway, "simulator", 20, shares)) == 20


def _plan(connection, sqlite: bool) -> str:
    statement = dispatch._CLAIM_SQLITE.sqlite if sqlite else dispatch._CLAIM.postgresql
    moment = "2026-01-05 08:00:00.000000" if sqlite else "2026-01-05T08:00:00Z"
    params = {"connector": "simulator", "priority": 2, "most": 20, "now": moment, "lease_until": moment}
    explain = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "
    return "\n".join(str(row) for row in connection.exec_driver_sql(explain + statement, params))


@pytest.mark.parametrize(
    ("name", "index", "params"),
    [
        ("_FORGET", "ix_receipts_parked", {"before": MORNING, "most": 500}),
        ("_FORGETTABLE", "ix_receipts_parked", {"before": MORNING}),
        ("_FIND_LATE", "ix_receipts_parked", {"most": 500}),
    ],
)
def test_parked_receipts_are_found_by_their_own_index(gateway, name, index, params):
    _store_receipts(gateway, 3000)
    with gateway.writing() as session:
        session.execute(text("ANALYZE receipts"))
        plan = _explain(session, getattr(receipts, name), params)
    assert index in plan and "SCAN receipts\n" not in plan + "\n" and "SCAN r\n" not in plan + "\n"


def test_a_message_s_receipts_are_found_by_its_key(gateway):
    _store_receipts(gateway, 3000)
    find = BatchStatement("SELECT id FROM receipts WHERE account_id = :account_id AND order_id = :order_id AND position <= :last")
    with gateway.writing() as session:
        session.execute(text("ANALYZE receipts"))
        plan = _explain(session, find, {"account_id": 1000, "order_id": UUID(int=7), "last": 5})
    assert "ix_receipts_message" in plan


def test_a_page_of_awaited_receipts_is_found_by_the_index(gateway):
    an_order(gateway, an_account(gateway), recipients(50))
    params = {"connector": "simulator", "sent_before": MORNING, "most": 500}
    params |= {"due": MORNING, "account_id": 1000, "order_id": UUID(int=7), "position": 0}
    with gateway.writing() as session:
        join_by_key(session)
        plan = _explain(session, dispatch._AWAITING, params)
    assert "ix_messages_receipt_due" in plan
    assert "receipt_due_at>?" in plan or "Index Cond: " in plan


def test_messages_are_looked_up_by_name_though_the_table_was_never_analysed(gateway):
    """A batch of names may not turn into a walk through all messages of the connector, one comparison for each name."""
    an_order(gateway, an_account(gateway), recipients(50))
    params = {"connector": "simulator", "smsc_message_id": ["a", "b"], "rows": '[["a"], ["b"]]'}
    with gateway.writing() as session:
        join_by_key(session)
        plan = _explain(session, dispatch._HOLD_NAMED, params)
    assert "ix_messages_smsc_message_id" in plan
    assert "Nested Loop" not in plan and "SCAN m" not in plan


def _store_receipts(gateway, count: int) -> None:
    """Many of messages, three of nobody's."""
    came = [Receipt(f"name {number}", State.DELIVERED, MORNING, "000") for number in range(count)]
    with gateway.writing() as session:
        receipts.store(session, "simulator", [(each, (1000, UUID(int=n), 0)) for n, each in enumerate(came)], MORNING)
        receipts.store(session, "simulator", [(each, None) for each in came[:3]], MORNING)


def _explain(session, statement: BatchStatement, params: dict) -> str:
    """The steps of the plan, a line for each."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        values = {key: sqlite_value(value) for key, value in params.items()}
        return "\n".join(row[3] for row in connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement.sqlite, values))
    return "\n".join(row[0] for row in connection.exec_driver_sql("EXPLAIN " + statement.postgresql, params))
