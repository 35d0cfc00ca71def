"""What an SMSC does to us: the treatment of one message, and the catalogue of faults.

Times are in seconds and short, so that a run is: the connector under test is expected to wait :data:`PATIENCE_SECONDS` for an
answer. A fault draws from a random generator of its own seed, so a run can be had again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.support.smsc import codec

PATIENCE_SECONDS = 1.0
NEVER = None


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How one submit_sm is treated. ``status`` 0 takes the message; each status else refuses it.

    Args:
        answer_after: seconds until submit_sm_resp; None: it never comes.
        answers: how often it comes.
        receipts: the states reported, in this order (``DELIVRD``, ``UNDELIV``, ...); only where the message asks for a receipt.
        receipt_after: seconds from the answer, or from the message where there is no answer.
        receipt_first: the receipts go out before the answer.
        receipt_form: "text", "tlv" or "both".
        answer_id, receipt_id: how the message's number is written: a name of :data:`FORMS`.
        action: what happens to the connection, before the answer or instead of it: a name of :data:`ACTIONS`.
    """

    status: int = codec.OK
    answer_after: float | None = 0.0
    answers: int = 1
    receipts: tuple[str, ...] = ("DELIVRD",)
    receipt_after: float = 0.0
    receipt_first: bool = False
    receipt_form: str = "both"
    answer_id: str = "dec"
    receipt_id: str = "dec"
    action: str = ""


#: Forms of a message's number.
FORMS: Mapping[str, Callable[[int], str]] = {
    "dec": lambda number: f"{number:d}",
    "hex": lambda number: f"{number:x}",
    "HEX": lambda number: f"{number:X}",
    "zeros": lambda number: f"{number:020d}",
    "hexzeros": lambda number: f"{number:012x}",
}

#: What can happen to a connection.
ACTIONS: Mapping[str, str] = {
    "reset": "it is reset",
    "close": "it is closed without a word",
    "unbind": "the SMSC says unbind and closes after the answer, or after a second",
    "hang": "it stays open, and the SMSC neither reads nor writes any more",
    "bad_length": "the SMSC sends a command_length of 7",
    "unknown_command": "the SMSC sends a PDU of a command nobody knows",
    "noise": "the SMSC sends random octets and closes",
    "flood": "the SMSC asks enquire_link two hundred times at once",
    "nack": "the SMSC sends generic_nack for a sequence number nobody used",
}

TAKEN = Behaviour()


class Treatment:
    """The well-behaved SMSC, and what a fault changes about it. One object serves one run."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice

    def on_bind(self, number: int) -> int:
        """The command_status for the bind of this number, counted from 1 over all connections."""
        return codec.OK

    def on_submit(self, number: int, part: int) -> Behaviour:
        """What becomes of the submit_sm of this number, counted from 1; ``part`` is its place in a long message, from 1."""
        return TAKEN


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: its name, what it does in words, and how it is made for one run.

    ``hides``: the SMSC may take a message without the gateway hearing so; such a message may end unknown.
    """

    name: str
    words: str
    make: Callable[[random.Random], Treatment]
    hides: bool = False


class Sometimes(Treatment):
    """``odd`` once in ``every`` messages, at random, but at the third one and at most ``most`` times; else ``usual``."""

    def __init__(self, dice: random.Random, odd: Behaviour, every: int, most: int = 1_000_000, usual: Behaviour = TAKEN) -> None:
        super().__init__(dice)
        self._odd, self._every, self._left, self._usual = odd, every, most, usual

    def on_submit(self, number: int, part: int) -> Behaviour:
        if self._left and (number == 3 or self.dice.randrange(self._every) == 0):
            self._left -= 1
            return self._odd
        return self._usual


class Uneven(Treatment):
    """Each answer takes its own time, so answers overtake one another."""

    def on_submit(self, number: int, part: int) -> Behaviour:
        return Behaviour(answer_after=self.dice.uniform(0, 0.2), receipt_after=self.dice.uniform(0, 0.1))


class Busy(Treatment):
    """Refuses the second to eighth message as too fast."""

    def on_submit(self, number: int, part: int) -> Behaviour:
        if not 2 <= number <= 8:
            return TAKEN
        return Behaviour(status=self.dice.choice((codec.THROTTLED, codec.QUEUE_FULL)), receipts=())


class Slow(Treatment):
    """Late answers, within the patience."""

    def on_submit(self, number: int, part: int) -> Behaviour:
        return Behaviour(answer_after=self.dice.uniform(0.2, 0.6) * PATIENCE_SECONDS)


class Shy(Treatment):
    """Refuses the first two binds."""

    def on_bind(self, number: int) -> int:
        return codec.BIND_FAILED if number <= 2 else codec.OK


def _always(behaviour: Behaviour) -> Callable[[random.Random], Treatment]:
    return lambda dice: Sometimes(dice, behaviour, 1)


def _sometimes(odd: Behaviour, every: int, most: int = 1_000_000) -> Callable[[random.Random], Treatment]:
    return lambda dice: Sometimes(dice, odd, every, most)


def _forms(answer: str, receipt: str, form: str = "both") -> Callable[[random.Random], Treatment]:
    return _always(Behaviour(answer_id=answer, receipt_id=receipt, receipt_form=form))


def _connection(action: str, answer_after: float | None = None, most: int = 2) -> Callable[[random.Random], Treatment]:
    return _sometimes(Behaviour(action=action, answer_after=answer_after, receipt_after=0.3), 40, most)


_LIST = (
    Fault("none", "all is well", Treatment),
    Fault("late", "answers take up to six tenths of our patience", Slow),
    Fault("too_late", "some answers come after our patience is over", _sometimes(Behaviour(answer_after=PATIENCE_SECONDS * 1.6), 8), True),
    Fault("never", "some messages are taken and never answered", _sometimes(Behaviour(answer_after=NEVER), 8), True),
    Fault("twice", "answered twice", _always(Behaviour(answers=2))),
    Fault("out_of_order", "answers overtake one another", Uneven),
    Fault("throttled", "too fast (0x58, 0x14) for a while", Busy),
    Fault("refused", "some are refused for good (0x0B)", _sometimes(Behaviour(codec.INVALID_DESTINATION, receipts=()), 6)),
    Fault("trouble", "some are refused for now (0x08)", _sometimes(Behaviour(codec.SYSTEM_ERROR, receipts=()), 6, 6)),
    Fault("odd_status", "some are answered with a status of no specification", _sometimes(Behaviour(codec.UNASSIGNED, receipts=()), 6, 6)),
    Fault("hex_ids", "answered in hexadecimal, receipts in decimal", _forms("hex", "dec")),
    Fault("dec_ids", "answered in decimal, receipts in upper-case hexadecimal", _forms("dec", "HEX", "text")),
    Fault("zero_ids", "answered plainly, receipts padded with zeros", _forms("dec", "zeros")),
    Fault("case_ids", "answered in lower case, receipts in upper case", _forms("hex", "HEX", "tlv")),
    Fault("receipts_first", "receipts before the answer", _always(Behaviour(receipt_first=True, answer_after=0.02))),
    Fault("receipts_twice", "each receipt twice", _always(Behaviour(receipts=("DELIVRD", "DELIVRD")))),
    Fault("receipts_disorder", "under way after the end, then another end", _always(Behaviour(receipts=("DELIVRD", "ENROUTE", "UNDELIV")))),
    Fault("receipts_never", "no receipt comes", _always(Behaviour(receipts=()))),
    Fault("receipts_bad", "some are undelivered or expired", _sometimes(Behaviour(receipts=("UNDELIV",), receipt_form="text"), 4)),
    Fault("receipts_text", "receipts as text only", _always(Behaviour(receipt_form="text"))),
    Fault("receipts_tlv", "receipts as optional parameters only", _always(Behaviour(receipt_form="tlv"))),
    Fault("half_open", "the connection stays open and silent", _connection("hang", most=1), True),
    Fault("reset", "the connection is reset in the middle", _connection("reset"), True),
    Fault("closed", "the connection is closed in the middle", _connection("close"), True),
    Fault("unbind", "the SMSC unbinds in the middle", _connection("unbind", 0.1), True),
    Fault("bad_length", "a PDU of an impossible length", _connection("bad_length"), True),
    Fault("unknown_command", "a PDU of an unknown command", _connection("unknown_command", 0.0)),
    Fault("noise", "random octets", _connection("noise"), True),
    Fault("nack", "a generic_nack for nothing", _connection("nack", 0.0)),
    Fault("flood", "two hundred enquire_link at once", _connection("flood", 0.0)),
    Fault("bind_refused", "the first two binds are refused", Shy),
)

#: The catalogue, by name.
FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in _LIST}


class Script(Treatment):
    """A treatment told message by message: recipient → what happens to its first, second, ... submit_sm; the last is repeated."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__(dice)
        self.usual = TAKEN
        self.by_recipient: dict[str, list[Behaviour]] = {}
        self.binds: list[int] = []

    def on_bind(self, number: int) -> int:
        return self.binds.pop(0) if self.binds else codec.OK

    def on_submit(self, number: int, part: int) -> Behaviour:
        return self.usual

    def on_recipient(self, recipient: str) -> Behaviour | None:
        """What was told for this recipient."""
        told = self.by_recipient.get(recipient)
        if not told:
            return None
        return told.pop(0) if len(told) > 1 else told[0]
