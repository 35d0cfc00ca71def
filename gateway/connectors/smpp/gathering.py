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

    ``recorded_id`` is the id that the gateway has for the message; "" until all parts are accepted.
    """

    recipient: str = field(repr=False)
    recorded_id: str = ""
    ids: list[str] = field(default_factory=list)
    ends: dict[str, State] = field(default_factory=dict)

    def state(self) -> State:
        """The message's state as its parts have it."""
        failed = [state for state in self.ends.values() if state is not State.DELIVERED]
        if failed:
            return failed[0]
        return State.DELIVERED if len(self.ends) == len(set(self.ids)) else State.SENT


class ReceiptGatherer:
    """Receives receipts, gives out those for the gateway. Used by one thread."""

    def __init__(self) -> None:
        self._by_id: OrderedDict[str, Gathered] = OrderedDict()
        self._flying: dict[str, int] = {}
        self._early: dict[str, list[Receipt]] = {}

    def started(self, recipient: str) -> Gathered:
        """A long message is on its way: receipts for its recipient may be those of parts whose ids are not known yet."""
        self._flying[recipient] = self._flying.get(recipient, 0) + 1
        return Gathered(recipient)

    def accepted(self, message: Gathered, ids: list[str], recorded_id: str) -> list[Receipt]:
        """All parts were accepted. Gives the receipts that were waiting for that."""
        message.ids, message.recorded_id = ids, recorded_id
        for each in ids:
            self._by_id[_canonical(each)] = message
        while len(self._by_id) > MOST_PARTS_REMEMBERED:
            self._by_id.popitem(last=False)
        return self._landed(message)

    def given_up(self, message: Gathered) -> list[Receipt]:
        """It did not become a message that the gateway knows by a recorded id. Gives the receipts that were waiting."""
        return self._landed(message)

    def receipts(self, receipt: Receipt) -> list[Receipt]:
        """What the gateway should hear of a receipt now: itself, the message's instead of the part's, or nothing yet."""
        found = self._message_of(receipt)
        if found is not None:
            return [_of_message(*found, receipt)]
        if receipt.recipient and receipt.recipient in self._flying:
            self._early.setdefault(receipt.recipient, []).append(receipt)
            return []
        return [receipt]

    def _landed(self, message: Gathered) -> list[Receipt]:
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


def _of_message(message: Gathered, part_id: str, receipt: Receipt) -> Receipt:
    """The message's receipt after one of a part. A part's first end stands."""
    if receipt.state is not State.SENT:
        message.ends.setdefault(part_id, receipt.state)
    state = message.state()
    code = receipt.carrier_code
    if state is not receipt.state:
        code = f"{code} (part {message.ids.index(part_id) + 1} of {len(message.ids)})".strip()
    return replace(receipt, smsc_message_id=message.recorded_id, state=state, carrier_code=code, recipient=message.recipient)


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
