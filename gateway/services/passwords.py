"""Passwords: argon2id at rest, and a memory of what was just verified.

Old programs send a password with every call. A check costs some 15 ms of a core, so a positive result is kept
for a few minutes in the process. The key of that memory binds the stored hash: a changed password is forgotten at once.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MAX_PASSWORD_BYTES = 512
KEEP_SECONDS = 300
MOST_ENTRIES = 10_000

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_nobody = _hasher.hash(secrets.token_hex(16))


def hash_password(password: str) -> str:
    """The argon2id text to store (t=2, 19 MiB, p=1)."""
    return _hasher.hash(password.encode("utf-8", "surrogatepass"))


def verify_password(stored: str | None, password: str) -> bool:
    """Whether the password fits. ``stored`` None (no such user) takes as long as a wrong password."""
    candidate = password.encode("utf-8", "surrogatepass")
    if len(candidate) > MAX_PASSWORD_BYTES:
        return False
    try:
        return _hasher.verify(stored or _nobody, candidate) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


class VerifiedPasswords:
    """Which passwords this process verified in the last five minutes. Holds keyed digests only, bounded in number."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._until: OrderedDict[bytes, float] = OrderedDict()
        self._lock = threading.Lock()

    def knows(self, user_id: int, stored: str, password: str) -> bool:
        """Whether this very password was verified against this very hash a moment ago."""
        until = self._until.get(self._key(user_id, stored, password))
        return until is not None and until > time.monotonic()

    def remember(self, user_id: int, stored: str, password: str) -> None:
        """Notes a positive result."""
        with self._lock:
            key = self._key(user_id, stored, password)
            self._until[key] = time.monotonic() + KEEP_SECONDS
            self._until.move_to_end(key)
            while len(self._until) > MOST_ENTRIES:
                self._until.popitem(last=False)

    def _key(self, user_id: int, stored: str, password: str) -> bytes:
        text = f"{user_id}\0{stored}\0{password}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._secret, text, hashlib.sha256)
