"""Numbers that an account sends from. Such a number need not be a handset: any that a connector serves will do.

Source: contract httpsms 1.4, 3 ("Throttling and scheduling") and 5.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy.orm import Session

from gateway.domain import msisdn
from gateway.domain.errors import InvalidField, InvalidRecipient, NotFound
from gateway.domain.pace import Pace, interval_seconds
from gateway.services.core import Gateway
from gateway.storage import phones as stored
from gateway.storage import schedules
from gateway.storage.identity import Caller, account_by_name
from gateway.storage.keys import hold_account
from gateway.storage.phones import PhoneFound as PhoneFound
from gateway.storage.tables import ConnectorRow
from gateway.storage.tables import Phone as Phone

LEAST_DIGITS_WITHOUT_PLUS = 10


@dataclass(frozen=True, slots=True)
class PhoneChange:
    """What to set on a phone; None leaves a value as it is, or as it is for new phones.

    ``messages_per_minute`` 0 is no limit. ``message_expiration_seconds`` is how long one attempt to send may take. "" takes away
    ``missed_call_auto_reply``, ``push_token``, ``schedule_id`` or ``connector`` (the account's usual way out then).
    """

    sim: str | None = None
    messages_per_minute: int | None = None
    max_send_attempts: int | None = None
    message_expiration_seconds: int | None = None
    missed_call_auto_reply: str | None = None
    unarchive_thread: bool | None = None
    push_token: str | None = None
    schedule_id: UUID | str | None = None
    connector: str | None = None

    def apply(self, phone: Phone) -> None:
        """Writes what is given into the row."""
        for name in self.__slots__:
            value = getattr(self, name)
            if value is not None:
                setattr(phone, name, None if value == "" else value)


def find(gateway: Gateway, account_id: int, number: str) -> PhoneFound | None:
    """The account's phone with this number (E.164, compared exactly); None: it has none. One statement, never from memory."""
    return stored.find(gateway.engine, account_id, number)


def pace_of(gateway: Gateway, phone: PhoneFound) -> Pace | None:
    """The rhythm in which the number may send; None when it may at any time.

    A zone that the machine's zone data no longer knows counts as the gateway's default zone: a shifted hour is better than no sending.
    """
    interval = interval_seconds(phone.messages_per_minute)
    if not interval and not phone.windows:
        return None
    return Pace(phone.id, interval, phone.windows, _zone(phone.zone, gateway.settings.default_zone))


def owner_number(written: str, field: str = "phone_number") -> str:
    """The number as E.164 by the owner rule: it needs a country code; ten digits and more are taken to begin with one.

    Raises:
        InvalidField: not such a number; names ``field``.
    """
    number = written.strip()
    if number.isascii() and number.isdigit() and len(number) >= LEAST_DIGITS_WITHOUT_PLUS and not number.startswith("00"):
        number = "+" + number
    try:
        return msisdn.normalise(number, None)
    except InvalidRecipient as error:
        raise InvalidField(field, error.reason) from None


def may_send_from(caller: Caller, number: str) -> bool:
    """Whether the caller's account may use this number (E.164) as a sender."""
    return caller.originators is None or number in caller.originators or number == caller.default_originator


def register(gateway: Gateway, caller: Caller, number: str, change: PhoneChange) -> Phone:
    """Makes or changes a phone of the caller's account. ``number`` is E.164.

    Raises:
        InvalidField: the account may not send from the number; no such send schedule of the account.
    """
    if not may_send_from(caller, number):
        raise InvalidField("phone_number", "is not a number that this account may send from")
    with gateway.writing() as session:
        return _kept(gateway, session, caller.account_id, number, change)


def add(gateway: Gateway, account_name: str, number: str, change: PhoneChange) -> Phone:
    """Makes or changes a phone as the operator wishes, whatever senders the account may use otherwise.

    Raises:
        InvalidField: ``number`` is not a telephone number with country code.
        NotFound: no such account or connector.
    """
    number = owner_number(number, "number")
    with gateway.writing() as session:
        if change.connector and session.get(ConnectorRow, change.connector) is None:
            raise NotFound("connector")
        return _kept(gateway, session, _account_id(session, account_name), number, change)


def remove(gateway: Gateway, account_name: str, number: str) -> Phone:
    """Takes a number away from an account. Its messages stay.

    Raises:
        InvalidField: as :func:`add`.
        NotFound: no such account, or it has no such number.
    """
    number = owner_number(number, "number")
    with gateway.writing() as session:
        phone = stored.by_number(session, _account_id(session, account_name), number)
        if phone is None:
            raise NotFound("phone")
        session.delete(phone)
        session.flush()
        session.expunge_all()
        return phone


def delete(gateway: Gateway, account_id: int, phone_id: UUID) -> None:
    """Takes a number away from an account. Its messages stay.

    Raises:
        NotFound
    """
    with gateway.writing() as session:
        phone = stored.by_id(session, account_id, phone_id)
        if phone is None:
            raise NotFound("phone")
        session.delete(phone)


def listed(gateway: Gateway, account_id: int, part: str, offset: int, limit: int) -> Sequence[Phone]:
    """Some of the phones whose number holds ``part``, newest first."""
    with gateway.reading() as session:
        rows = stored.page(session, account_id, part, offset, limit)
        session.expunge_all()
        return rows


def of_account(gateway: Gateway, account_name: str) -> Sequence[Phone]:
    """Every phone of an account, by number.

    Raises:
        NotFound: no such account.
    """
    with gateway.reading() as session:
        rows = stored.every(session, _account_id(session, account_name))
        session.expunge_all()
        return rows


def _kept(gateway: Gateway, session: Session, account_id: int, number: str, change: PhoneChange) -> Phone:
    # The phone before the account, as when an order books its time: else the two would wait for each other.
    phone = stored.hold(session, account_id, number)
    if phone is None:
        hold_account(session, account_id)
        phone = stored.hold(session, account_id, number)
    if isinstance(change.schedule_id, UUID) and schedules.by_id(session, account_id, change.schedule_id) is None:
        raise InvalidField("message_send_schedule_id", "is not the id of a send schedule of yours")
    now = gateway.clock.now()
    if phone is None:
        phone = Phone(id=uuid4(), account_id=account_id, number=number, created_at=now)
        session.add(phone)
    change.apply(phone)
    phone.updated_at = now
    session.flush()
    session.refresh(phone)
    session.expunge(phone)
    return phone


def _account_id(session: Session, name: str) -> int:
    account = account_by_name(session, name)
    if account is None:
        raise NotFound("account")
    return account.id


def _zone(name: str | None, default: ZoneInfo) -> ZoneInfo:
    try:
        return ZoneInfo(name) if name else default
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return default
