"""Numbers that an account sends from. Such a number need not be a handset: any that a connector serves will do.

Source: contract httpsms 1.4, 3 ("Throttling and scheduling") and 5.2.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.domain import msisdn
from gateway.domain.errors import InvalidField, InvalidRecipient
from gateway.domain.pace import Pace, interval_seconds
from gateway.services.core import Gateway
from gateway.storage import phones as stored
from gateway.storage.phones import PhoneFound

LEAST_DIGITS_WITHOUT_PLUS = 10


def find(gateway: Gateway, account_id: int, number: str) -> PhoneFound | None:
    """The account's phone with this number (E.164, compared exactly); None: it has none. One statement, never from memory."""
    return stored.find(gateway.engine, account_id, number)


def pace_of(gateway: Gateway, phone: PhoneFound) -> Pace | None:
    """The rhythm in which the number may send; None when it may at any time.

    A zone that the machine's zone data no longer knows counts as the gateway's default zone: sending late is better than never.
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


def _zone(name: str | None, default: ZoneInfo) -> ZoneInfo:
    try:
        return ZoneInfo(name) if name else default
    except (ZoneInfoNotFoundError, ValueError):
        return default
