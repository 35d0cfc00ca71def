"""Making and changing accounts and users: the operator's side of identity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.domain import dates
from gateway.domain import originator as sender
from gateway.domain import permissions as known_permissions
from gateway.domain.credit import UNITS_PER_CREDIT
from gateway.domain.errors import Conflict, InvalidField, NotFound
from gateway.domain.order import HIGHEST_PRIORITY, LOWEST_PRIORITY
from gateway.domain.parts import TextPolicy
from gateway.domain.regions import checked_region
from gateway.services.core import Gateway
from gateway.services.identity import new_user_key, usable_password
from gateway.services.keys import KeyTerms, checked
from gateway.services.ledger import MOST_UNITS
from gateway.services.passwords import hash_password
from gateway.storage import identity as stored
from gateway.storage.tables import Account, User

Row = TypeVar("Row", Account, User)
LONGEST_NAME = 64
LONGEST_USERNAME = 128


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What an operator says of a new account. ``originators`` None allows any sender; ``credit_limit_units`` is how far below zero."""

    name: str
    zone: str = ""
    region: str = ""
    originator: str | None = None
    originators: Sequence[str] | None = None
    text_policy: TextPolicy = TextPolicy.UCS2
    credit_limit_units: int = 0


def create_account(gateway: Gateway, new: NewAccount) -> Account:
    """Makes a customer's account with no credit.

    Raises:
        InvalidInput: an unusable name, zone, region or sender.
        Conflict: the name is taken.
    """
    _check_name("name", new.name, LONGEST_NAME)
    if not 0 <= new.credit_limit_units <= MOST_UNITS:
        raise InvalidField("credit_limit", f"must not be negative, nor above {MOST_UNITS // UNITS_PER_CREDIT} credits")
    account = Account(
        name=new.name,
        zone=dates.zone(new.zone, "zone").key if new.zone else gateway.settings.default_zone.key,
        default_region=checked_region(new.region or gateway.settings.default_region),
        default_originator=sender.normalise(new.originator) if new.originator else None,
        originators=None if new.originators is None else [sender.normalise(each) for each in new.originators],
        text_policy=new.text_policy.value,
        credit_limit=new.credit_limit_units,
        created_at=gateway.clock.now(),
    )
    with gateway.writing() as session:
        if stored.account_by_name(session, new.name) is not None or new.name in ("issuer", "revenue"):
            raise Conflict(f"account {new.name} exists already")
        kept = _added(session, account)
        session.expunge(kept)
        return kept


def create_user(gateway: Gateway, account_name: str, username: str, password: str, permissions: Sequence[str] = ("*",)) -> User:
    """Makes a user of an account.

    Raises:
        InvalidInput: an unusable name, password or permission.
        NotFound: no such account.
        Conflict: the name is taken, by any account.
    """
    password_hash = hash_password(usable_password(password))
    with gateway.writing() as session:
        user = added_user(gateway, session, account_name, username, password_hash, permissions)
        session.expunge(user)
        return user


def added_user(
    gateway: Gateway, session: Session, account_name: str, username: str, password_hash: str, permissions: Sequence[str]
) -> User:
    """A new user, within the caller's transaction. Raises as :func:`create_user`."""
    _check_name("username", username, LONGEST_USERNAME)
    known_permissions.checked(permissions)
    account = _account(session, account_name)
    if stored.user_by_name(session, username) is not None:
        raise Conflict(f"user {username} exists already")
    user = User(
        account_id=account.id,
        username=username,
        password_hash=password_hash,
        user_key=new_user_key(),
        permissions=list(permissions),
        created_at=gateway.clock.now(),
    )
    return _added(session, user)


def set_user_limits(gateway: Gateway, username: str, change: Callable[[KeyTerms], KeyTerms]) -> User:
    """Changes what a user may do and from where; calls in progress are held to it at once.

    Args:
        change: from the user's terms as they are to the terms wanted. Permissions None leaves them.

    Raises:
        NotFound: no such user.
        InvalidField: a permission, network, cap or pace that cannot be used.
    """
    with gateway.writing() as session:
        found = stored.user_by_name(session, username)
        if found is None:
            raise NotFound("user")
        user = found[0]
        wanted = change(KeyTerms(user.permissions, user.allowed_networks, user.daily_cap, user.calls_per_minute, user.is_test))
        checked(wanted)
        if wanted.permissions is not None and wanted.permissions is not user.permissions:
            known_permissions.checked(wanted.permissions)
            user.permissions = list(wanted.permissions)
        user.allowed_networks = None if wanted.networks is None else list(wanted.networks)
        user.daily_cap, user.calls_per_minute, user.is_test = wanted.daily_cap, wanted.calls_per_minute, wanted.is_test
        user.revision += 1
        session.flush()
        session.refresh(user)
        session.expunge(user)
        return user


def set_user_lane(gateway: Gateway, username: str, lane: int | None) -> User:
    """Sets the lane of a user's messages whose call names none: 1 for alarms, which wait for nothing, to 3; None: the usual one.

    Raises:
        NotFound: no such user.
        InvalidField: no such lane.
    """
    if lane is not None and not HIGHEST_PRIORITY <= lane <= LOWEST_PRIORITY:
        raise InvalidField("lane", f"must be a whole number from {HIGHEST_PRIORITY} to {LOWEST_PRIORITY}")
    with gateway.writing() as session:
        found = stored.user_by_name(session, username)
        if found is None:
            raise NotFound("user")
        user = found[0]
        user.lane = lane
        user.revision += 1
        session.flush()
        session.refresh(user)
        session.expunge(user)
        return user


def set_user_disabled(gateway: Gateway, username: str, *, disabled: bool) -> None:
    """Shuts a user out, at once and in all sessions; or lets the user in again.

    Raises:
        NotFound
    """
    with gateway.writing() as session:
        found = stored.user_by_name(session, username)
        if found is None:
            raise NotFound("user")
        found[0].disabled = disabled
        found[0].revision += 1
        if disabled:
            stored.revoke_sessions(session, found[0].id, gateway.clock.now())


def revoke_keys(gateway: Gateway, username: str) -> None:
    """Ends a user's sessions and access token; the next ``/token`` gives a new one.

    Raises:
        NotFound
    """
    now = gateway.clock.now()
    with gateway.writing() as session:
        found = stored.user_by_name(session, username)
        if found is None:
            raise NotFound("user")
        stored.revoke_sessions(session, found[0].id, now)
        stored.revoke_access_tokens(session, found[0].id, now)


def accounts(gateway: Gateway) -> list[Account]:
    """Every customer's account, by name."""
    with gateway.reading() as session:
        rows = list(session.scalars(select(Account).where(Account.kind == "customer").order_by(Account.name)))
        session.expunge_all()
        return rows


def account_with_users(gateway: Gateway, name: str) -> tuple[Account, list[User]]:
    """One account and its users.

    Raises:
        NotFound
    """
    with gateway.reading() as session:
        account = _account(session, name)
        users = list(session.scalars(select(User).where(User.account_id == account.id).order_by(User.username)))
        session.expunge_all()
        return account, users


def _account(session: Session, name: str) -> Account:
    account = stored.account_by_name(session, name)
    if account is None:
        raise NotFound("account")
    return account


def _added(session: Session, row: Row) -> Row:
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def _check_name(field: str, name: str, longest: int) -> None:
    if not name or len(name) > longest or name != name.strip() or not name.isprintable():
        raise InvalidField(field, f"must be 1 to {longest} printable characters, with no blank at either end")
