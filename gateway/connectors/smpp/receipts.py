"""Delivery receipts, by optional parameters and by text, to the gateway's own.

The text form is a custom, not a standard: keys in any order and case, some missing, ids in another notation than in the answer to
submit_sm. Whatever says an id and a state is taken.
Source: SMPP 3.4, 5.2.28 (message_state), 5.3.2.12, 5.3.2.35 and appendix B.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, tzinfo

from gateway.connectors.smpp import dates, pdus
from gateway.connectors.smpp.addresses import e164_of
from gateway.domain.message import State
from gateway.domain.receipt import Receipt

RECEIPT = 0x04
SME_ACKNOWLEDGEMENTS = (0x08, 0x10)
INTERMEDIATE = 0x20
TYPE_MASK = 0x3C  # of esm_class, in deliver_sm
UDHI = 0x40

_S, _D, _U, _E = State.SENT, State.DELIVERED, State.UNDELIVERED, State.EXPIRED

#: message_state → what the text form calls it, and what it means to us. UNKNOWN says nothing: the message goes on waiting for a word
#: that does, as a wrong "undelivered" could be paid back and sent again. 0 and 9 are those of SMPP 5.0.
STATES: Mapping[int, tuple[str, State]] = {
    0: ("SCHEDULED", _S),
    1: ("ENROUTE", _S),
    2: ("DELIVRD", _D),
    3: ("EXPIRED", _E),
    4: ("DELETED", _U),
    5: ("UNDELIV", _U),
    6: ("ACCEPTD", _S),
    7: ("UNKNOWN", _S),
    8: ("REJECTD", _U),
    9: ("SKIPPED", _U),
}
#: Other spellings seen in texts.
_SPELLINGS: Mapping[str, State] = {
    **dict(STATES.values()),
    "DELIVERED": _D,
    "DELIVERD": _D,
    "UNDELIVERABLE": _U,
    "UNDELIVERED": _U,
    "UNDELIVRD": _U,
    "REJECTED": _U,
    "FAILED": _U,
    "CANCELED": _U,
    "CANCELLED": _U,
    "ACCEPTED": _S,
    "BUFFERED": _S,
    "BUFFRED": _S,
    "ENROUTED": _S,
}
_KEY = re.compile(r"\b(id|sub|dlvrd|submit[ _]*date|done[ _]*date|stat|err|text)\s*:", re.IGNORECASE)
_WORD = re.compile(r"[^\s,;]+")


def fields_of(text: str) -> dict[str, str]:
    """The fields of a receipt's text by key: small letters, no blanks. The first of each counts.

    What follows ``text:`` is the customer's, so a ``stat:`` in it counts only where none came before.
    """
    found: dict[str, str] = {}
    keys = list(_KEY.finditer(text))
    for place, key in enumerate(keys):
        end = keys[place + 1].start() if place + 1 < len(keys) else len(text)
        found.setdefault(re.sub(r"[ _]", "", key[1].lower()), text[key.end() : end].strip())
    return found


def receipt_of(delivered: pdus.Delivered, zone: tzinfo, region: str | None, now: datetime) -> Receipt | None:
    """The receipt in a deliver_sm or data_sm; None where it says no id or no state that anybody knows.

    Optional parameters come before the text. A date after ``now`` is a clock that goes wrong and counts as now.
    """
    fields = fields_of(_text(delivered))
    message_id = _c_text(delivered.tlvs.get(pdus.RECEIPTED_MESSAGE_ID)) or _first_word(fields.get("id", ""))
    stat = _first_word(fields.get("stat", "")).upper()
    number = delivered.tlvs.get(pdus.MESSAGE_STATE, b"")
    named = STATES.get(number[0]) if len(number) == 1 else None
    state = named[1] if named else _SPELLINGS.get(stat)
    if not message_id or state is None:
        return None
    at = dates.of_receipt(fields.get("donedate", ""), zone) or now
    error = _first_word(fields.get("err", "")) or _network_error(delivered.tlvs.get(pdus.NETWORK_ERROR_CODE, b""))
    code = " ".join(part for part in (stat or (named[0] if named else ""), error if error.strip("0") else "") if part)
    return Receipt(message_id, state, min(at, now), code, e164_of(delivered.source, region))


def is_receipt(delivered: pdus.Delivered) -> bool:
    """Whether it says that it is one. A text alone proves nothing: anybody may send "id:1 stat:DELIVRD" from a handset."""
    kind = delivered.esm_class & TYPE_MASK
    return bool(kind & (RECEIPT | INTERMEDIATE)) or (kind in SME_ACKNOWLEDGEMENTS) or pdus.RECEIPTED_MESSAGE_ID in delivered.tlvs


def answered(answer: pdus.QueryAnswer, recipient: str, now: datetime) -> Receipt | None:
    """What a query_sm_resp says; None for a state nobody knows."""
    if answer.state not in STATES or not answer.message_id:
        return None
    word, state = STATES[answer.state]
    at = dates.parsed_absolute(answer.final_date) or now
    return Receipt(answer.message_id, state, min(at, now), f"{word} {answer.error_code}" if answer.error_code else word, recipient)


def _text(delivered: pdus.Delivered) -> str:
    octets = delivered.octets
    if delivered.esm_class & UDHI and octets:
        octets = octets[1 + octets[0] :]
    return octets.decode("utf-16-be" if delivered.data_coding == 8 else "latin-1", "replace")


def _c_text(value: bytes | None) -> str:
    return pdus.message_id_of(value).strip() if value else ""


def _first_word(text: str) -> str:
    found = _WORD.search(text)
    return found[0] if found else ""


def _network_error(value: bytes) -> str:
    """network_error_code: the network's type and the code in it, as ``3:27``."""
    return f"{value[0]}:{int.from_bytes(value[1:], 'big')}" if len(value) == 3 else ""
