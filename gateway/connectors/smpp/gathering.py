"""The receipts of a long message's parts, made one.

A carrier names and reports every part; the gateway knows a message by one id. While this process lives it remembers the ids of all
parts: delivered is what all parts were, failed what any part did. After a restart the memory is gone, and the receipt of the recorded
part alone decides, as the others' ids belong to no message.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, field, replace

from gateway.domain.message import State
from gateway.domain.receipt import Receipt

MOST_PARTS_REMEMBERED = 100_000
MOST_ID_NUMBER = 20  # characters of an id that is read as a number

_decimal = re.compile(r"[0-9]+").fullmatch
_hexadecimal = re.compile(r"[0-9a-f]+").fullmatch


@dataclass(slots=True)
class Gathered:
    """What is known of one long message: the carrier's id of each accepted part, and the end of those reported.

    ``recorded_id`` is the id that the gateway has for the message; "" until all parts are accepted. ``last`` is the latest receipt of a
    part, ``is_flying`` whether the message has no outcome yet.
    """

    recipient: str = field(repr=False)
    ids: list[str]
    recorded_id: str = ""
    ends: dict[str, State] = field(default_factory=dict)
    last: Receipt | None = None
    is_flying: bool = True

    def state(self) -> State:
        """The message's state as its parts have it."""
        failed = [state for state in self.ends.values() if state is not State.DELIVERED]
        if failed:
            return failed[0]
        return State.DELIVERED if len(self.ends) == len(set(self.ids)) else State.SENT


class ReceiptGatherer:
    """Receives receipts, gives out those for the gateway. Used by one thread.

    Args:
        recorded: the place of the part whose id names the message, 0 or -1.
    """

    def __init__(self, recorded: int) -> None:
        self._recorded = recorded
        self._by_id: OrderedDict[str, Gathered] = OrderedDict()
        self._flying: dict[str, int] = {}
        self._early: dict[str, list[Receipt]] = {}

    def started(self, recipient: str, parts: int) -> Gathered:
        """A long message is on its way: receipts for its recipient may be those of parts whose ids are not known yet."""
        self._flying[recipient] = self._flying.get(recipient, 0) + 1
        return Gathered(recipient, [""] * parts)

    def part_accepted(self, message: Gathered, place: int, message_id: str) -> None:
        """The carrier named a part; ``place`` counts from 0."""
        message.ids[place] = message_id
        self._by_id[_canonical(message_id)] = message
        if len(self._by_id) > MOST_PARTS_REMEMBERED:
            self._by_id.popitem(last=False)

    def named_anew(self, message_id: str) -> None:
        """A message of one part got an id: a part that had the same long ago, before the carrier began to count again, is meant no more."""
        if self._by_id:
            self._by_id.pop(_canonical(message_id), None)

    def accepted(self, message: Gathered) -> list[Receipt]:
        """All parts were accepted, if late. Gives the receipts that were waiting for that."""
        message.recorded_id = message.ids[self._recorded]
        known = [] if message.last is None else [_of_message(message, message.last)]
        return known + self._landed(message)

    def given_up(self, message: Gathered) -> list[Receipt]:
        """It ended without being accepted, or is not yet. Gives the receipts that were waiting and are not its own."""
        return self._landed(message)

    def receipts(self, receipt: Receipt) -> list[Receipt]:
        """What the gateway should hear of a receipt now: itself, the message's instead of the part's, or nothing yet."""
        found = self._message_of(receipt)
        if found is not None:
            message, own = found
            message.last = replace(receipt, smsc_message_id=own)
            if receipt.state is not State.SENT:
                message.ends.setdefault(own, receipt.state)
            return [_of_message(message, message.last)] if message.recorded_id else self._unclaimed(message, own, receipt)
        if receipt.recipient and receipt.recipient in self._flying:
            self._early.setdefault(receipt.recipient, []).append(receipt)
            return []
        return [receipt]

    def _unclaimed(self, message: Gathered, own: str, receipt: Receipt) -> list[Receipt]:
        """The receipt of a part whose message has no id yet, or never will.

        Those of a message that was given up go out as they came, for the operator to see. The recorded part's does not: if the message
        is accepted late, that receipt alone would speak for all parts.
        """
        return [] if message.is_flying or own == message.ids[self._recorded] else [receipt]

    def _landed(self, message: Gathered) -> list[Receipt]:
        if not message.is_flying:
            return []
        message.is_flying = False
        recipient = message.recipient
        self._flying[recipient] -= 1
        if not self._flying[recipient]:
            del self._flying[recipient]
        early = self._early.pop(recipient, [])
        return [each for receipt in early for each in self.receipts(receipt)]

    def _message_of(self, receipt: Receipt) -> tuple[Gathered, str] | None:
        """The message of a part, and the part's id as it was accepted. An id in another notation counts where the number is the same."""
        if not self._by_id:
            return None
        for key in _notations(receipt.smsc_message_id):
            message = self._by_id.get(key)
            if message is None:
                continue
            own = next((each for each in message.ids if _canonical(each) == key), "")
            if own and (own == receipt.smsc_message_id or receipt.recipient == message.recipient):
                return message, own
        return None


def _of_message(message: Gathered, of_part: Receipt) -> Receipt:
    """The message's receipt after one of a part."""
    state = message.state()
    code = of_part.carrier_code
    if state is not of_part.state:
        place = message.ids.index(of_part.smsc_message_id) + 1
        code = f"{code} (part {place} of {len(message.ids)})".strip()
    return replace(of_part, smsc_message_id=message.recorded_id, state=state, carrier_code=code, recipient=message.recipient)


def _canonical(message_id: str) -> str:
    return message_id.casefold().lstrip("0") or "0"


def _notations(message_id: str) -> list[str]:
    """The id, and what it would be if the answer to submit_sm had it in hexadecimal and the receipt in decimal, or the reverse."""
    key = _canonical(message_id)
    found = [key]
    if len(key) <= MOST_ID_NUMBER and _decimal(key):
        found.append(f"{int(key):x}")
    if len(key) <= MOST_ID_NUMBER and _hexadecimal(key):
        found.append(str(int(key, 16)))
    return found
