"""Numbers that messages come to, and the accounts that they are for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gateway.domain import msisdn
from gateway.domain.assembly import is_number
from gateway.domain.errors import Conflict, InvalidField, NotFound
from gateway.services.core import Gateway
from gateway.storage.identity import account_by_name
from gateway.storage.tables import Account, InboundMessage, InboundNumber

_short = re.compile(r"[0-9]{3,6}", re.ASCII).fullmatch


def read_number(written: str, region: str | None) -> str:
    """A number that messages come to as it is stored: three to six digits are a short code, all else is E.164.

    Raises:
        InvalidRecipient: it is neither.
    """
    number = written.strip()
    return number if _short(number) else msisdn.normalise(number, region)


def add(gateway: Gateway, account_name: str, number: str, *, take_unrouted: bool) -> int:
    """Gives a number to an account.

    Args:
        take_unrouted: messages that came to it before, and are nobody's, become the account's too.

    Returns:
        How many of those there were.

    Raises:
        NotFound: no such account.
        InvalidField: ``number`` is neither a number with country code nor a short code.
        Conflict: another account has it.
    """
    number = written(number)
    with gateway.writing() as session:
        account = _account(session, account_name)
        row = session.get(InboundNumber, number, with_for_update=True)
        if row is not None and row.account_id != account.id:
            raise Conflict(f"{number} is another account's; take it away first: dragoman number remove {number}")
        if row is None:
            session.add(InboundNumber(number=number, account_id=account.id, created_at=gateway.clock.now()))
            session.flush()
        if not take_unrouted:
            return 0
        nobodys = (InboundMessage.account_id.is_(None), InboundMessage.recipient == number)
        taken = update(InboundMessage).where(*nobodys).values(account_id=account.id).returning(InboundMessage.id)
        return len(session.scalars(taken, execution_options={"synchronize_session": False}).all())


def remove(gateway: Gateway, number: str) -> None:
    """Takes a number away from its account, which keeps what came so far.

    Raises:
        NotFound: nobody has it.
        InvalidField: as :func:`add`.
    """
    number = written(number)
    with gateway.writing() as session:
        row = session.get(InboundNumber, number)
        if row is None:
            raise NotFound("inbound number")
        session.delete(row)


def listed(gateway: Gateway, account_name: str | None) -> Sequence[tuple[InboundNumber, str]]:
    """Numbers with the names of their accounts: of one account, or all.

    Raises:
        NotFound: no such account.
    """
    with gateway.reading() as session:
        query = select(InboundNumber, Account.name).join(Account, Account.id == InboundNumber.account_id).order_by(InboundNumber.number)
        if account_name is not None:
            query = query.where(InboundNumber.account_id == _account(session, account_name).id)
        rows = [(row[0], row[1]) for row in session.execute(query)]
        session.expunge_all()
        return rows


def written(number: str) -> str:
    """A number as an operator writes it, in the form in which it is stored.

    Raises:
        InvalidField: neither a number with country code nor a short code.
    """
    number = "".join(number.split())
    number = "+" + number[2:] if number.startswith("00") else number
    if not is_number(number) or not (number.startswith("+") or _short(number)):
        raise InvalidField("number", "must be a telephone number with country code and plus, or a short code of three to six digits")
    return number


def _account(session: Session, name: str) -> Account:
    account = account_by_name(session, name)
    if account is None:
        raise NotFound("account")
    return account
