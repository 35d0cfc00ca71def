"""From the fields of ``/sms`` and ``/paramsms`` to one domain :class:`Submission`."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from gateway.config import Settings
from gateway.dialects.smsend.schemas import LONGEST_MESSAGE
from gateway.dialects.smsend.uncertain import (
    CUSTOM_SENDER_TYPES,
    DEFAULT_FRAGMENTS,
    MESSAGE_TYPES,
    NAME,
    ORDER_ID,
    PAGES_LINK,
    RECEIPT_TYPES,
    RESERVED_ORDER_IDS,
    RICH_URL,
    SHORT_LINK,
)
from gateway.domain import dates, msisdn, originator
from gateway.domain.alphabet import Alphabet
from gateway.domain.errors import (
    InvalidField,
    InvalidRecipient,
    MissingField,
    MissingParameter,
    OriginatorNotAllowed,
    TextTooLong,
    TooManyRecipients,
    UnknownMessageType,
)
from gateway.domain.order import Submission
from gateway.domain.parts import TextPolicy, cut, encode
from gateway.domain.tariff import MessageType
from gateway.services.rows import Caller
from gateway.web.fields import UNSTORABLE

PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9]+)\}")
LONGEST_PARAMETER = 2_000
UNITS = {Alphabet.GSM7: "GSM characters", Alphabet.UCS2: "UCS-2 characters"}

Values = dict[str, Any]


class Reader:
    """Reads one request of one caller. Each method answers with a domain value or raises what is wrong."""

    def __init__(self, values: Values, caller: Caller, settings: Settings) -> None:
        self.values = values
        self.caller = caller
        self.settings = settings
        self.message_type = message_type(values["message_type"])
        self.policy = TextPolicy(caller.text_policy)
        self.force_ucs2 = forces_ucs2(values["encoding"])

    def plain(self) -> Submission:
        """The submission of ``/sms``: one text for all."""
        recipients = self.numbers(listed(self.values["recipient"], "recipient", self.settings.max_recipients))
        return self._submission(self.fitted(self._linked(self.values["message"])), list(dict.fromkeys(recipients)), None)

    def parametric(self) -> Submission:
        """The submission of ``/paramsms``: a text for each. The same number twice is kept when its texts differ."""
        rows = parametric_rows(self.values["recipients"], self.settings.max_recipients)
        numbers: list[Any] = [row.get("recipient") for row in rows]
        template = self._linked(self.values["message"])
        pairs = []
        for position, number in enumerate(self.numbers(numbers, keep_places=True)):
            if number is not None:
                pairs.append((number, self.fitted(filled(template, rows[position], position, self.values["richsms_mode"]))))
        distinct = list(dict.fromkeys(pairs))
        return self._submission(template, [number for number, _ in distinct], [text for _, text in distinct])

    def numbers(self, given: Sequence[Any], *, keep_places: bool = False) -> list[Any]:
        """The recipients as E.164. Bad ones stop the call, or are left out (None with ``keep_places``) where that is allowed."""
        region, skip = self.caller.default_region, self.values["allowInvalidRecipients"]
        good: list[Any] = []
        for value in given:
            try:
                good.append(msisdn.normalise(number_text(value), region))
            except InvalidRecipient:
                if not skip:
                    raise
                if keep_places:
                    good.append(None)
        if not any(good):
            raise InvalidRecipient(number_text(given[0]), "is not valid, nor is any other recipient")
        return good

    def fitted(self, text: str) -> str:
        """The text within the limits of contract 3.2, cut only where the program asked for it."""
        if len(text) > LONGEST_MESSAGE:  # parameters may add up to any length
            raise TextTooLong(len(text), LONGEST_MESSAGE, "characters")
        encoded = encode(text, self.policy, self.force_ucs2)
        fragments = 1 if self.message_type is MessageType.LOW else self.values["max_fragments"] or DEFAULT_FRAGMENTS
        if self.values["truncate"]:
            return cut(encoded.text, encoded.alphabet, fragments) if encoded.parts > fragments else text
        if self.values["max_fragments"] and encoded.parts > fragments:
            raise TextTooLong(encoded.parts, fragments, "parts")
        limit = self._longest(encoded.alphabet)
        if not self.values["max_fragments"] and encoded.length > limit:
            raise TextTooLong(encoded.length, limit, UNITS[encoded.alphabet])
        return text

    def sender(self) -> str | None:
        """The originator: the program's own if its type and account allow it, else the account's."""
        given = (self.values["sender"] or "").strip()
        if not given:
            return self.caller.default_originator
        if self.message_type not in CUSTOM_SENDER_TYPES:
            raise OriginatorNotAllowed(given, "must be empty with this message_type")
        sender = originator.normalise(given)
        allowed = self.caller.originators
        if allowed is not None and sender not in allowed and sender != self.caller.default_originator:
            raise OriginatorNotAllowed(given)
        return sender

    def due_at(self) -> datetime | None:
        """When to send; None for now. Zone: of the value, else ``scheduled_delivery_timezone``, else the account's."""
        named = self.values["scheduled_delivery_timezone"]
        zone = dates.zone(named, "scheduled_delivery_timezone") if named else self.caller.zone
        given = self.values["scheduled_delivery_time"]
        return dates.parse(given, zone, "scheduled_delivery_time") if given else None

    def order_id(self) -> str | None:
        """The program's own order id, if it is one."""
        given: str | None = self.values["order_id"] or None
        if given is not None and (not ORDER_ID.fullmatch(given) or given in RESERVED_ORDER_IDS):
            raise InvalidField("order_id", "must be 1 to 32 letters, digits, '_', '.' or '-', and not 'bulk'")
        return given

    def _longest(self, alphabet: Alphabet) -> int:
        """Most septets or UTF-16 units of a text."""
        if self.message_type is MessageType.LOW:
            low = self.settings.smsend_max_low_characters
            return low if alphabet is Alphabet.GSM7 else low * 7 // 16
        return self.settings.smsend_max_gsm_characters if alphabet is Alphabet.GSM7 else self.settings.smsend_max_ucs2_characters

    def _linked(self, text: str) -> str:
        """The text with its link placeholders filled (contract 3.9)."""
        if self.values["id_landing"] and PAGES_LINK.search(text):
            raise InvalidField("id_landing", "names a landing page; landing pages are not available on this gateway")
        if self.values["short_link_url"]:
            text = text.replace(SHORT_LINK, self.values["short_link_url"])
        if self.values["richsms_url"] and self.values["richsms_mode"] != "RECIPIENT":
            url = self.values["richsms_url"]
            text = RICH_URL.sub(lambda _: url, text)
        return text

    def _submission(self, text: str, recipients: list[str], texts: list[str] | None) -> Submission:
        minutes = self.values["validity_period_min"]
        return Submission(
            account_id=self.caller.account_id,
            user_id=self.caller.user_id,
            dialect=NAME,
            message_type=self.message_type,
            type_token=self.values["message_type"],
            text=text,
            recipients=recipients,
            texts=texts,
            text_read=self.values["message"] if text != self.values["message"] else None,
            originator=self.sender(),
            force_ucs2=self.force_ucs2,
            due_at=self.due_at(),
            validity=timedelta(minutes=minutes) if minutes else None,
            client_ref=self.order_id(),
            idempotency_key=self.values["idempotency_key"],
            fingerprint=self.values["fingerprint"],
            label=self.values["campaign_name"] or "",
            wants_receipt=self.message_type in RECEIPT_TYPES,
        )


def message_type(token: str) -> MessageType:
    """The type behind a brand's token.

    Raises:
        UnknownMessageType
    """
    if token not in MESSAGE_TYPES:
        raise UnknownMessageType(token)
    return MESSAGE_TYPES[token]


def forces_ucs2(encoding: str | None) -> bool:
    """Whether the program asked for UCS-2. ``gsm`` is the default, and no promise: see the account's text policy."""
    word = (encoding or "gsm").lower()
    if word not in ("gsm", "ucs2"):
        raise InvalidField("encoding", "must be gsm or ucs2")
    return word == "ucs2"


def listed(value: Any, field: str, most: int) -> list[Any]:
    """A list as it is, a single string or number as a list of one.

    Raises:
        MissingField, InvalidField, TooManyRecipients
    """
    if isinstance(value, str) or type(value) is int:
        value = [value]
    if not isinstance(value, list):
        raise InvalidField(field, "must be a list of strings")
    if not value:
        raise MissingField(field)
    if len(value) > most:
        raise TooManyRecipients(len(value), most)
    return value


def parametric_rows(value: Any, most: int) -> list[dict[str, Any]]:
    """The recipients of ``/paramsms``: an object keyed "0", "1", … or a list, of objects. Order is as given."""
    if isinstance(value, dict):
        value = list(value.values())
    rows = listed(value, "recipients", most) if isinstance(value, list) else None
    if rows is None or not all(isinstance(row, dict) for row in rows):
        raise InvalidField("recipients", "must be an object or a list of objects")
    return rows


def number_text(value: Any) -> str:
    """A recipient as text: strings, and JSON integers for their digits.

    Raises:
        InvalidRecipient: anything else.
    """
    if type(value) is str:
        return value
    if type(value) is int and value >= 0:  # a minus sign would pass for a dash
        return str(value)
    raise InvalidRecipient(
        "" if value is None else str(type(value).__name__), "is missing" if value is None else "is not a string of digits"
    )


def filled(template: str, row: dict[str, Any], position: int, rich_mode: str | None) -> str:
    """The template with one recipient's parameters.

    Raises:
        MissingParameter: a placeholder without a value.
        InvalidField: a value that is not text, or too long.
    """
    text = PLACEHOLDER.sub(lambda found: parameter(row, found[1], position), template)
    if rich_mode == "RECIPIENT" and RICH_URL.search(text):
        url = parameter(row, "url", position)
        text = RICH_URL.sub(lambda _: url, text)
    return text


def parameter(row: dict[str, Any], name: str, position: int) -> str:
    """One parameter of one recipient, as text."""
    if row.get(name) is None:
        raise MissingParameter(name, position)
    value = row[name]
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value in (math.inf, -math.inf):
        raise InvalidField("recipients", f"entry {position}: {name[:40]} must be a string")
    text = str(value)
    if len(text) > LONGEST_PARAMETER or UNSTORABLE.search(text):
        raise InvalidField("recipients", f"entry {position}: {name[:40]} is too long or holds a character that is not allowed")
    return text
