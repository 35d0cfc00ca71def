"""Prices: message type and destination prefix → units per part."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from gateway.domain.errors import DestinationNotServed


class MessageType(enum.StrEnum):
    """What the customer buys. Each dialect maps its own tokens to these. Source: contract smsend 3.1."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    FOREIGN = "foreign"
    ADVERTISING = "advertising"


@dataclass(frozen=True, slots=True)
class Tariff:
    """One row: ``units_per_part`` (whole units, 0 or more) to numbers that begin with ``prefix``, from ``valid_from`` on.

    ``prefix`` is digits without plus; "" means everywhere. Raises ValueError for anything else and for a naive date.
    """

    message_type: MessageType
    prefix: str
    units_per_part: int
    valid_from: datetime

    def __post_init__(self) -> None:
        if self.prefix and not (self.prefix.isascii() and self.prefix.isdigit() and len(self.prefix) <= 15):
            raise ValueError("a prefix is up to 15 digits")
        if self.units_per_part < 0:
            raise ValueError("a price is not negative")
        if self.valid_from.utcoffset() is None:
            raise ValueError("valid_from must be aware")


class _Table:
    """Prices of one message type. Keys carry the plus, so that a look-up is one slice of the number."""

    __slots__ = ("_by_prefix", "_lengths", "everywhere")

    def __init__(self, units_by_prefix: dict[str, int]) -> None:
        self.everywhere = units_by_prefix.get("")
        self._by_prefix = {"+" + prefix: units for prefix, units in units_by_prefix.items() if prefix}
        self._lengths = sorted({len(prefix) for prefix in self._by_prefix}, reverse=True)

    def find(self, msisdn: str) -> int | None:
        for length in self._lengths:
            units = self._by_prefix.get(msisdn[:length])
            if units is not None:
                return units
        return self.everywhere


class PriceList:
    """The prices in force at one moment.

    Of several rows for the same type and prefix the newest that has begun counts; of two with the same date, the later
    one in ``tariffs``. Rows of the future are ignored. Raises ValueError for a naive ``at``.
    """

    __slots__ = ("_tables",)

    def __init__(self, tariffs: Iterable[Tariff], at: datetime) -> None:
        if at.utcoffset() is None:
            raise ValueError("at must be aware")
        begun = sorted((tariff for tariff in tariffs if tariff.valid_from <= at), key=lambda tariff: tariff.valid_from)
        rows: dict[MessageType, dict[str, int]] = {}
        for tariff in begun:
            rows.setdefault(tariff.message_type, {})[tariff.prefix] = tariff.units_per_part
        self._tables = {message_type: _Table(prices) for message_type, prices in rows.items()}

    def units_per_part(self, message_type: MessageType, msisdn: str) -> int:
        """Units for one part to ``msisdn`` (E.164 with plus): the row with the longest matching prefix.

        Raises:
            DestinationNotServed: no row covers the number for this type.
        """
        table = self._tables.get(message_type)
        units = table.find(msisdn) if table else None
        if units is None:
            raise DestinationNotServed(msisdn)
        return units

    def default(self, message_type: MessageType) -> int | None:
        """Units for one part to numbers that no prefix covers, or None where only listed prefixes are served."""
        table = self._tables.get(message_type)
        return table.everywhere if table else None
