"""A message → the bodies of its submit_sm. What is the same for all of a connector's messages is put together once.

Source: SMPP 3.4, 4.4.1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from gateway.connectors.base import Outgoing
from gateway.connectors.smpp import dates, pdus
from gateway.connectors.smpp.addresses import AddressWriter
from gateway.connectors.smpp.texts import CannotSend, TextWriter

_VALIDITY: Mapping[str, Callable[[datetime, datetime], bytes]] = {
    "relative": dates.relative,
    "absolute": dates.absolute,
    "none": lambda expires_at, now: b"",
}


class SubmitWriter:
    """Writes submit_sm bodies as one carrier wants them."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._texts = TextWriter(settings)
        self._addresses = AddressWriter(settings)
        self._service_type = pdus.c_string(settings["service_type"].encode("latin-1"), 5)
        self._esm_class: int = settings["esm_class"]
        self._behind_esm_class = bytes((settings["protocol_id"], settings["priority_flag"])) + b"\0"  # and no schedule_delivery_time
        self._validity = _VALIDITY[settings["validity"]]
        self._registered: int = settings["registered_delivery"]
        self._every_part: bool = settings["receipts_for"] == "every_part"
        self._recorded = 0 if settings["recorded_part"] == "first" else -1

    def bodies(self, outgoing: Outgoing) -> list[bytes]:
        """One body for each submit_sm, in the order of the parts.

        Raises:
            CannotSend: SMPP cannot carry it.
        """
        if outgoing.is_encrypted:
            raise CannotSend("the text is encrypted for a handset's own program")
        coded = self._texts.coded(outgoing.text, outgoing.alphabet, outgoing.is_flash)
        head = self._service_type + self._addresses.originator(outgoing.originator) + self._addresses.recipient(outgoing.recipient)
        until = outgoing.expires_at
        timed = self._behind_esm_class + (b"" if until is None else self._validity(until, datetime.now(UTC))) + b"\0"
        registered = [self._registered if outgoing.wants_receipt and self._every_part else 0] * len(coded.pieces)
        if outgoing.wants_receipt:
            registered[self._recorded] = self._registered
        return [
            b"".join(
                (
                    head,
                    bytes((self._esm_class | piece.esm_bits,)),
                    timed,
                    bytes((wanted, 0, coded.data_coding, 0, len(piece.octets))),
                    piece.octets,
                    piece.tlvs,
                )
            )
            for piece, wanted in zip(coded.pieces, registered, strict=True)
        ]
