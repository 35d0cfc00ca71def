"""Numbers that must not be written to: by an account's own list, by STOP, or by the operator for every account.

They are looked for twice. When an order is accepted, so that nothing is charged; and when a message is claimed for sending, since STOP may
have come in between. Both find the same rows; only the second is never late.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.domain.assembly import is_number
from gateway.domain.errors import InvalidField, NotFound
from gateway.domain.keywords import REPLY_DIALECT
from gateway.domain.message import State
from gateway.domain.order import Submission
from gateway.domain.sending import AttemptKey, Outgoing
from gateway.services.callbacks import outbox
from gateway.services.core import Gateway
from gateway.services.ledger import refund
from gateway.services.settling import ended
from gateway.services.story import account_id_of
from gateway.storage import dispatch
from gateway.storage import optouts as stored
from gateway.storage.accept import Item, Mixed, Uniform
from gateway.storage.optouts import EVERYBODY as EVERYBODY
from gateway.storage.optouts import Listing as Listing
from gateway.storage.tables import OptOut as OptOut
from gateway.storage.tables import Order

OPTED_OUT = "opted out"
ORIGINS = ("API", "WEB", "STOPSMS")
"""Who put a number on a list: a program, a person at the gateway, the number itself."""
PULSE = "opt_outs"


def screened(gateway: Gateway, submission: Submission, messages: Uniform | Mixed) -> Uniform | Mixed:
    """The messages with those blocked, at no price, whose recipient opted out.

    Whether there are opt-outs at all is asked every few seconds; only if there are, each order costs one statement.
    """
    if submission.dialect == REPLY_DIALECT or not gateway.pulse.get(PULSE, lambda: int(stored.exist(gateway.engine))):
        return messages
    refusing = stored.among(gateway.engine, submission.account_id, submission.recipients)
    if not refusing:
        return messages
    return Mixed([_blocked(item) if item.recipient in refusing else item for item in messages.items()])


def let_through(session: Session, claimed: Sequence[Outgoing], now: datetime) -> list[Outgoing]:
    """The claimed messages without those whose recipient opted out meanwhile, which are blocked and paid back.

    In the transaction of the claim, behind the last statement that locks messages: accounts are locked here.
    """
    stopped = held_back(session, claimed)
    block(session, stopped, now)
    return [each for each in claimed if each.key not in stopped] if stopped else list(claimed)


def held_back(session: Session, claimed: Sequence[Outgoing]) -> set[AttemptKey]:
    """Those of the claimed messages that may not be sent any more."""
    refusing = stored.refusing(session, [(each.key, each.recipient) for each in claimed])
    return {each.key for each in claimed if each.key[:3] in refusing}


def block(session: Session, attempts: Iterable[AttemptKey], now: datetime) -> None:
    """Ends claimed messages as blocked and pays them back, whatever the connector's policy: nobody tried. The attempts are forgotten."""
    keys = set(attempts)
    if not keys:
        return
    held = dispatch.hold_attempted(session, keys)
    over = [
        ended(each, State.BLOCKED, now, OPTED_OUT)._replace(attempts=each.attempts - 1, refunded_units=each.units)
        for each in held.values()
    ]  # fmt: skip
    outbox.messages(session, over, now)  # before they are written: it compares with what is there
    dispatch.write(session, over)
    stored.forget_attempts(session, keys)
    owed: defaultdict[tuple[int, UUID], int] = defaultdict(int)
    for before, after in zip(held.values(), over, strict=True):
        owed[after.account_id, after.order_id] += after.refunded_units - before.refunded_units
    for order in sorted(owed):
        refund(session, session.get_one(Order, order), owed[order], now, OPTED_OUT)


def add(gateway: Gateway, account_id: int, numbers: Iterable[str], origin: str = "API") -> int:
    """Puts numbers (E.164) on an account's list (0: every account's). One that is there stays as it is. How many are new."""
    with gateway.writing() as session:
        added = stored.add(session, [(account_id, number) for number in numbers], origin, gateway.clock.now())
    gateway.pulse.forget()
    return added


def remove(gateway: Gateway, account_id: int, number: str) -> None:
    """Takes a number off a list, whoever put it there.

    Raises:
        NotFound: it is not on it.
    """
    with gateway.writing() as session:
        if not stored.remove(session, [(account_id, number)]):
            raise NotFound("number")


def page(gateway: Gateway, wanted: Listing, offset: int, limit: int) -> tuple[int, Sequence[OptOut]]:
    """How many of an account's opt-outs fit, and some of them, the newest first."""
    with gateway.reading() as session:
        total, rows = stored.page(session, wanted, offset, limit)
        session.expunge_all()
        return total, rows


# --- For the operator


def latest(
    gateway: Gateway, account_name: str | None, number: str | None, limit: int, *, of_everybody: bool
) -> list[tuple[OptOut, str | None]]:
    """The newest opt-outs with the names of their accounts, None for every account's.

    Args:
        account_name: only this account's; ``of_everybody``: only those that hold for every account.

    Raises:
        NotFound: no such account.
    """
    with gateway.reading() as session:
        account_id = EVERYBODY if of_everybody else account_id_of(session, account_name)
        rows = stored.latest(session, account_id, number, limit)
        session.expunge_all()
        return rows


def list_of(gateway: Gateway, account_name: str | None) -> int:
    """The id of an account's list; None: the one that holds for every account.

    Raises:
        NotFound: no such account.
    """
    with gateway.reading() as session:
        return account_id_of(session, account_name) or EVERYBODY


def written_number(written: str) -> str:
    """A number as an operator writes it: with its country code, or a short code.

    Raises:
        InvalidField
    """
    number = "".join(written.split())
    number = "+" + number[2:] if number.startswith("00") else number
    if not is_number(number):
        raise InvalidField("number", "must be a telephone number with country code and plus, or a short code")
    return number


def _blocked(item: Item) -> Item:
    return item._replace(units=0, due_at=None, state=State.BLOCKED.value, failure=OPTED_OUT)
