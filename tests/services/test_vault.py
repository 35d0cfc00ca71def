"""Secrets at rest: readable under every secret of the settings, for their purpose only."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from cryptography.fernet import Fernet

from gateway.config import Settings
from gateway.domain.errors import Unavailable
from gateway.services import vault

OLD, NEW = "the-secret-of-last-year-123456", "the-secret-of-this-year-123456"


def settings(*secrets: str) -> Settings:
    return Settings.from_environment({"DRAGOMAN_DATABASE_URL": "sqlite:///x", "DRAGOMAN_SECRET_KEY": ",".join(secrets)})


@pytest.mark.parametrize("secret", ["", "signing-key", "schlüssel 🔑", "x" * 10_000])
def test_what_goes_in_comes_out(secret):
    stored = vault.encrypt(settings(NEW), "webhook", secret)
    assert vault.decrypt(settings(NEW), "webhook", stored) == secret
    assert not secret or secret.encode() not in stored


def test_the_same_secret_looks_different_each_time():
    assert vault.encrypt(settings(NEW), "webhook", "same") != vault.encrypt(settings(NEW), "webhook", "same")


def test_after_a_rotation_the_old_secret_still_decrypts_and_the_new_one_encrypts():
    before = vault.encrypt(settings(OLD), "webhook", "signing-key")
    rotated = settings(NEW, OLD)
    assert vault.decrypt(rotated, "webhook", before) == "signing-key"
    after = vault.encrypt(rotated, "webhook", "signing-key")
    assert vault.decrypt(settings(NEW), "webhook", after) == "signing-key"
    with pytest.raises(Unavailable):
        vault.decrypt(settings(OLD), "webhook", after)


@pytest.mark.parametrize("stored", [b"", b"nonsense", b"\xff" * 100])
def test_what_nobody_encrypted_is_refused(stored):
    with pytest.raises(Unavailable):
        vault.decrypt(settings(NEW), "webhook", stored)


def test_a_lost_secret_is_told_without_what_was_stored():
    stored = vault.encrypt(settings(OLD), "webhook", "signing-key")
    with pytest.raises(Unavailable) as refused:
        vault.decrypt(settings(NEW), "webhook", stored)
    assert stored.decode() not in str(refused.value)
    assert OLD not in str(refused.value) and NEW not in str(refused.value)


def test_one_changed_byte_is_noticed():
    stored = bytearray(vault.encrypt(settings(NEW), "webhook", "signing-key"))
    stored[20] ^= 1
    with pytest.raises(Unavailable):
        vault.decrypt(settings(NEW), "webhook", bytes(stored))


def test_one_purpose_does_not_read_another():
    with pytest.raises(Unavailable):
        vault.decrypt(settings(NEW), "carrier", vault.encrypt(settings(NEW), "webhook", "signing-key"))


def test_the_key_is_derived_as_rfc_5869_says():
    extracted = hmac.digest(bytes(32), NEW.encode(), hashlib.sha256)
    derived = hmac.digest(extracted, b"dragoman.vault\0webhook\x01", hashlib.sha256)
    stored = vault.encrypt(settings(NEW), "webhook", "signing-key")
    assert Fernet(base64.urlsafe_b64encode(derived)).decrypt(stored) == b"signing-key"
