"""A demo account with one credential of every kind, for a first look and for trying a client program.

Passwords are only hashes in the database, so the credentials are kept beside it in a file that only its owner reads.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import string
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway.domain.credit import UNITS_PER_CREDIT
from gateway.domain.errors import Conflict
from gateway.services import accounts
from gateway.services.accounts import NewAccount
from gateway.services.core import Gateway
from gateway.services.identity import change_password
from gateway.services.ledger import add_credit
from gateway.services.passwords import verify_password
from gateway.storage.identity import user_by_name

ACCOUNT = "demo"
USERNAME = "demo"
FIRST_CREDIT_UNITS = 1000 * UNITS_PER_CREDIT
FILE = "demo.json"
SMSEND_PREFIX = "/API/v1.0/REST/"
PASSWORD_LENGTH = 20
URL_SAFE = string.ascii_letters + string.digits + "._~-"
"""Old programs paste credentials into URLs without escaping them; these characters survive that."""


def prepare_demo(gateway: Gateway) -> dict[str, str]:
    """Makes what is missing of the demo account and gives everything a client program needs to use it.

    A password that the kept file does not know (deleted, or changed by hand) is replaced.

    Raises:
        Conflict: another account has a user of the demo's name.
    """
    with _alone(gateway):
        _make_account(gateway)
        password = _kept_password(gateway) or _new_password(gateway)
        return _told(gateway, password)


def known_demo(gateway: Gateway) -> dict[str, str] | None:
    """The same without changing anything; None when the demo account or its password is not there."""
    password = _kept_password(gateway)
    return None if password is None else _told(gateway, password)


def is_fresh(gateway: Gateway) -> bool:
    """Whether nobody has an account here yet."""
    return not accounts.accounts(gateway)


def generated_password() -> str:
    """A random password of some 120 bits that needs no escaping anywhere."""
    middle = "".join(secrets.choice(URL_SAFE) for _ in range(PASSWORD_LENGTH - 2))
    ends = string.ascii_letters + string.digits  # so that it can be marked by a double click and ends no sentence
    return secrets.choice(ends) + middle + secrets.choice(ends)


def _told(gateway: Gateway, password: str) -> dict[str, str]:
    base = gateway.settings.base_url
    return {
        "base_url": base,
        "smsend_base_url": base + SMSEND_PREFIX,
        "account": ACCOUNT,
        "username": USERNAME,
        "password": password,
    }


def _make_account(gateway: Gateway) -> None:
    with suppress(Conflict):
        accounts.create_account(gateway, NewAccount(ACCOUNT))
    account, _ = accounts.account_with_users(gateway, ACCOUNT)
    if account.ledger_sequence == 0:
        add_credit(gateway, ACCOUNT, FIRST_CREDIT_UNITS, "demo")


def _kept_password(gateway: Gateway) -> str | None:
    """The password in the file, if it still opens the door."""
    password = _read(gateway.settings.data_dir / FILE)
    if password is None:
        return None
    with gateway.reading() as session:
        found = user_by_name(session, USERNAME)
        stored = None if found is None else found[0].password_hash
    return password if verify_password(stored, password) else None


def _new_password(gateway: Gateway) -> str:
    password = generated_password()
    _, users = accounts.account_with_users(gateway, ACCOUNT)
    if any(user.username == USERNAME for user in users):
        change_password(gateway, USERNAME, password)
    else:  # refused where another account has a user of that name: that user's password is nobody's to change
        accounts.create_user(gateway, ACCOUNT, USERNAME, password)
    _write(gateway.settings.data_dir / FILE, {"username": USERNAME, "password": password})
    return password


def _read(path: Path) -> str | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    password = found.get("password") if isinstance(found, dict) else None
    return password if isinstance(password, str) else None


def _write(path: Path, values: dict[str, str]) -> None:
    """Replaces the file as a whole. ``mkstemp`` makes it with mode 0600 from the first byte on."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(values, file, indent=2)
            file.write("\n")
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def _alone(gateway: Gateway) -> Iterator[None]:
    """Two programs that ask at once would each set a password. The folder itself is the lock."""
    gateway.settings.data_dir.mkdir(parents=True, exist_ok=True)
    folder = os.open(gateway.settings.data_dir, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
