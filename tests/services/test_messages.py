"""Deleting single messages while a dispatcher is at them."""

from __future__ import annotations

import threading
from uuid import UUID

from flask import Flask

from gateway.dispatcher.lanes import shares
from gateway.domain import ids
from gateway.domain.errors import NotFound
from gateway.services import dispatching, ledger
from gateway.services import messages as service
from gateway.services.core import Gateway
from tests.support.builders import an_account, an_order, balance, messages, recipients

OWNER = "+18005550199"
COUNT = 40


def test_a_message_is_either_sent_or_paid_back(app: Flask, gateway: Gateway) -> None:
    account = an_account(gateway, credit=COUNT)
    order = an_order(gateway, account, recipients(COUNT), originator=OWNER).id
    claimed: list[UUID] = []
    ready = threading.Barrier(2)

    def claim() -> None:
        with app.app_context():
            ready.wait()
            while found := dispatching.claim(gateway, "simulator", 3, shares):
                claimed.extend(ids.message_id(each.key.order_id, each.key.position) for each in found)

    def delete() -> None:
        with app.app_context():
            ready.wait()
            for position in reversed(range(COUNT)):
                service.delete(gateway, account.id, ids.message_id(order, position))

    threads = [threading.Thread(target=each) for each in (claim, delete)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = messages(gateway)
    sent = {ids.message_id(row.order_id, row.position) for row in rows if row.state == "sending"}
    assert sent == set(claimed) and len(claimed) == len(sent)
    assert {row.state for row in rows} <= {"sending", "cancelled"} and all(row.hidden_at for row in rows)
    assert balance(gateway, account) == COUNT - len(sent)
    assert list(ledger.verify(gateway)) == []


def test_two_who_delete_the_same_message_pay_it_back_once(app: Flask, gateway: Gateway) -> None:
    account = an_account(gateway, credit=COUNT)
    order = an_order(gateway, account, recipients(COUNT), originator=OWNER).id
    ready = threading.Barrier(4)
    missing: list[int] = []

    def delete() -> None:
        with app.app_context():
            ready.wait()
            for position in range(10):
                try:
                    service.delete(gateway, account.id, ids.message_id(order, position))
                except NotFound:
                    missing.append(position)

    threads = [threading.Thread(target=delete) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(missing) == sorted(list(range(10)) * 3)
    assert balance(gateway, account) == 10
    assert list(ledger.verify(gateway)) == []
