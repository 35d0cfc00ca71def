"""What a command_status means for the message it answers.

A code says "misconfigured" where it blames something that is the same for every message (password, service type), and "final" where
it blames what one message brought along (its numbers, its length): the first rests the whole connector, the second must not.
Source: SMPP 3.4, 5.1.3; the codes from 0x100 on are those of SMPP 5.0, 4.7.6, which some carriers send over 3.4 too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from gateway.domain.sending import FailureKind

OK = 0
INVALID_COMMAND_LENGTH = 0x02
INVALID_COMMAND = 0x03
RECEIVER_BUSY = 0x64  # ESME_RX_T_APPN: our answer where the gateway cannot take a message now

_FINAL = FailureKind.FINAL
_LATER = FailureKind.RETRY_LATER
_THROTTLED = FailureKind.THROTTLED
_MISCONFIGURED = FailureKind.MISCONFIGURED

#: command_status → its name and what becomes of the message.
STATUSES: Mapping[int, tuple[str, FailureKind]] = {
    0x01: ("ESME_RINVMSGLEN", _FINAL),  # message length
    0x02: ("ESME_RINVCMDLEN", _FINAL),  # PDU length: this PDU would be refused again
    0x03: ("ESME_RINVCMDID", _MISCONFIGURED),  # the SMSC does not know submit_sm here
    0x04: ("ESME_RINVBNDSTS", _LATER),  # not bound for this: passes with the next bind
    0x05: ("ESME_RALYBND", _LATER),  # the old bind is still held: passes when the SMSC drops it
    0x06: ("ESME_RINVPRTFLG", _MISCONFIGURED),  # priority_flag
    0x07: ("ESME_RINVREGDLVFLG", _MISCONFIGURED),  # registered_delivery
    0x08: ("ESME_RSYSERR", _LATER),
    0x0A: ("ESME_RINVSRCADR", _FINAL),  # originator
    0x0B: ("ESME_RINVDSTADR", _FINAL),  # recipient
    0x0C: ("ESME_RINVMSGID", _LATER),  # answers query_sm, cancel_sm, replace_sm
    0x0D: ("ESME_RBINDFAIL", _MISCONFIGURED),
    0x0E: ("ESME_RINVPASWD", _MISCONFIGURED),
    0x0F: ("ESME_RINVSYSID", _MISCONFIGURED),
    0x11: ("ESME_RCANCELFAIL", _LATER),  # answers cancel_sm
    0x13: ("ESME_RREPLACEFAIL", _LATER),  # answers replace_sm
    0x14: ("ESME_RMSGQFUL", _THROTTLED),  # message queue full
    0x15: ("ESME_RINVSERTYP", _MISCONFIGURED),  # service_type
    0x33: ("ESME_RINVNUMDESTS", _FINAL),  # submit_multi, as the next four
    0x34: ("ESME_RINVDLNAME", _FINAL),
    0x40: ("ESME_RINVDESTFLAG", _FINAL),
    0x42: ("ESME_RINVSUBREP", _FINAL),
    0x43: ("ESME_RINVESMCLASS", _FINAL),  # differs between long and short messages
    0x44: ("ESME_RCNTSUBDL", _FINAL),
    0x45: ("ESME_RSUBMITFAIL", _LATER),
    0x48: ("ESME_RINVSRCTON", _FINAL),  # follows the kind of originator
    0x49: ("ESME_RINVSRCNPI", _FINAL),
    0x50: ("ESME_RINVDSTTON", _MISCONFIGURED),  # the same for every message
    0x51: ("ESME_RINVDSTNPI", _MISCONFIGURED),
    0x53: ("ESME_RINVSYSTYP", _MISCONFIGURED),  # system_type
    0x54: ("ESME_RINVREPFLAG", _MISCONFIGURED),  # replace_if_present_flag
    0x55: ("ESME_RINVNUMMSGS", _FINAL),
    0x58: ("ESME_RTHROTTLED", _THROTTLED),
    0x61: ("ESME_RINVSCHED", _MISCONFIGURED),  # schedule_delivery_time, which is never set
    0x62: ("ESME_RINVEXPIRY", _FINAL),  # validity_period, which follows the message
    0x63: ("ESME_RINVDFTMSGID", _FINAL),
    0x64: ("ESME_RX_T_APPN", _LATER),
    0x65: ("ESME_RX_P_APPN", _FINAL),
    0x66: ("ESME_RX_R_APPN", _FINAL),
    0x67: ("ESME_RQUERYFAIL", _LATER),  # answers query_sm
    0xC0: ("ESME_RINVOPTPARSTREAM", _FINAL),
    0xC1: ("ESME_ROPTPARNOTALLWD", _FINAL),  # long messages and flash carry TLVs, others none
    0xC2: ("ESME_RINVPARLEN", _FINAL),
    0xC3: ("ESME_RMISSINGOPTPARAM", _FINAL),
    0xC4: ("ESME_RINVOPTPARAMVAL", _FINAL),
    0xFE: ("ESME_RDELIVERYFAILURE", _LATER),
    0xFF: ("ESME_RUNKNOWNERR", _LATER),
    0x100: ("ESME_RSERTYPUNAUTH", _MISCONFIGURED),  # no right to this service_type
    0x101: ("ESME_RPROHIBITED", _MISCONFIGURED),  # no right to this operation
    0x102: ("ESME_RSERTYPUNAVAIL", _LATER),
    0x103: ("ESME_RSERTYPDENIED", _MISCONFIGURED),
    0x104: ("ESME_RINVDCS", _FINAL),  # data_coding, which follows the text
}

VENDOR = range(0x400, 0x500)
"""Codes that each SMSC gives its own meaning."""

_NO_RIGHT_TO_BIND = {0x03, 0x0D, 0x0E, 0x0F, 0x53, 0x100, 0x101, 0x103}
_OVERRIDE = re.compile(r"(0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10})=(final|retry_later|throttled|misconfigured)")


def kind_of(status: int, overrides: Mapping[int, FailureKind]) -> FailureKind:
    """What becomes of a message answered so. A code nobody knows is tried again later: the SMSC said that it did not take it."""
    found = overrides.get(status)
    return found or STATUSES.get(status, ("", _LATER))[1]


def name_of(status: int) -> str:
    """The code's name, for the operator."""
    if status in STATUSES:
        return STATUSES[status][0]
    return "a code of the carrier's own" if status in VENDOR else "a code that SMPP does not name"


def code_of(status: int) -> str:
    """The code as carriers' documents write it: ``0x58``."""
    return f"0x{status:02x}"


def is_refusal_of_bind(status: int) -> bool:
    """Whether a bind answered so needs the operator: it would fail again, and asking too often may close the account."""
    return status in _NO_RIGHT_TO_BIND


def overrides(value: object) -> dict[int, FailureKind]:
    """What the operator says of single codes: ``0x0400=final 0x0411=throttled``.

    Raises:
        ValueError: another form.
    """
    if not isinstance(value, str):
        raise ValueError("must be a text")
    found: dict[int, FailureKind] = {}
    for word in value.replace(",", " ").split():
        matched = _OVERRIDE.fullmatch(word)
        code = int(matched[1], 0 if matched[1][:2] in ("0x", "0X") else 10) if matched else 0
        if not matched or not 0 < code < 1 << 32:
            raise ValueError("must be pairs like 0x0400=final, with final, retry_later, throttled or misconfigured")
        found[code] = FailureKind(matched[2])
    return found
