"""Messages that came in, as programs fetch them."""

from __future__ import annotations

import threading

import pytest
from flask import Flask
from sqlalchemy import inspect, text

from gateway.domain.inbound import Attachment, Inbound, InboundKind
from gateway.services import inbound, received
from gateway.services.core import Gateway
from gateway.storage import inbound as stored
from gateway.storage.tables import Account
from tests.support.builders import an_account
from tests.support.databases import MORNING

COUNT, MOST = 100, 7


@pytest.fixture
def account(gateway: Gateway) -> Account:
    account = an_account(gateway)
    came = [Inbound("+393331234567", "+393330000001", "Hello", MORNING, provider_id=str(each)) for each in range(COUNT)]
    with gateway.writing() as session:
        inbound.receive(session, "acme", came, MORNING, account.id)
    return account


def test_callers_at_the_same_time_get_each_message_once(app: Flask, gateway: Gateway, account: Account):
    fetched: list[list[int]] = []

    def fetch() -> None:
        with app.app_context():
            while rows := received.take_new(gateway, account.id, None, MOST):
                fetched.append([row.id for row in rows])

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [each for some in fetched for each in some]
    assert len(ids) == len(set(ids)) == COUNT and max(map(len, fetched)) == MOST
    assert all(some == sorted(some) for some in fetched)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_no_plan_of_the_database_takes_more_than_was_asked_for(gateway: Gateway, account: Account):
    with gateway.writing() as session:
        for way in ("hashjoin", "mergejoin", "hashagg", "sort", "material"):
            session.execute(text(f"SET LOCAL enable_{way} = off"))
        assert len(stored.take_new(session, account.id, None, MORNING, MOST)) == MOST


def test_lists_of_texts_leave_the_files_where_they_are(gateway: Gateway, account: Account):
    """Ten thousand on one page may have some megabytes each."""
    files = [Attachment("a.png", "image/png", "AAAA" * 1000)]
    came = Inbound("+393331234567", "+393330000001", "Look", MORNING, InboundKind.MMS, provider_id="mms", attachments=files)
    with gateway.writing() as session:
        inbound.receive(session, "acme", [came], MORNING, account.id)
    lists = (
        received.page(gateway, received.Wanted(account.id), 0, 1, newest_first=True)[1],
        received.newer(gateway, received.Wanted(account.id, after_id=COUNT), 10),
        received.take_new(gateway, account.id, None, COUNT + 1)[-1:],
    )
    for (row,) in lists:
        assert row.text == "Look" and "attachments" in inspect(row).unloaded
