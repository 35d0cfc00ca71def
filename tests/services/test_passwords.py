"""Passwords at rest, and the memory of those just verified. Needs no database."""

from __future__ import annotations

import time

import pytest
from argon2 import PasswordHasher

from gateway.services import passwords
from gateway.services.passwords import VerifiedPasswords, hash_password, verify_password


@pytest.fixture
def true_costs(cheap_hashes: PasswordHasher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_hasher", cheap_hashes)


def test_a_password_fits_its_own_hash_only(true_costs):
    stored = hash_password("correct horse")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert "correct" not in stored
    assert verify_password(stored, "correct horse")
    assert not verify_password(stored, "Correct horse")
    assert hash_password("correct horse") != stored


@pytest.mark.parametrize("stored", [None, "", "plain text", "$argon2id$v=19$m=19456,t=2,p=1$AAAA"])
def test_without_a_usable_hash_nothing_fits(stored):
    assert not verify_password(stored, "")
    assert not verify_password(stored, "correct horse")


def test_an_endless_password_is_refused_before_it_is_hashed(monkeypatch):
    monkeypatch.setattr(passwords, "_hasher", None)
    assert not verify_password("anything", "x" * 513)
    assert not verify_password(None, "ż" * 257)


class TestMemory:
    def test_binds_user_hash_and_password(self):
        memory = VerifiedPasswords()
        memory.remember(1, "hash", "password")
        assert memory.knows(1, "hash", "password")
        for other in ((2, "hash", "password"), (1, "hash2", "password"), (1, "hash", "Password"), (1, "hash\0password", "")):
            assert not memory.knows(*other)

    def test_is_each_process_s_own(self):
        first, second = VerifiedPasswords(), VerifiedPasswords()
        first.remember(1, "hash", "password")
        assert not second.knows(1, "hash", "password")
        assert b"password" not in b"".join(first._until)

    def test_fades(self, monkeypatch):
        memory, now = VerifiedPasswords(), time.monotonic()
        memory.remember(1, "hash", "password")
        monkeypatch.setattr(time, "monotonic", lambda: now + passwords.KEEP_SECONDS + 60)
        assert not memory.knows(1, "hash", "password")

    def test_is_bounded(self, monkeypatch):
        monkeypatch.setattr(passwords, "MOST_ENTRIES", 3)
        memory = VerifiedPasswords()
        for number in range(5):
            memory.remember(number, "hash", "password")
        assert [memory.knows(number, "hash", "password") for number in range(5)] == [False, False, True, True, True]

    def test_one_that_is_used_all_the_time_stays(self, monkeypatch):
        monkeypatch.setattr(passwords, "MOST_ENTRIES", 3)
        memory = VerifiedPasswords()
        for number in (1, 2, 1, 3, 4):
            memory.remember(number, "hash", "password")
        assert memory.knows(1, "hash", "password")

    def test_holds_odd_passwords(self):
        memory = VerifiedPasswords()
        memory.remember(1, "hash", "\ud83d\0")
        assert memory.knows(1, "hash", "\ud83d\0")
