"""Writing messages back after their fate was decided, with the refunds that follow, in the caller's transaction.

Messages are locked before accounts, and accounts in ascending order, by every path; so refunds never wait in a circle.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from gateway.domain.message import State
from gateway.domain.receipt import Receipt, merge
from gateway.domain.receipt_ids import AS_GIVEN, applied, candidates, choose
from gateway.domain.sending import RefundPolicy, UnknownPolicy, refundable
from gateway.services.callbacks import outbox
from gateway.services.ledger import refund
from gateway.storage import dispatch, leases, receipts
from gateway.storage.dispatch import Held, MessageKey
from gateway.storage.receipts import Parked
from gateway.storage.tables import Order

MAX_FAILURE = 200

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Policies:
    """What the operator chose for one connector."""

    unknown: UnknownPolicy
    refund: RefundPolicy


STRICTEST = Policies(UnknownPolicy.HOLD, RefundPolicy.NONE)
"""For messages of a connector that is gone."""


def policies(session: Session) -> Mapping[str, Policies]:
    """The choices for every connector, by name."""
    return {row.name: Policies(UnknownPolicy(row.unknown_policy), RefundPolicy(row.refund_policy)) for row in leases.every(session)}


class Refunds:
    """What is owed for messages that were written back, paid at the end of a transaction: accounts are locked behind all messages."""

    def __init__(self) -> None:
        self._units: defaultdict[tuple[int, UUID], int] = defaultdict(int)
        self._notes: dict[tuple[int, UUID], str] = {}

    def owe(self, before: Held, after: Held, note: str) -> None:
        """Notes what a message is paid back. ``note`` goes to the ledger; the first of an order counts."""
        if after.refunded_units != before.refunded_units:
            self._units[after[:2]] += after.refunded_units - before.refunded_units
            self._notes.setdefault(after[:2], note)

    def pay(self, session: Session, now: datetime) -> None:
        """One ledger entry for each order, accounts in ascending order."""
        for order_key in sorted(self._units):
            refund(session, session.get_one(Order, order_key), self._units[order_key], now, self._notes[order_key])
        self._units.clear()


def settle(
    session: Session, changed: Sequence[Held], chosen: Mapping[str, Policies], now: datetime, note: str, later: Refunds | None = None
) -> None:
    """Writes held messages back and pays back those that the connector's policy says: one ledger entry for each order. Programs that want
    to know are told (:mod:`gateway.services.callbacks`).

    Args:
        later: collects what is owed, where the caller's transaction locks more messages behind this; it is paid by the caller then.
    """
    refunds = Refunds() if later is None else later
    paid = [_paid_back(held, chosen.get(held.connector, STRICTEST)) for held in changed]
    outbox.messages(session, paid, now)  # before they are written: it compares with what is there
    dispatch.write(session, paid)
    for before, after in zip(changed, paid, strict=True):
        refunds.owe(before, after, note)
    if later is None:
        refunds.pay(session, now)


def ended(held: Held, state: State, now: datetime, failure: str | None = None) -> Held:
    """The message in a final state."""
    return held._replace(state=state, final_at=now, receipt_due_at=None, failure=failure and failure[:MAX_FAILURE])


def record_receipts(
    session: Session, connector: str, came: Sequence[Receipt], chosen: Mapping[str, Policies], now: datetime, refunds: Refunds
) -> None:
    """Stores receipts, parks those whose message is not known, and moves the others' messages on."""
    came = named_as_given(session, connector, came, now)
    named = _by_name(dispatch.hold_named(session, connector, [receipt.smsc_message_id for receipt in came]))
    receipts.store(session, connector, [(receipt, _key(named.get(receipt.smsc_message_id))) for receipt in came], now)
    _apply(session, named, came, chosen, now, refunds)


def named_as_given(session: Session, connector: str, came: Sequence[Receipt], now: datetime) -> list[Receipt]:
    """The receipts with the ids that their messages were given, whatever form the carrier wrote them in."""
    return [receipt for receipt, _ in _identified(session, connector, came, now)]


def match_unclaimed(session: Session, found: Sequence[Parked], chosen: Mapping[str, Policies], now: datetime) -> int:
    """Looks again for the messages of parked receipts in every form of their ids; how many were found."""
    renamed: list[Parked] = []
    for connector in sorted({each.connector for each in found}):
        mine = [each for each in found if each.connector == connector]
        again = _identified(session, connector, [each.receipt for each in mine], now)
        renamed += [each._replace(receipt=receipt) for each, (receipt, proven) in zip(mine, again, strict=True) if proven]
    receipts.rename(session, [(each.id, each.receipt.smsc_message_id) for each in renamed])
    refunds = Refunds()
    apply_parked(session, renamed, chosen, now, refunds)
    refunds.pay(session, now)
    return len(renamed)


def _identified(session: Session, connector: str, came: Sequence[Receipt], now: datetime) -> list[tuple[Receipt, bool]]:
    """Each receipt with the id that its message was given, and whether its recipient proves it.

    A form is learned from a receipt that names the recipient of the message it means, and then counts for those that do not.
    """
    learned = receipts.learned_form(session, connector)
    known = receipts.recipients(session, connector, {applied(learned, receipt.smsc_message_id) for receipt in came})
    open_ = [receipt for receipt in came if not _is_plain(receipt, learned, known)]
    if open_:
        known |= receipts.recipients(session, connector, {name for each in open_ for name in candidates(each.smsc_message_id).values()})
    found: list[tuple[Receipt, bool]] = []
    for receipt in came:
        name, proven = choose(receipt.smsc_message_id, receipt.recipient, learned, known)
        if proven is not None and proven != (learned or AS_GIVEN):
            receipts.learn_form(session, connector, proven, now)
            log.info("receipt_id_form_learned", connector=connector, form=proven, before=learned or AS_GIVEN)
            learned = proven
        found.append((replace(receipt, smsc_message_id=name), proven is not None))
    return found


def _is_plain(receipt: Receipt, learned: str | None, known: Mapping[str, str]) -> bool:
    """Whether the learned form names a message that the receipt can mean, so that no other form need be tried."""
    recipient = known.get(applied(learned, receipt.smsc_message_id))
    return recipient is not None and receipt.recipient in ("", recipient)


def apply_parked(session: Session, parked: Sequence[Parked], chosen: Mapping[str, Policies], now: datetime, refunds: Refunds) -> None:
    """Gives parked receipts to their messages, which are known by now."""
    for connector in sorted({each.connector for each in parked}):
        waiting = [each for each in parked if each.connector == connector]
        named = _by_name(dispatch.hold_named(session, connector, [each.receipt.smsc_message_id for each in waiting]))
        found = [(each.id, named[each.receipt.smsc_message_id].key) for each in waiting if each.receipt.smsc_message_id in named]
        receipts.unpark(session, found)
        _apply(session, named, [each.receipt for each in waiting], chosen, now, refunds)


def _apply(
    session: Session, named: dict[str, Held], came: Sequence[Receipt], chosen: Mapping[str, Policies], now: datetime, refunds: Refunds
) -> None:
    changed: dict[str, Held] = {}
    for receipt in came:
        name = receipt.smsc_message_id
        held = changed.get(name) or named.get(name)
        state = held and merge(held.state, receipt.state)
        if held and state:
            failure = None if state is State.DELIVERED else f"receipt: {receipt.carrier_code or state.value}"
            changed[name] = ended(held, state, min(receipt.at, now), failure)
    settle(session, list(changed.values()), chosen, now, "not delivered", refunds)


def _by_name(messages: Sequence[Held]) -> dict[str, Held]:
    """By the carrier's name for it; where a carrier used a name twice, the message sent last."""
    by_time = sorted(messages, key=lambda held: str(held.sent_at or ""))
    return {held.smsc_message_id: held for held in by_time if held.smsc_message_id}


def _key(held: Held | None) -> MessageKey | None:
    return held.key if held else None


def _paid_back(held: Held, policy: Policies) -> Held:
    if held.refunded_units or not refundable(policy.refund, held.state, held.sent_at is not None):
        return held
    return held._replace(refunded_units=held.units)
