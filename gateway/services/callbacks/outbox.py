"""Writing down, in the transaction of an event, that programs shall be called about it: all of it is kept, or nothing is.

Whoever has no endpoint costs one look at two small tables for each batch of events. Nobody is called here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy.orm import Session

from gateway.domain import ids
from gateway.domain.callback import OF_STATE, HandsetNews, Happening, InboundNews, MessageNews, News, OperatorNews, Telephone
from gateway.domain.inbound import InboundKind
from gateway.domain.message import State
from gateway.services.callbacks.kinds import KINDS
from gateway.storage import callbacks as stored
from gateway.storage.callbacks import MessageFacts, NewDelivery, Subscriber
from gateway.storage.dispatch import Held
from gateway.storage.tables import InboundMessage
from gateway.storage.types import moment_of

UTC_ZONE = "UTC"
LONGEST_ALERT = 4000
"""In characters of JSON."""


def messages(session: Session, changed: Sequence[Held], now: datetime) -> None:
    """Messages that are about to be written back as ``changed`` says. To be called before they are: what stays as it is, is no event."""
    told = [each for each in changed if each.state in OF_STATE]
    listening = stored.subscribers(session, {each.account_id for each in told}) if told else []
    if not listening:
        return
    known = {each.account_id for each in listening}
    wanted = [each for each in told if None in known or each.account_id in known]
    before = stored.facts(session, [each.key for each in wanted])
    news = [_message(before[each.key], each, now) for each in wanted if each.key in before and before[each.key].state is not each.state]
    _write(session, listening, news, now)


def inbound(session: Session, public_ids: Collection[UUID], now: datetime) -> None:
    """Messages and missed calls that were stored under these public ids, in the caller's transaction and not before."""
    if not public_ids:
        return
    session.flush()
    rows = stored.inbound(session, public_ids)
    account_ids = {row.account_id for row in rows if row.account_id is not None}
    listening = stored.subscribers(session, account_ids) if rows else []
    if listening:
        accounts = stored.accounts(session, account_ids)
        _write(session, listening, [_inbound(row, *accounts.get(row.account_id or 0, (None, UTC_ZONE))) for row in rows], now)


def heard_of(session: Session, account_id: int, numbers: Collection[str], silence_since: datetime, now: datetime) -> None:
    """Signs of life of these numbers are about to be stored. Those that were silent since before a moment are back."""
    listening = stored.subscribers(session, [account_id])
    if not listening:
        return
    back = {number: at for number, at in stored.last_heartbeats(session, account_id, numbers).items() if at <= silence_since}
    phones = stored.phone_ids(session, account_id, back)
    for number, phone_id in sorted(phones.items()):
        _handset(session, listening, Happening.HANDSET_ONLINE, Telephone(account_id, number, str(phone_id), back[number]), now)


def handset(session: Session, happening: Happening, telephone: Telephone, now: datetime) -> None:
    """A telephone fell silent (``HANDSET_OFFLINE``) or is back (``HANDSET_ONLINE``); one that serves every account concerns the operator.

    Telling the same again of the same last sign of life changes nothing.
    """
    listening = stored.subscribers(session, [telephone.account_id])
    if listening:
        _handset(session, listening, happening, telephone, now)


def operator(session: Session, happening: Happening, data: Mapping[str, Any], now: datetime, account_id: int | None = None) -> None:
    """Something that the operator should know, such as ``ALERT_VELOCITY``. ``data`` as JSON takes it; no text of a message in it.

    ``account_id`` is whom it is about: its own endpoints are told as well.

    Raises:
        ValueError: more than 4000 characters.
    """
    if len(json.dumps(dict(data))) > LONGEST_ALERT:
        raise ValueError("an alert is short")
    listening = stored.subscribers(session, [account_id])
    if listening:
        name, zone = _account(session, account_id)
        news = OperatorNews(happening=happening, at=now, account_id=account_id, account=name, zone=zone, data=data)
        _write(session, listening, [news], now)


def _handset(session: Session, listening: Sequence[Subscriber], happening: Happening, telephone: Telephone, now: datetime) -> None:
    account, zone = _account(session, telephone.account_id)
    news = HandsetNews(
        happening=happening,
        at=now,
        account_id=telephone.account_id,
        account=account,
        zone=zone,
        owner=telephone.number,
        handset=telephone.id,
        last_at=telephone.last_at,
    )
    _write(session, listening, [news], now, once=f"{happening}:{telephone.account_id}:{telephone.id}:{telephone.last_at.isoformat()}")


def _account(session: Session, account_id: int | None) -> tuple[str | None, str]:
    found = stored.accounts(session, [account_id]) if account_id is not None else {}
    return found.get(account_id or 0, (None, UTC_ZONE))


def _write(session: Session, listening: Sequence[Subscriber], news: Sequence[News], now: datetime, once: str = "") -> None:
    """A call for each event and each endpoint that wants it.

    Args:
        once: names the only event of ``news``, so that telling it again changes nothing.
    """
    found = []
    for each in news:
        for subscriber in listening:
            told = KINDS[subscriber.kind].told(each) if _concerns(subscriber, each) else None
            if told is not None and told.event in subscriber.events:
                name = uuid5(NAMESPACE_URL, f"{subscriber.endpoint}:{once}") if once else ids.uuid7(now, os.urandom(ids.RANDOM_BYTES))
                payload = json.dumps(dict(told.payload))
                found.append(NewDelivery(name, subscriber.endpoint, each.account_id, subscriber.kind, told.event, payload))
    stored.add(session, found, now)


def _concerns(subscriber: Subscriber, news: News) -> bool:
    if subscriber.account_id is not None and subscriber.account_id != news.account_id:
        return False
    return subscriber.phone_numbers is None or news.owner in subscriber.phone_numbers


def _message(facts: MessageFacts, after: Held, now: datetime) -> MessageNews:
    at = after.sent_at if after.state is State.SENT else after.final_at
    return MessageNews(
        happening=OF_STATE[after.state],
        at=moment_of(at) if at is not None else now,
        account_id=after.account_id,
        account=facts.account,
        zone=facts.zone,
        owner=facts.originator,
        state=after.state,
        message_id=ids.message_id(after.order_id, after.position),
        order_id=after.order_id,
        client_ref=facts.client_ref,
        request_id=facts.label,
        recipient=facts.recipient,
        content=facts.content,
        parts=facts.parts,
        attempts=after.attempts,
        failure=after.failure,
        wants_receipt=facts.wants_receipt,
        is_encrypted=facts.is_encrypted,
        sim=facts.sim,
    )


def _inbound(row: InboundMessage, account: str | None, zone: str) -> InboundNews:
    files = tuple((str(each["name"]), str(each["content_type"]), bool(each["content"])) for each in row.attachments or ())
    return InboundNews(
        happening=Happening.CALL_MISSED if row.kind == InboundKind.CALL.value else Happening.INBOUND_RECEIVED,
        at=row.at,
        account_id=row.account_id,
        account=account,
        zone=zone,
        owner=row.recipient,
        inbound_id=row.public_id,
        kind=row.kind,
        sender=row.sender,
        content=row.text,
        is_encrypted=row.is_encrypted,
        sim=row.sim,
        keyword=row.keyword,
        attachments=files,
    )
