"""What an operator decides about messages of uncertain outcome: send them again, or settle them for good.

A late answer or receipt may come at the same moment: each message is locked and looked at again before it is moved, and one that
is no longer unknown is left to whoever was first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gateway.domain.errors import Conflict, InvalidField, NotFound
from gateway.domain.message import State, may_move
from gateway.domain.sending import AttemptKey
from gateway.services.core import Gateway
from gateway.services.settling import ended, policies, settle
from gateway.services.story import account_id_of, order_named
from gateway.storage import connectors, dispatch
from gateway.storage import unknown as stored
from gateway.storage.dispatch import Held
from gateway.storage.tables import Attempt, Message, Order
from gateway.storage.unknown import Place

BATCH = 500
ENDS = (State.DELIVERED, State.UNDELIVERED, State.FAILED, State.SENT, State.EXPIRED)
"""What an unknown message may be settled as. Of these only ``failed`` says that the carrier never took it."""
BY_OPERATOR = "settled by the operator as"


@dataclass(frozen=True, slots=True)
class Listed:
    """An unknown message with its order, the name of the account that paid, and the attempt that ended so."""

    order: Order
    message: Message
    account_name: str
    attempt: Attempt | None

    @property
    def since(self) -> datetime | None:
        """When it became unknown."""
        return None if self.attempt is None else self.attempt.finished_at


@dataclass(frozen=True, slots=True)
class Chosen:
    """``count`` unknown messages of one order: those to ``recipient`` (E.164), or all."""

    account_id: int
    order_id: UUID
    recipient: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Done:
    """How many messages were moved, and how many were left because their validity is over."""

    moved: int
    too_late: int


def listed(gateway: Gateway, connector: str | None, account_name: str | None, limit: int) -> tuple[list[Listed], int]:
    """The unknown messages that are so for longest, and how many there are in all.

    Raises:
        NotFound: no such account or connector.
    """
    with gateway.reading() as session:
        if connector is not None and not connectors.exists(session, connector):
            raise NotFound("connector")
        account_id = account_id_of(session, account_name)
        rows = stored.listed(session, connector=connector, account_id=account_id, limit=limit)
        total = stored.count(session, connector=connector, account_id=account_id)
        session.expunge_all()
        return [Listed(*row) for row in rows], total


def choose(gateway: Gateway, name: str, account_name: str | None, recipient: str | None, *, every: bool) -> Chosen:
    """The unknown messages of an order that are meant. One that is alone need not be named.

    Args:
        name: the order's id or the customer's reference.
        recipient: E.164, to name one.
        every: all of the order are meant.

    Raises:
        NotFound: no such order or account.
        Conflict: several orders are called so, none of these messages is unknown, or several are and none was named.
    """
    with gateway.reading() as session:
        order = order_named(session, name, account_name)
        count = stored.count_of_order(session, order.account_id, order.id, recipient)
        if not count:
            words = "the order has no unknown message" if recipient is None else f"no message of the order to {recipient} is unknown"
            raise Conflict(words)
        if recipient is None and not every:
            if count > 1:
                raise Conflict(f"the order has {count} unknown messages; name one recipient, or choose all")
            recipient = stored.first_recipient(session, order.account_id, order.id)
        return Chosen(order.account_id, order.id, recipient, count)


def resend(gateway: Gateway, chosen: Chosen) -> Done:
    """Puts unknown messages back into the queue, due now; their attempts go on counting. The handset may ring twice.

    A message whose validity is over stays as it is: it would expire at once and might be paid back though it arrived.

    Raises:
        Conflict: all that are left have a validity that is over.
    """

    def again(held: Held, place: Place, now: datetime) -> Held | None:
        if place.expires_at is not None and place.expires_at <= now:
            return None
        return held._replace(state=State.QUEUED, due_at=now)

    done = _decide(gateway, chosen, again, "sent it again")
    if not done.moved and done.too_late:
        raise Conflict("the validity of what is unknown is over, so it cannot be sent again; settle it")
    return done


def settle_as(gateway: Gateway, chosen: Chosen, state: State) -> Done:
    """Ends unknown messages as the operator knows they ended, with the refunds that the connector's policy gives.

    ``sent`` is no end, but nothing more comes: the carrier's name for the message is not known, so no receipt finds it.

    Raises:
        InvalidField: a state that an unknown message cannot be settled as.
    """
    if state not in ENDS or not may_move(State.UNKNOWN, state):
        raise InvalidField("state", f"is one of {', '.join(ENDS)}")

    def over(held: Held, place: Place, now: datetime) -> Held:
        taken = held if state is State.FAILED else held._replace(sent_at=place.tried_at or now)
        if state is State.SENT:
            return taken._replace(state=state)
        return ended(taken, state, now, None if state is State.DELIVERED else f"{BY_OPERATOR} {state}")

    return _decide(gateway, chosen, over, f"settled it as {state}")


def _decide(gateway: Gateway, chosen: Chosen, change: Callable[[Held, Place, datetime], Held | None], words: str) -> Done:
    """Changes the chosen messages in bounded batches, each with its notes and refunds in a transaction of its own."""
    after, moved, too_late = -1, 0, 0
    while True:
        now = gateway.clock.now()
        with gateway.writing() as session:
            places = stored.places(session, chosen.account_id, chosen.order_id, chosen.recipient, after, BATCH)
            if not places:
                return Done(moved, too_late)
            keys = [AttemptKey(chosen.account_id, chosen.order_id, place.position, 0) for place in places]
            held = {key[2]: each for key, each in dispatch.hold_attempted(session, keys).items() if each.state is State.UNKNOWN}
            changed = [change(held[place.position], place, now) for place in places if place.position in held]
            new = [each for each in changed if each is not None]
            settle(session, new, policies(session), now, f"{BY_OPERATOR} {new[0].state}" if new else "")
            stored.note(session, new, words)
        after, moved, too_late = places[-1].position, moved + len(new), too_late + len(changed) - len(new)
