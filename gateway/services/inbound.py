"""What comes from handsets: stored once, given to its account, and acted on where it is a keyword."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.domain import ids, msisdn
from gateway.domain.assembly import cleaned, cut, is_msisdn, is_number, kept, moment, part_of, whole
from gateway.domain.errors import InvalidRecipient
from gateway.domain.inbound import Inbound, InboundKind, PartOf
from gateway.domain.keywords import Keyword, keyword_of
from gateway.services import threads
from gateway.services.callbacks import outbox
from gateway.services.core import Gateway
from gateway.services.threads import Received
from gateway.storage import inbound as stored
from gateway.storage import optouts
from gateway.storage.inbound import PartSet
from gateway.storage.tables import InboundPart

UNFINISHED = timedelta(days=1)
"""How long the parts of a message wait for the others."""
KNOWN = timedelta(hours=1)
"""How long parts are kept to know a repeat, once their message is stored. Longer, and another message that happens to have the same
reference would more often be taken for one."""
BATCH = 100
BY_STOP = "STOPSMS"
LONGEST_SENDER, LONGEST_RECIPIENT, LONGEST_SIM, LONGEST_NAME = 32, 17, 8, 255
LEAST_DIGITS = 8
"""Senders of so many digits and more, without plus, are telephone numbers; shorter ones are short codes (contract httpsms 1.4)."""
WRITTEN = frozenset({InboundKind.SMS, InboundKind.MMS})
"""Kinds that a person wrote, and so may be a keyword."""
SHOWN = WRITTEN | {InboundKind.CALL}
"""Kinds that conversations show."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A whole message with what tells a repeat from another. ``account_id`` and ``keyword`` are known once they were looked up."""

    connector: str
    message: Inbound
    fingerprint: bytes
    account_id: int | None = None
    keyword: Keyword | None = None
    public_id: UUID = field(default=UUID(int=0))


def receive(session: Session, connector: str, came: Sequence[Inbound], now: datetime, account_id: int | None = None) -> list[UUID | None]:
    """Stores what came in by a connector, in the caller's transaction. A repeat changes nothing.

    Args:
        account_id: whose handset brought it, where that is known. Otherwise the number it came to decides: one given to an account, a
            phone of one account, else the account that the connector's other messages are for; else it is nobody's.

    Returns:
        The id of each message, of a repeat that of the first; None for a part whose message is not whole yet.
    """
    arrivals: dict[int, Arrival] = {}
    parts: list[tuple[int, Inbound, PartOf]] = []
    for place, given in enumerate(came):
        message, part = _cleaned(given, now), part_of(given.part)
        if part is None:
            arrivals[place] = Arrival(connector, message, _fingerprint(connector, given, message.at, account_id))
        else:
            parts.append((place, message, part))
    torn: list[Arrival] = []
    for key, members in _sets(connector, parts):
        _put_together(session, key, members, arrivals, torn, now)
    found = _store(session, [*torn, *(arrivals[place] for place in sorted(arrivals))], now, account_id)
    return [found[arrivals[place].fingerprint] if place in arrivals else None for place in range(len(came))]


def complete_stale(gateway: Gateway) -> int:
    """Stores what there is of long messages whose other parts did not come within a day, and forgets parts that are stored long since.

    Returns:
        The number of messages that were stored so.
    """
    now = gateway.clock.now()
    unfinished, known = now - UNFINISHED, now - KNOWN
    with gateway.reading() as session:
        if not stored.has_stale(session, unfinished, known):
            return 0
    torn: list[Arrival] = []
    with gateway.writing() as session:
        for key in stored.stale_sets(session, unfinished, known, BATCH):
            stored.lock_set(session, key)
            rows = stored.parts_of(session, key)
            waiting = {place: row for place, row in rows.items() if row.stored_at is None}
            if waiting and min(row.received_at for row in waiting.values()) < unfinished:
                torn.append(_joined(key, waiting, now))
            for row in rows.values():
                if row.stored_at is not None and row.stored_at < known:
                    session.delete(row)
        session.flush()
        _store(session, torn, now)
    return len(torn)


# --- Reading what came


def _cleaned(given: Inbound, now: datetime) -> Inbound:
    """The message as the database takes it; what had to be changed can be seen."""
    return replace(
        given,
        sender=cut(given.sender.strip(), LONGEST_SENDER),
        recipient=cut(given.recipient.strip(), LONGEST_RECIPIENT) if given.recipient else None,
        text=given.text if part_of(given.part) else cleaned(given.text),
        at=moment(given.at, now),
        sim=cut(given.sim, LONGEST_SIM) if given.sim else None,
        attachments=[
            replace(
                each, name=cut(each.name, LONGEST_NAME), content_type=cut(each.content_type, LONGEST_NAME), content=cleaned(each.content)
            )
            for each in given.attachments
        ],
    )


def _fingerprint(connector: str, given: Inbound, at: datetime, account_id: int | None) -> bytes:
    """What tells a repeat: the provider's id, else all that is the sender's. Where an account's own handset brought it, no other's
    message is a repeat of it.
    """
    named = ["id", given.provider_id]
    said = ["said", given.kind.value, given.sender, given.recipient or "", at.isoformat(), given.text]
    return _digest([connector, *([] if account_id is None else [account_id]), *(named if given.provider_id else said)])


def _digest(words: Sequence[str | int]) -> bytes:
    return hashlib.sha256(json.dumps(words).encode()).digest()


# --- Long messages


def _sets(connector: str, parts: Iterable[tuple[int, Inbound, PartOf]]) -> list[tuple[PartSet, list[tuple[int, Inbound, int]]]]:
    """The parts by the message that they belong to, in one order for everybody, so that nobody waits in a circle."""
    found: dict[PartSet, list[tuple[int, Inbound, int]]] = {}
    for place, message, part in parts:
        key = PartSet(connector, message.sender, message.recipient or "", part.reference, part.total)
        found.setdefault(key, []).append((place, message, part.position))
    return sorted(found.items())


def _put_together(
    session: Session,
    key: PartSet,
    members: Sequence[tuple[int, Inbound, int]],
    arrivals: dict[int, Arrival],
    torn: list[Arrival],
    now: datetime,
) -> None:
    """Keeps parts of one message; once all are there, it arrives with the last of them.

    A part that differs from the one kept in its place is of a later message under the same reference: what there is of the earlier
    one is then stored as it is.
    """
    stored.lock_set(session, key)
    rows = stored.parts_of(session, key)
    for place, message, position in members:
        before = rows.get(position)
        text = kept(message.text)
        if before is not None and before.text == text:
            continue
        if before is not None:
            waiting = {each: row for each, row in rows.items() if row.stored_at is None}
            torn += [_joined(key, waiting, now)] if waiting else []
            session.flush()
            for row in rows.values():
                session.delete(row)
            session.flush()
            rows = {}
        rows[position] = InboundPart(**key._asdict(), position=position, text=text, at=message.at, received_at=now)
        session.add(rows[position])
        waiting = {each: row for each, row in rows.items() if row.stored_at is None}
        if len(waiting) == key.total:
            arrivals[place] = _joined(key, waiting, now, message)
    session.flush()


def _joined(key: PartSet, parts: Mapping[int, InboundPart], now: datetime, last: Inbound | None = None) -> Arrival:
    """The message of these parts, which are stored with it. ``last`` tells what a kept part does not."""
    text = whole({position: row.text for position, row in parts.items()}, key.total)
    first = min(parts)
    message = Inbound(key.sender, key.recipient or None, text, parts[first].at)
    if last is not None:
        message = replace(last, text=text, at=parts[first].at, part=None)
    begun = min(row.received_at for row in parts.values())
    for row in parts.values():
        row.stored_at = now
    return Arrival(key.connector, message, _digest([*key, begun.isoformat(), text]))


# --- Storing


def _store(session: Session, arrivals: Sequence[Arrival], now: datetime, account_id: int | None = None) -> dict[bytes, UUID]:
    """Stores messages that are whole and does what they ask for; the ids by fingerprint.

    Locks are taken in one order by everybody: messages, opt-outs, conversations. Messages are stored in the order in which they came, so of
    two batches that hold the same messages the second waits at the door.
    """
    distinct = {each.fingerprint: each for each in arrivals}
    if not distinct:
        return {}
    if len(distinct) > 1:
        stored.lock_connectors(session, {each.connector for each in distinct.values()})
    known = {each.fingerprint: each for each in _placed(session, list(distinct.values()), account_id, now)}
    owners = {each.account_id for each in known.values() if each.account_id and each.keyword}
    replies = stored.replies(session, owners)
    new = stored.insert(session, [_row(each, now, replies) for each in known.values()])
    fresh = [each for fingerprint, each in known.items() if fingerprint in new]
    _opt(session, fresh, now)
    threads.touch_received(session, [_said(each) for each in fresh if each.account_id and each.message.kind in SHOWN], now)
    outbox.inbound(session, [each.public_id for each in fresh], now)
    return {each.fingerprint: each.public_id for each in fresh} | stored.ids_of(session, distinct.keys() - new)


def _placed(session: Session, arrivals: Sequence[Arrival], account_id: int | None, now: datetime) -> list[Arrival]:
    """The messages with their accounts, senders written as E.164 where they can be read so, and keywords."""
    owners = [account_id] * len(arrivals) if account_id else _owners(session, arrivals)
    national = {owner for each, owner in zip(arrivals, owners, strict=True) if owner and _is_national(each.message.sender)}
    regions = stored.regions(session, national)
    placed = []
    for each, owner in zip(arrivals, owners, strict=True):
        message = each.message
        if owner in regions and _is_national(message.sender):
            message = replace(message, sender=_e164(message.sender, regions[owner]))
        keyword = keyword_of(message.text) if message.kind in WRITTEN and not message.is_encrypted else None
        placed.append(replace(each, message=message, account_id=owner, keyword=keyword, public_id=new_id(now)))
    return placed


def _said(arrival: Arrival) -> Received:
    message = arrival.message
    return Received(arrival.account_id or 0, message.recipient or "", message.sender, arrival.public_id, message.text)


def _owners(session: Session, arrivals: Sequence[Arrival]) -> list[int | None]:
    numbers = {each.message.recipient for each in arrivals if each.message.recipient}
    given = stored.numbers_of(session, numbers)
    phones = stored.phones_of(session, numbers - given.keys())
    others = stored.connector_accounts(session, {each.connector for each in arrivals})
    found: list[int | None] = []
    for each in arrivals:
        registered = phones.get(each.message.recipient or "", [])
        # A number that several accounts registered is that account's whose phone is on this very connector.
        mine = registered if len(registered) == 1 else [owner for owner in registered if owner.connector == each.connector]
        owner = given.get(each.message.recipient or "") or (mine[0].account_id if len(mine) == 1 else None)
        found.append(owner or others.get(each.connector))
    return found


def _is_national(sender: str) -> bool:
    return sender.isascii() and sender.isdigit() and len(sender) >= LEAST_DIGITS


def _e164(sender: str, region: str) -> str:
    try:
        return msisdn.normalise(sender, region)
    except InvalidRecipient:
        return sender


def _row(arrival: Arrival, now: datetime, replies: Mapping[tuple[int, str], str]) -> dict[str, Any]:
    message, keyword = arrival.message, arrival.keyword
    answers = keyword and (arrival.account_id or 0, keyword.value) in replies and is_msisdn(message.sender)
    return {
        "public_id": arrival.public_id,
        "account_id": arrival.account_id,
        "connector": arrival.connector,
        "kind": message.kind.value,
        "sender": message.sender,
        "recipient": message.recipient,
        "text": message.text,
        "is_encrypted": message.is_encrypted,
        "sim": message.sim,
        "attachments": [
            {"name": each.name, "content_type": each.content_type, "content": each.content} for each in message.attachments
        ] or None,
        "keyword": keyword and keyword.value,
        "at": message.at,
        "received_at": now,
        "fingerprint": arrival.fingerprint,
        "fetched_at": now if message.kind is InboundKind.CALL else None,  # a missed call is no message that a program would fetch
        "reply_due_at": now if answers else None,
    }  # fmt: skip


def _opt(session: Session, fresh: Sequence[Arrival], now: datetime) -> None:
    """STOP and START, the last word of each sender counts. START takes back what STOP did, not what the account itself decided."""
    last: dict[optouts.Refusing, Keyword] = {}
    for each in fresh:
        if each.keyword in (Keyword.STOP, Keyword.START) and is_number(each.message.sender):
            last[each.account_id or optouts.EVERYBODY, each.message.sender] = each.keyword
    optouts.add(session, [key for key, word in last.items() if word is Keyword.STOP], BY_STOP, now)
    optouts.remove(session, [key for key, word in last.items() if word is Keyword.START], BY_STOP)


def new_id(now: datetime) -> UUID:
    """An id that sorts by its time, in the form of an order's, so that conversations can compare the two."""
    return ids.order_id(now, os.urandom(ids.RANDOM_BYTES))
