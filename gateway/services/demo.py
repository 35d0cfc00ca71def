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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway.domain.credit import UNITS_PER_CREDIT
from gateway.domain.errors import AuthenticationFailed, Conflict, PermissionDenied
from gateway.services import accounts, devices, identity, keys, phones
from gateway.services.accounts import NewAccount
from gateway.services.core import Gateway
from gateway.services.identity import change_password
from gateway.services.ledger import add_credit
from gateway.services.passwords import verify_password
from gateway.services.phones import PhoneChange
from gateway.storage.identity import user_by_name

ACCOUNT = "demo"
USERNAME = "demo"
DEVICE = "demo-device"
PHONE = "+18005550199"
"""A fictional number, which the documentation of httpSMS uses: its samples run as they stand."""
FIRST_CREDIT_UNITS = 1000 * UNITS_PER_CREDIT
FILE = "demo.json"
SMSEND_PREFIX = "/API/v1.0/REST/"
PASSWORD_LENGTH = 20
URL_SAFE = string.ascii_letters + string.digits + "._~-"
"""Old programs paste credentials into URLs without escaping them; these characters survive that."""
URL_SAFE_ALPHABET = frozenset(URL_SAFE)


def prepare_demo(gateway: Gateway) -> dict[str, str]:
    """Makes what is missing of the demo account and gives everything a client program needs to use it, in each dialect.

    A password or key that the kept file does not know (deleted, or changed by hand) is replaced.

    Raises:
        Conflict: another account has a user or a device of the demo's names; or the demo's are disabled.
    """
    with _alone(gateway):
        _make_account(gateway)
        _, users = accounts.account_with_users(gateway, ACCOUNT)
        for user in users:
            if user.disabled and user.username in (USERNAME, DEVICE):
                raise Conflict(f"user {user.username} is disabled; let it in again: dragoman user enable {user.username}")
        kept = _kept(gateway)
        made = {name: make(gateway) for name, make in MAKERS.items() if name not in kept}
        if made:
            _write(gateway.settings.data_dir / FILE, {"username": USERNAME, "device": DEVICE, **kept, **made})
        return _told(gateway, kept | made)


def renewed_demo(gateway: Gateway) -> dict[str, str] | None:
    """What :func:`prepare_demo` gives, for a demo account whose password is known; None for any other, which is left alone.

    A version that knows more dialects makes what an older one did not.
    """
    if "password" not in _kept(gateway):
        return None
    try:
        return prepare_demo(gateway)
    except Conflict:
        return None


def is_fresh(gateway: Gateway) -> bool:
    """Whether nobody has an account here yet."""
    return not accounts.accounts(gateway)


def generated_password() -> str:
    """A random password of some 120 bits that needs no escaping anywhere."""
    middle = "".join(secrets.choice(URL_SAFE) for _ in range(PASSWORD_LENGTH - 2))
    ends = string.ascii_letters + string.digits  # so that it can be marked by a double click and ends no sentence
    return secrets.choice(ends) + middle + secrets.choice(ends)


def _told(gateway: Gateway, credentials: dict[str, str]) -> dict[str, str]:
    base = gateway.settings.base_url
    return {
        "base_url": base,
        "smsend_base_url": base + SMSEND_PREFIX,
        "account": ACCOUNT,
        "username": USERNAME,
        "password": credentials["password"],
        "device": DEVICE,
        "device_password": credentials["device_password"],
        "api_key": credentials["api_key"],
        "v2_api_key": credentials["v2_api_key"],
        "phone": PHONE,
    }


def _make_account(gateway: Gateway) -> None:
    with suppress(Conflict):
        accounts.create_account(gateway, NewAccount(ACCOUNT))
    account, _ = accounts.account_with_users(gateway, ACCOUNT)
    if account.ledger_sequence == 0:
        add_credit(gateway, ACCOUNT, FIRST_CREDIT_UNITS, "demo")
    if not any(phone.number == PHONE for phone in phones.of_account(gateway, ACCOUNT)):
        phones.add(gateway, ACCOUNT, PHONE, PhoneChange())


def _kept(gateway: Gateway) -> dict[str, str]:
    """What of the file still opens its door."""
    found = _read(gateway.settings.data_dir / FILE)
    doors: dict[str, Callable[[str], bool]] = {
        "password": lambda value: _is_password(gateway, USERNAME, value),
        "device_password": lambda value: _is_password(gateway, DEVICE, value),
        "api_key": lambda value: _is_key(gateway, keys.HTTPSMS, value),
        "v2_api_key": lambda value: _is_key(gateway, keys.BULK, value),
    }
    return {name: value for name, opens in doors.items() if isinstance(value := found.get(name), str) and opens(value)}


def _is_password(gateway: Gateway, username: str, password: str) -> bool:
    with gateway.reading() as session:
        found = user_by_name(session, username)
        stored = None if found is None else found[0].password_hash
    return verify_password(stored, password)


def _is_key(gateway: Gateway, kind: str, key: str) -> bool:
    try:
        return identity.by_api_key(gateway, kind, key).account_name == ACCOUNT
    except (AuthenticationFailed, PermissionDenied):
        return False


def _new_password(gateway: Gateway) -> str:
    password = generated_password()
    if _has_user(gateway, USERNAME):
        change_password(gateway, USERNAME, password)
    else:  # refused where another account has a user of that name: that user's password is nobody's to change
        accounts.create_user(gateway, ACCOUNT, USERNAME, password)
    return password


def _new_device_password(gateway: Gateway) -> str:
    password = generated_password()
    if _has_user(gateway, DEVICE):
        devices.change_password(gateway, DEVICE, password)
    else:
        devices.create(gateway, ACCOUNT, DEVICE, password)
    return password


def _new_key(gateway: Gateway, kind: str) -> str:
    return keys.replace(gateway, kind, USERNAME).key


def _has_user(gateway: Gateway, username: str) -> bool:
    _, users = accounts.account_with_users(gateway, ACCOUNT)
    return any(user.username == username for user in users)


MAKERS: dict[str, Callable[[Gateway], str]] = {
    "password": _new_password,
    "device_password": _new_device_password,
    "api_key": lambda gateway: _new_key(gateway, keys.HTTPSMS),
    "v2_api_key": lambda gateway: _new_key(gateway, keys.BULK),
}
"""The credentials of the demo, and how each is made anew."""


def _read(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


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
