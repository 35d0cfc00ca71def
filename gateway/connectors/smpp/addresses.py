"""Numbers and senders as SMPP writes them, and back.

Source: SMPP 3.4, 5.2.5 (TON), 5.2.6 (NPI), 4.4.1 (address fields).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway.connectors.smpp import pdus
from gateway.connectors.smpp.texts import CannotSend
from gateway.domain import msisdn
from gateway.domain.errors import InvalidOriginator, InvalidRecipient
from gateway.domain.originator import OriginatorKind, kind

MOST_ADDRESS = 20
MOST_REMEMBERED = 10_000
INTERNATIONAL = 1
NATIONAL = 2
ALPHANUMERIC = 5
LEAST_WITHOUT_TON = 10  # digits; shorter ones without a type may be short codes

_e164 = re.compile(r"\+[1-9][0-9]{5,14}").fullmatch


class AddressWriter:
    """Writes originators and recipients as one carrier wants them."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._kinds = {name: (settings[f"{name}_ton"], settings[f"{name}_npi"]) for name in KINDS}
        self._originator_plus: bool = settings["originator_plus"]
        self._recipient = bytes((settings["recipient_ton"], settings["recipient_npi"]))
        self._recipient_plus: bool = settings["recipient_plus"]
        self._known: dict[str | None, bytes] = {None: b"\0\0\0"}

    def originator(self, sender: str | None) -> bytes:
        """source_addr_ton, source_addr_npi and source_addr.

        Raises:
            CannotSend: it has a character outside Latin-1, or is no sender.
        """
        found = self._known.get(sender)
        if found is None:
            if len(self._known) > MOST_REMEMBERED:
                self._known = {None: b"\0\0\0"}
            found = self._known[sender] = self._written(sender or "")
        return found

    def recipient(self, number: str) -> bytes:
        """dest_addr_ton, dest_addr_npi and destination_addr of an E.164 number."""
        digits = number if self._recipient_plus else number.removeprefix("+")
        return self._recipient + digits.encode("ascii", "replace")[:MOST_ADDRESS] + b"\0"

    def _written(self, sender: str) -> bytes:
        try:
            address = pdus.c_string((sender if self._originator_plus else sender.removeprefix("+")).encode("latin-1"), MOST_ADDRESS)
            return bytes(self._kinds[_kind(sender)]) + address
        except InvalidOriginator:
            raise CannotSend("the originator is neither a number nor a name") from None
        except ValueError:
            raise CannotSend("the originator cannot be written in SMPP (Latin-1)") from None


KINDS = {
    "alphanumeric": (5, 0),
    "international": (1, 1),
    "short_code": (3, 0),
    "national": (2, 1),
}
"""What an originator can be → TON and NPI unless set otherwise."""


def _kind(sender: str) -> str:
    match kind(sender):
        case OriginatorKind.NUMERIC:
            return "international" if sender.startswith("+") else "national"
        case other:
            return other.value


def number_of(address: pdus.Address, region: str | None) -> str:
    """E.164 with plus where the address is surely a number with its country code, or is one in ``region``; else as it came."""
    digits = address.digits.strip()
    if address.ton == ALPHANUMERIC:
        return digits
    if digits.startswith("00"):
        digits = digits[2:]
    elif not digits.startswith("+") and address.ton != INTERNATIONAL:
        if region is not None:
            return _in_region(address.digits, region)
        if address.ton == NATIONAL or len(digits) < LEAST_WITHOUT_TON:
            return digits
    found = "+" + digits.removeprefix("+")
    return found if _e164(found) else address.digits


def e164_of(address: pdus.Address, region: str | None) -> str:
    """The number, or "" where it is not surely one."""
    found = number_of(address, region)
    return found if _e164(found) else ""


def _in_region(digits: str, region: str) -> str:
    """Short codes stay as they are."""
    if len(digits) < 7:
        return digits
    try:
        return msisdn.normalise(digits, region)
    except InvalidRecipient:
        return digits
