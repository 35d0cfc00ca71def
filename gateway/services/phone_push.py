"""Telling telephones with the httpSMS program that a message waits: which are to be told, and what follows when that fails.

A message keeps waiting while its telephone was told and has not asked for it: no attempt has started. It is told again when its number's
``message_expiration_seconds`` are over, ``max_send_attempts`` times in all, then it has expired. Source: contract httpsms 3.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.domain import ids
from gateway.domain.message import WAITING, State
from gateway.domain.sending import AttemptKey
from gateway.services.core import Gateway
from gateway.services.dispatching import LANES
from gateway.services.phones import Phone
from gateway.services.settling import ended, policies, settle
from gateway.storage import dispatch
from gateway.storage import phone_work as stored
from gateway.storage.dispatch import Held, MessageKey
from gateway.storage.phone_work import Untold
from gateway.storage.types import moment_of

EXPIRATION_SECONDS, ATTEMPTS = 600, 2
"""What a stored 0 means."""
NO_ANSWER = "the telephone did not ask for the message"
NO_TOKEN = "the telephone has not registered for pushes"
AGAIN_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Push:
    """One push to make. ``ttl_seconds`` is how long it is of use."""

    key: MessageKey
    token: str = field(repr=False)
    ttl_seconds: int

    @property
    def message_id(self) -> UUID:
        """The id that the telephone will ask for."""
        return ids.message_id(self.key[1], self.key[2])


def due(gateway: Gateway, connector: str, most: int) -> list[Push]:
    """The pushes that are due for a connector, counted as made. Messages that were told of often enough expire here, and those of
    telephones that cannot be told fail.
    """
    now = gateway.clock.now()
    with gateway.reading() as session:
        phones = list(stored.phones_of(session, connector))
        waiting = [each for lane in LANES for each in stored.untold(session, connector, lane, now, most)][:most] if phones else []
        session.expunge_all()
    if not waiting:
        return []
    chosen = {each.key: _phone(phones, each) for each in waiting}
    ends = {each.key: end for each in waiting if (end := _end_of(each, chosen[each.key]))}
    with gateway.writing() as session:
        held = {key: each for key, each in _held(session, chosen).items() if moment_of(each.due_at) <= now}
        told = held.keys() - ends.keys()
        stored.tell(session, [(key, now + _life(chosen[key])) for key in told], now)
        over = [ended(each, ends[key][0], now, ends[key][1]) for key, each in held.items() if key in ends]
        settle(session, over, policies(session), now, "not sent")
    return [
        Push(each.key, chosen[each.key].push_token or "", _life(chosen[each.key]) // timedelta(seconds=1))
        for each in waiting
        if each.key in told
    ]


def refused(gateway: Gateway, push: Push, words: str) -> None:
    """The telephone cannot be told, for good: the message fails."""
    now = gateway.clock.now()
    with gateway.writing() as session:
        over = [ended(each, State.FAILED, now, words) for each in _held(session, [push.key]).values()]
        settle(session, over, policies(session), now, "not sent")


def postponed(gateway: Gateway, pushes: Sequence[Push]) -> None:
    """Nothing could be pushed now: these are made again in a while, and do not count."""
    now = gateway.clock.now()
    with gateway.writing() as session:
        stored.untell(session, [each.key for each in pushes], now, now + timedelta(seconds=AGAIN_SECONDS))


def _phone(phones: Sequence[Phone], message: Untold) -> Phone:
    """The number that a message goes out from: its own sender, else the first that the telephone has."""
    own = (phone for phone in phones if (phone.account_id, phone.number) == (message.key[0], message.originator))
    return next(own, phones[0])


def _life(phone: Phone) -> timedelta:
    return timedelta(seconds=phone.message_expiration_seconds or EXPIRATION_SECONDS)


def _end_of(message: Untold, phone: Phone) -> tuple[State, str] | None:
    """How a message ends that its telephone need not be told of any more."""
    if message.told >= (phone.max_send_attempts or ATTEMPTS):
        return State.EXPIRED, NO_ANSWER
    return None if phone.push_token else (State.FAILED, NO_TOKEN)


def _held(session: Session, keys: Collection[MessageKey]) -> dict[MessageKey, Held]:
    """Those of the messages that still wait, locked."""
    held = dispatch.hold_attempted(session, {AttemptKey(*key, 0) for key in keys})
    return {key: each for key, each in held.items() if each.state in WAITING}
