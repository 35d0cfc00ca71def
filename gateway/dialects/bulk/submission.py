"""From the fields of the sending calls to one domain :class:`Submission`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import request

from gateway.config import Settings
from gateway.dialects.bulk.errors import sentence
from gateway.dialects.bulk.inputs import Values
from gateway.dialects.bulk.schemas import Entry
from gateway.dialects.bulk.uncertain import MESSAGE_TYPES, MOST_PARTS, NAME
from gateway.domain import msisdn, originator
from gateway.domain.errors import (
    DestinationNotServed,
    InvalidField,
    InvalidInput,
    InvalidRecipient,
    OriginatorNotAllowed,
    TextTooLong,
    TooManyRecipients,
)
from gateway.domain.order import Submission
from gateway.domain.parts import TextPolicy, encode
from gateway.domain.tariff import MessageType, PriceList
from gateway.services.orders import SentText
from gateway.services.rows import Caller
from gateway.web.submitting import idempotency_key

CREDENTIALS = frozenset({"username", "password", "api_key"})
LONGEST_CERTAIN = MOST_PARTS * 67
"""A text of so many UTF-16 units has no more parts than allowed, whatever it is made of."""

_entry = Entry()


@dataclass(frozen=True, slots=True)
class Refused:
    """An entry of a personalised call that will not be sent. ``index`` counts from 0."""

    index: int
    number: str | None
    error: str


@dataclass(frozen=True, slots=True)
class Taken:
    """An entry that is sent. ``position`` is where its message stands in the order: entries that are alike share one."""

    index: int
    number: str
    position: int


class Reader:
    """Reads one request of one caller. Each method answers with a domain value or raises what is wrong."""

    def __init__(self, values: Values, fields: Values, caller: Caller, settings: Settings) -> None:
        self.fields = fields
        self.caller = caller
        self.settings = settings
        self.policy = TextPolicy(caller.text_policy)
        self.message_type = MessageType(settings.message_type)
        self.fingerprint = fingerprint(values)

    def plain(self, *, is_test: bool = False) -> Submission:
        """One text for all (contract 3.1, 4.2). One bad number refuses the whole; a number given twice counts once."""
        numbers = self.fields["numbers"]
        if len(numbers) > self.settings.max_recipients:
            raise TooManyRecipients(len(numbers), self.settings.max_recipients)
        recipients = dict.fromkeys(msisdn.normalise(each, self.caller.default_region) for each in numbers)
        text = self.fields["message_body"]
        self._fits(text)
        return self._submission(text, list(recipients), None, is_test)

    def entries(self, prices: PriceList) -> tuple[list[tuple[str, str]], list[Taken], list[Refused]]:
        """The entries of a personalised call: distinct pairs of number and text, what became of each entry (contract 4.4)."""
        given, most = self.fields["messages"], self.settings.max_recipients
        if len(given) > most:
            raise InvalidField("messages", f"has {len(given)} entries, at most {most} are allowed")
        places: dict[tuple[str, str], int] = {}
        taken, refused = [], []
        for index, entry in enumerate(given):
            try:
                pair = self._pair(entry, prices)
            except InvalidInput as error:
                refused.append(Refused(index, _shown(entry), _reason(error)))
            else:
                taken.append(Taken(index, _shown(entry) or pair[0], places.setdefault(pair, len(places))))
        return list(places), taken, refused

    def entries_again(self, sent: Sequence[SentText]) -> tuple[list[Taken], list[Refused]]:
        """What became of each entry when the call came first: the order says it, not what holds today.

        Args:
            sent: the messages of the order that the call made then.
        """
        places = {(each.recipient, each.text): position for position, each in enumerate(sent)}
        taken, refused = [], []
        for index, entry in enumerate(self.fields["messages"]):
            try:
                position = self._place(entry, places)
            except InvalidInput as error:
                refused.append(Refused(index, _shown(entry), _reason(error)))
            else:
                taken.append(Taken(index, _shown(entry) or sent[position].recipient, position))
        return taken, refused

    def personalised(self, pairs: Sequence[tuple[str, str]]) -> Submission:
        """A text for each."""
        return self._submission(pairs[0][1], [number for number, _ in pairs], [text for _, text in pairs], False)

    def sender(self) -> str | None:
        """The originator: the program's own if the account allows it, else the account's."""
        given = self.fields["sender_id"]
        if not given:
            return self.caller.default_originator
        sender = originator.normalise(given)
        allowed = self.caller.originators
        if allowed is not None and sender not in allowed and sender != self.caller.default_originator:
            raise OriginatorNotAllowed(given)
        return sender

    def _pair(self, entry: Any, prices: PriceList) -> tuple[str, str]:
        number, text = self._read(entry)
        self._fits(text)
        encode(text, self.policy, False)
        prices.units_per_part(self.message_type, number)
        return number, text

    def _place(self, entry: Any, places: Mapping[tuple[str, str], int]) -> int:
        """Where the entry's message stands. One that is not among them and is good today had no price then."""
        number, text = self._read(entry)
        for travelling in _as_it_may_travel(text):
            if (number, travelling) in places:
                return places[number, travelling]
        self._fits(text)
        encode(text, self.policy, False)
        raise DestinationNotServed(number)

    def _read(self, entry: Any) -> tuple[str, str]:
        if not isinstance(entry, dict):
            raise InvalidField("messages", "must hold objects")
        given = {name: value.strip() if isinstance(value, str) else value for name, value in entry.items() if value is not None}
        read = _entry.read(given)
        return msisdn.normalise(read["number"], self.caller.default_region), read["message_body"]

    def _fits(self, text: str) -> None:
        if len(text) * 2 > LONGEST_CERTAIN:
            parts = encode(text, self.policy, False).parts
            if parts > MOST_PARTS:
                raise TextTooLong(parts, MOST_PARTS, "parts")

    def _submission(self, text: str, recipients: list[str], texts: list[str] | None, is_test: bool) -> Submission:
        word = self.fields["message_type"].lower()
        return Submission(
            account_id=self.caller.account_id,
            user_id=self.caller.user_id,
            dialect=NAME,
            message_type=self.message_type,
            type_token=word if word in MESSAGE_TYPES else "",
            text=text,
            recipients=recipients,
            texts=texts,
            originator=self.sender(),
            label=self.fields["reference"],
            idempotency_key=idempotency_key(),
            fingerprint=self.fingerprint,
            is_test=is_test,
        )


def fingerprint(values: Values) -> bytes:
    """A digest of what is asked, however it was sent and by whom."""
    asked = {name: value for name, value in values.items() if name not in CREDENTIALS}
    return hashlib.sha256(request.path.encode() + json.dumps(asked, sort_keys=True).encode()).digest()


def _as_it_may_travel(text: str) -> Iterator[str]:
    """A text as an order may hold it: the account's policy may have been another when the order was taken."""
    yield text
    yield encode(text, TextPolicy.TRANSLITERATE).text


def _shown(entry: Any) -> str | None:
    """The number of an entry as it was given, to be said back."""
    number = entry.get("number") if isinstance(entry, dict) else None
    return str(number)[:40] if type(number) in (str, int) else None


def _reason(error: InvalidInput) -> str:
    if isinstance(error, InvalidRecipient) or error.field == "number":
        return "Invalid phone number format."
    return "This destination is not served." if isinstance(error, DestinationNotServed) else sentence(error)
