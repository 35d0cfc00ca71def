"""One account, credit for a hundred, two hundred programs at once: over HTTP, through real gunicorn workers."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import func, select

from bench.customer import Answer, Customer, gateway_on, open_account
from gateway.services import ledger
from gateway.storage.tables import Account, Message, Order
from tests.support import gunicorn

THREADS, CREDIT = 200, 100

pytestmark = pytest.mark.slow


def test_two_hundred_at_once_send_exactly_what_is_paid_for(database_url, tmp_path):
    with gateway_on(database_url) as gateway:
        account_id = open_account(gateway, CREDIT)
    server = gunicorn.start(tmp_path, {"DRAGOMAN_DATABASE_URL": database_url, "DRAGOMAN_WEB_WORKERS": "3"})
    try:
        answers = at_once(Customer(server.port))
    finally:
        server.stop()

    accepted = [answer for answer in answers if answer.status == 201]
    refused = [answer for answer in answers if answer.status != 201]
    assert (len(accepted), len(refused)) == (CREDIT, THREADS - CREDIT)
    assert {answer.body["total_sent"] for answer in accepted} == {1}
    assert sorted(answer.body["remaining_credits"] for answer in accepted) == list(range(CREDIT))
    words = "Not enough credit: 1 needed, 0 available"
    assert all(answer == Answer(400, {"result": words, "error_code": "NOT_ENOUGH_CREDIT", "error_message": words}) for answer in refused)

    with gateway_on(database_url) as gateway:
        assert list(ledger.verify(gateway)) == []
        with gateway.reading() as session:
            assert session.get_one(Account, account_id).balance == 0
            assert session.scalar(select(func.count()).select_from(Message)) == CREDIT
            stored = {order.id.hex for order in session.scalars(select(Order))}
    assert stored == {answer.body["order_id"] for answer in accepted}


def at_once(customer: Customer) -> list[Answer]:
    """Every thread's answer; all send at the same moment."""
    gate, answers = threading.Barrier(THREADS), list[Answer]()

    def send(number: int) -> None:
        gate.wait()
        answers.append(customer.send([f"+39347{number:07d}"]))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
