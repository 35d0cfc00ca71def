"""The questions that clients ask about single messages: what they find, and that none of them reads all history."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import Select, text
from sqlalchemy.orm import Session

from gateway.services.core import Gateway
from gateway.storage import messages as stored
from gateway.storage.messages import Search
from tests.support.builders import an_account, an_order, recipients

OWNER = "+18005550199"


@pytest.fixture
def account_id(gateway: Gateway) -> int:
    """An account with a history in which guesses would be wrong: one large order, then many small ones, all to the same few."""
    account = an_account(gateway, credit=10_000)
    an_order(gateway, account, recipients(2_000), originator=OWNER)
    for _ in range(30):
        an_order(gateway, account, recipients(3), originator=OWNER)
    with gateway.writing() as session:
        session.execute(text("ANALYZE"))
    return account.id


def plan(session: Session, query: Select) -> str:
    """The steps of the plan, a line for each."""
    connection = session.connection()
    sqlite = connection.dialect.name == "sqlite"
    compiled = query.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    statement = ("EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN ") + str(compiled)
    params = {name: value.hex if sqlite and isinstance(value, UUID) else value for name, value in compiled.params.items()}
    if sqlite:
        rows = connection.exec_driver_sql(statement, tuple(params[name] for name in compiled.positiontup or ()))
        return "\n".join(row[3] for row in rows)
    return "\n".join(row[0] for row in connection.exec_driver_sql(statement, params))


@pytest.mark.parametrize("words", ["", "morning"])
def test_a_conversation_is_found_by_its_recipient(gateway: Gateway, account_id: int, words: str) -> None:
    with gateway.reading() as session:
        steps = plan(session, stored.conversation_query(account_id, OWNER, recipients(1)[0], words).limit(20))
    assert "ix_messages_recipient" in steps
    assert "SCAN messages" not in steps and "Seq Scan on messages" not in steps and "SCAN orders" not in steps


@pytest.mark.parametrize("wanted", [Search(), Search(text="morning", owners=(OWNER,), states=("queued",), sort="contact")])
def test_a_search_walks_back_along_the_key(gateway: Gateway, account_id: int, wanted: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "LOOK_BACK", 50)
    with gateway.reading() as session:
        steps = plan(session, stored.search_query(account_id, wanted).limit(20))
        found = stored.search(session, account_id, wanted, 0, 200)
    assert "autoindex_messages" in steps or "Scan Backward using pk_messages" in steps
    assert "SCAN messages" not in steps and "Seq Scan on messages" not in steps
    assert len(found) == 50  # as far as it looks back


def test_a_conversation_is_looked_through_so_far_and_no_further(gateway: Gateway, account_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "LOOK_BACK", 10)
    with gateway.reading() as session:
        found = [order.id for order, _ in stored.conversation(session, account_id, OWNER, recipients(1)[0], "", 0, 100)]
    assert len(found) == 10 and found == sorted(found, reverse=True)
