"""What an operator sets for an SMPP connector. ``docs/connectors/smpp.md`` has a line for each."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from gateway.connectors.settings import REQUIRED, Parse, Setting, flag, one_of, text, whole
from gateway.connectors.smpp.addresses import KINDS
from gateway.connectors.smpp.statuses import overrides
from gateway.domain.errors import InvalidField
from gateway.domain.regions import checked_region


def seconds(low: float, high: float) -> Parse:
    """Seconds, fractions allowed."""

    def parse(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ValueError(f"must be a number of seconds from {low:g} to {high:g}")
        return float(value)

    return parse


def zone(value: object) -> ZoneInfo:
    """The name of a time zone: ``Europe/Rome``."""
    try:
        return ZoneInfo(str(value))
    except (KeyError, ValueError, OSError):
        raise ValueError("must be the name of a time zone, as Europe/Rome") from None


def region(value: object) -> str:
    """A country by its two letters: ``IT``."""
    try:
        return checked_region(str(value))
    except InvalidField:
        raise ValueError("must be the two letters of a country, as IT") from None


def written(most: int, least: int = 0) -> Parse:
    """Text that SMPP can carry: Latin-1 without controls."""
    parse_text = text(most, least)

    def parse(value: object) -> str:
        words: str = parse_text(value)
        if not words.isprintable() or any(ord(character) > 0xFF for character in words):
            raise ValueError("must be printable characters of Latin-1")
        return words

    return parse


_octet = whole(0, 255)

_LINK = (
    Setting("host", "Name or address of the SMSC.", text(253), REQUIRED),
    Setting("port", "Its port.", whole(1, 65535), 2775),
    Setting("system_id", "Who we are to it; 15 characters in SMPP 3.4.", written(64, 1), REQUIRED),
    Setting("password", "Its secret; 8 characters in SMPP 3.4.", written(64), "", secret=True),
    Setting("system_type", "As the carrier says; usually empty.", written(12), ""),
    Setting("address_range", "Numbers we take messages for, as the carrier says; usually empty.", written(40), ""),
    Setting("address_ton", "Type of number of address_range.", _octet, 0),
    Setting("address_npi", "Numbering plan of address_range.", _octet, 0),
    Setting(
        "mode", "transceiver: one bind for both ways. pair: a transmitter and a receiver.", one_of("transceiver", "pair"), "transceiver"
    ),
    Setting("binds", "Parallel transceivers, or pairs.", whole(1, 32), 1),
    Setting("window", "Most unanswered submit_sm on each bind.", whole(1, 10_000), 10),
    Setting(
        "read_ahead",
        "Messages held ready beyond the windows, so that an answer is followed by the next message at once.",
        whole(0, 10_000),
        0,
    ),
    Setting("tls", "Speak TLS.", flag, False),
    Setting("tls_verify", "Check the SMSC's certificate and name.", flag, True),
    Setting("tls_ca_file", "File with the certificates to trust, PEM; the system's own unless set.", text(), None),
    Setting("tls_server_name", "The name its certificate must bear; host unless set.", text(253), None),
)
_TIMES = (
    Setting("connect_timeout_seconds", "Longest wait for a connection and its TLS.", seconds(0.05, 300), 10.0),
    Setting("answer_timeout_seconds", "Longest wait for an answer; then the outcome is unknown.", seconds(0.05, 3600), 30.0),
    Setting("enquire_link_seconds", "Silence after which the link is tried.", seconds(0.05, 3600), 30.0),
    Setting("enquire_timeout_seconds", "Longest silence after that; then the link is dropped.", seconds(0.05, 3600), 10.0),
    Setting("reconnect_seconds", "Pause before the first new attempt; doubles each time.", seconds(0.01, 3600), 1.0),
    Setting("reconnect_most_seconds", "Longest such pause.", seconds(0.01, 3600), 60.0),
    Setting(
        "refused_seconds", "Pause after a refusal of password or system_id; doubles up to ten times itself.", seconds(0.01, 3600), 60.0
    ),
    Setting("throttle_seconds", "Rest after the SMSC said that we are too fast.", seconds(0.01, 3600), 1.0),
    Setting("part_retry_seconds", "How long later parts of a message that is half accepted are tried.", seconds(0.01, 3600), 60.0),
)
_MESSAGES = (
    Setting(
        "concatenation",
        "Long texts: udh8 or udh16 (header with a reference of 8 or 16 bits), sar (parameters), payload (whole, in message_payload).",
        one_of("udh8", "udh16", "sar", "payload"),
        "udh8",
    ),
    Setting("default_alphabet", "What the SMSC takes data_coding 0 for.", one_of("gsm", "latin1", "ascii"), "gsm"),
    Setting("send_latin1", "Send texts of the GSM-7 alphabet that Latin-1 holds with data_coding 3.", flag, False),
    Setting("recorded_part", "Which part's id names a long message.", one_of("first", "last"), "first"),
    Setting(
        "receipts_for", "Ask for the receipts of every_part, or of the recorded_part.", one_of("every_part", "recorded_part"), "every_part"
    ),
    Setting("registered_delivery", "Value that asks for a receipt; 17 asks for intermediate ones too.", _octet, 1),
    Setting("receipt_zone", "Time zone of the dates in receipts.", zone, ZoneInfo("UTC")),
    Setting("validity", "Form of validity_period; none sends none.", one_of("relative", "absolute", "none"), "relative"),
    Setting("service_type", "As the carrier says; usually empty.", written(5), ""),
    Setting("priority_flag", "0 to 3.", whole(0, 3), 0),
    Setting("protocol_id", "GSM's TP-PID.", _octet, 0),
    Setting("esm_class", "Message mode, 0 to 3; the bit for headers is set where one is.", whole(0, 3), 0),
    Setting("region", "Country in which numbers of receipts and inbound messages without a country code are read.", region, None),
    Setting("ask", "Ask by query_sm for receipts that went to a process that died.", flag, False),
    Setting("status_kinds", "What single codes mean here: 0x0400=final 0x0411=throttled.", overrides, {}),
)
_ADDRESSES = (
    *(
        Setting(f"{kind}_{name}", f"{label} of {kind.replace('_', ' ')} originators.", _octet, value)
        for kind, values in KINDS.items()
        for name, label, value in zip(("ton", "npi"), ("Type of number", "Numbering plan"), values, strict=True)
    ),
    Setting("originator_plus", "Write the plus of international originators.", flag, False),
    Setting("recipient_ton", "Type of number of recipients.", _octet, 1),
    Setting("recipient_npi", "Numbering plan of recipients.", _octet, 1),
    Setting("recipient_plus", "Write the plus of recipients.", flag, False),
)

SETTINGS: tuple[Setting, ...] = (*_LINK, *_TIMES, *_MESSAGES, *_ADDRESSES)
