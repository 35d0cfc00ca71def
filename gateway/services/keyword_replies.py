"""Answering STOP, START and HELP: what an account wants said, and saying it.

The row of the message is the note that an answer is due, written with it in one transaction. The answer itself is an order like any
other, on the account's credit, made afterwards under an Idempotency-Key of sender, keyword and day. So a crash in between loses no
answer and sends none twice, and two machines that answer one another stop after one message each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.domain import originator
from gateway.domain.errors import GatewayError, InvalidField, InvalidOriginator, NotFound, Unavailable
from gateway.domain.keywords import REPLY_DIALECT, Keyword
from gateway.domain.order import Submission
from gateway.domain.parts import TextPolicy
from gateway.domain.tariff import MessageType
from gateway.services import ordering
from gateway.services.core import Gateway
from gateway.services.ordering import Terms
from gateway.storage import inbound as stored
from gateway.storage.identity import account_by_name
from gateway.storage.tables import Account, ConnectorRow, InboundMessage, KeywordReply
from gateway.storage.types import storable

BATCH = 100
LATE = timedelta(days=1)
"""An answer that could not be given for so long is not given any more."""
AGAIN = timedelta(minutes=1)
LONGEST_TEXT = 1000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Answer:
    """One answer to be sent: from the number that the keyword came to, by the connector it came by where that is still on."""

    account: Account
    keyword: str
    sender: str = field(repr=False)
    recipient: str = field(repr=False)
    text: str = field(repr=False)
    connector: str | None


def answer_keywords(gateway: Gateway) -> int:
    """Sends the answers that are due; how many messages were dealt with."""
    now = gateway.clock.now()
    with gateway.reading() as session:
        waiting = list(stored.unanswered(session, now, BATCH))
        answers = {row.id: _answer(session, row) for row in waiting}
        session.expunge_all()
    for row in waiting:
        answer = answers[row.id]
        done = answer is None or _sent(gateway, answer, now)
        with gateway.writing() as session:
            stored.answer_at(session, row.id, None if done or row.received_at < now - LATE else now + AGAIN)
    return len(waiting)


def of_account(gateway: Gateway, account_name: str) -> Sequence[KeywordReply]:
    """What an account answers, by keyword.

    Raises:
        NotFound: no such account.
    """
    with gateway.reading() as session:
        account = _account(session, account_name)
        rows = session.scalars(select(KeywordReply).where(KeywordReply.account_id == account.id).order_by(KeywordReply.keyword)).all()
        session.expunge_all()
        return rows


def set_reply(gateway: Gateway, account_name: str, keyword: Keyword, text: str | None) -> None:
    """Sets what an account answers to a keyword; None: nothing.

    Raises:
        NotFound: no such account.
        InvalidField: a text that is empty, too long, or not storable.
    """
    if text is not None and (not text.strip() or len(text) > LONGEST_TEXT or not storable(text)):
        raise InvalidField("text", f"must have 1 to {LONGEST_TEXT} characters")
    with gateway.writing() as session:
        account = _account(session, account_name)
        row = session.get(KeywordReply, (account.id, keyword.value), with_for_update=True)
        if text is None:
            if row is not None:
                session.delete(row)
        elif row is None:
            session.add(KeywordReply(account_id=account.id, keyword=keyword.value, text=text))
        else:
            row.text = text


def _account(session: Session, name: str) -> Account:
    account = account_by_name(session, name)
    if account is None:
        raise NotFound("account")
    return account


def _answer(session: Session, row: InboundMessage) -> _Answer | None:
    """What to answer; None: nothing any more."""
    reply = session.get(KeywordReply, (row.account_id, row.keyword))
    account = session.get(Account, row.account_id)
    if reply is None or account is None or account.status != "active" or row.keyword is None:
        return None
    connector = session.get(ConnectorRow, row.connector)
    way = row.connector if connector is not None and connector.enabled else None
    return _Answer(account, row.keyword, _originator(row.recipient) or account.default_originator or "", row.sender, reply.text, way)


def _originator(number: str | None) -> str | None:
    try:
        return originator.normalise(number) if number else None
    except InvalidOriginator:
        return None


def _sent(gateway: Gateway, answer: _Answer, now: datetime) -> bool:
    """Sends an answer, unless this sender got one to this keyword today. False: it cannot be sent now, but perhaps later."""
    day = now.astimezone(ZoneInfo(answer.account.zone)).date()
    once = hashlib.sha256("\0".join((answer.keyword, answer.recipient, day.isoformat())).encode()).digest()
    submission = Submission(
        account_id=answer.account.id,
        user_id=None,
        dialect=REPLY_DIALECT,
        message_type=MessageType.HIGH,
        type_token=MessageType.HIGH.value,
        text=answer.text,
        recipients=[answer.recipient],
        fingerprint=once,
        idempotency_key=f"{REPLY_DIALECT}:{once.hex()}",
        originator=answer.sender or None,
        label=f"answer to {answer.keyword}",
        connector=answer.connector,
    )
    try:
        ordering.submit(gateway, submission, Terms(text_policy=TextPolicy(answer.account.text_policy)))
    except Unavailable:
        return False
    except GatewayError as error:
        log.warning("keyword_not_answered", account_id=answer.account.id, keyword=answer.keyword, error=type(error).__name__)
    return True
