"""Secrets that must be read again, encrypted at rest: under a key derived from ``secret_key``, one for each purpose.

The newest secret encrypts, every one decrypts, as with sessions. What was encrypted for one purpose cannot be decrypted for another.
A digest is better wherever it will do (:func:`gateway.services.identity.key_digest`).
"""

from __future__ import annotations

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.config import Settings
from gateway.domain.errors import Unavailable

INFO = b"dragoman.vault\0"
KEY_BYTES = 32


def encrypt(settings: Settings, purpose: str, secret: str) -> bytes:
    """The secret as it may be stored: authenticated cipher text, another one each time."""
    return _vault(settings.secret_key, purpose).encrypt(secret.encode())


def decrypt(settings: Settings, purpose: str, stored: bytes) -> str:
    """The secret behind :func:`encrypt`.

    Raises:
        Unavailable: no secret of the settings encrypted it for this purpose; the setting SECRET_KEY has lost an old one.
    """
    try:
        return _vault(settings.secret_key, purpose).decrypt(stored).decode()
    except InvalidToken:
        raise Unavailable(f"a stored secret ({purpose}) cannot be decrypted: the SECRET_KEY that it was encrypted under is gone") from None


def renewed(settings: Settings, purpose: str, stored: bytes) -> bytes:
    """The same secret encrypted under the newest key. Raises as :func:`decrypt`."""
    return encrypt(settings, purpose, decrypt(settings, purpose, stored))


@lru_cache(maxsize=64)
def _vault(secrets: tuple[str, ...], purpose: str) -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(_derived(secret, purpose))) for secret in secrets])


def _derived(secret: str, purpose: str) -> bytes:
    """Source: RFC 5869, with SHA-256 and no salt: the secrets are long and random."""
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=INFO + purpose.encode()).derive(secret.encode())
