"""API keys, from the moment they are made to the moment they end, on both databases."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from gateway.domain.errors import (
    AddressNotAllowed,
    CallerChanged,
    CallerDisabled,
    DailyCapReached,
    InvalidField,
    KeyExists,
    KeyExpired,
    NotFound,
    PermissionDenied,
    UnknownKey,
)
from gateway.domain.order import Submission
from gateway.domain.tariff import MessageType
from gateway.services import accounts, identity, keys, ledger, ordering
from gateway.services.core import Gateway
from gateway.services.identity import PREFIX_LENGTH, USED_SECONDS, key_digest
from gateway.services.keys import BULK, HTTPSMS, HTTPSMS_PHONE, KeyTerms, NewKey
from gateway.services.ordering import terms_of
from gateway.storage.identity import Caller
from gateway.storage.tables import Account, Base, Credential, DailyUse, User
from tests.support.builders import an_account, messages, recipients
from tests.support.databases import SECRET, FixedClock

ADDRESS = "192.0.2.7"
ROUNDS = 200
"""How often two replace the same key at the same instant."""
CAP, THREADS = 40, 16


@pytest.fixture
def user(gateway: Gateway) -> User:
    an_account(gateway, "acme")
    return accounts.create_user(gateway, "acme", "mario", "correct horse", ["bulk:send", "bulk:read"])


@pytest.fixture
def made(gateway: Gateway, user: User) -> NewKey:
    return keys.create(gateway, BULK, "mario")


def caller(gateway: Gateway, key: str, kind: str = BULK, address: str = ADDRESS) -> Caller:
    return identity.by_api_key(gateway, kind, key, address)


def row(gateway: Gateway, made: NewKey) -> Credential:
    with gateway.reading() as session:
        found = session.get_one(Credential, made.id)
        session.expunge_all()
        return found


def works(gateway: Gateway, key: str, kind: str = BULK) -> bool:
    try:
        return bool(caller(gateway, key, kind))
    except UnknownKey:
        return False


def may(known: Caller, action: str) -> bool:
    try:
        identity.require(known, "bulk", action)
    except PermissionDenied:
        return False
    return True


def send(gateway: Gateway, known: Caller, count: int = 1) -> None:
    submission = Submission(
        account_id=known.account_id, user_id=known.user_id, dialect="bulk", message_type=MessageType.HIGH, type_token="", text="Hello",
        recipients=recipients(count), fingerprint=b"",
    )  # fmt: skip
    ordering.submit(gateway, submission, terms_of(known))


class TestMaking:
    def test_a_key_is_its_user_s(self, gateway: Gateway, user: User, made: NewKey) -> None:
        known = caller(gateway, made.key)
        assert (known.user_id, known.account_name, known.credential_id) == (user.id, "acme", made.id)
        assert made.key.startswith("bk_")
        assert made.prefix == made.key[:PREFIX_LENGTH]
        assert row(gateway, made).prefix == made.prefix

    @pytest.mark.parametrize(("kind", "beginning"), [(BULK, "bk_"), (HTTPSMS, "uk_"), (HTTPSMS_PHONE, "pk_")])
    def test_kinds_are_told_apart(self, gateway: Gateway, user: User, kind: str, beginning: str) -> None:
        made = keys.create(gateway, kind, "mario")
        assert made.key.startswith(beginning)
        assert [each for each in (BULK, HTTPSMS, HTTPSMS_PHONE) if works(gateway, made.key, each)] == [kind]

    def test_the_key_itself_is_nowhere_in_the_database(self, gateway: Gateway, made: NewKey) -> None:
        caller(gateway, made.key)
        secret = made.key[PREFIX_LENGTH:]
        with gateway.reading() as session:
            rows = [repr(tuple(each)) for table in Base.metadata.sorted_tables for each in session.execute(select(table))]
        assert rows
        assert not [each for each in rows if secret in each or made.key in each]
        assert row(gateway, made).secret_hmac == key_digest(SECRET, made.key)

    def test_one_active_bulk_key_an_account(self, gateway: Gateway, made: NewKey) -> None:
        accounts.create_user(gateway, "acme", "luigi", "correct horse")
        for name in ("mario", "luigi"):
            with pytest.raises(KeyExists):
                keys.create(gateway, BULK, name)
        assert works(gateway, made.key)
        an_account(gateway, "other")
        accounts.create_user(gateway, "other", "anna", "correct horse")
        assert works(gateway, keys.create(gateway, BULK, "anna").key)

    def test_any_number_of_the_other_kinds(self, gateway: Gateway, user: User) -> None:
        made = [keys.create(gateway, kind, "mario") for kind in (HTTPSMS, HTTPSMS, HTTPSMS_PHONE, HTTPSMS_PHONE)]
        kinds = (HTTPSMS, HTTPSMS, HTTPSMS_PHONE, HTTPSMS_PHONE)
        assert all(works(gateway, each.key, kind) for each, kind in zip(made, kinds, strict=True))

    def test_an_expired_key_makes_room(self, gateway: Gateway, user: User, clock: FixedClock) -> None:
        old = keys.create(gateway, BULK, "mario", clock.now() + timedelta(days=1))
        clock.forward(days=1)
        new = keys.create(gateway, BULK, "mario")
        assert works(gateway, new.key)
        assert not works(gateway, old.key)

    def test_terms_that_cannot_be_used(self, gateway: Gateway, user: User) -> None:
        odd: tuple[KeyTerms, ...] = (
            KeyTerms(networks=["192.0.2.1/24"]), KeyTerms(networks=["example.org"]), KeyTerms(daily_cap=-1), KeyTerms(calls_per_minute=0),
            KeyTerms(label="a" * 65), KeyTerms(label="a\nb"),
        )  # fmt: skip
        for terms in odd:
            with pytest.raises(InvalidField):
                keys.create(gateway, BULK, "mario", terms=terms)
        with pytest.raises(NotFound):
            keys.create(gateway, BULK, "nobody")
        assert keys.of_account(gateway, user.account_id) == []


class TestEnding:
    def test_a_revoked_key_opens_nothing(self, gateway: Gateway, made: NewKey) -> None:
        keys.revoke(gateway, made.prefix)
        assert not works(gateway, made.key)
        with pytest.raises(NotFound):
            keys.revoke(gateway, made.prefix)
        assert works(gateway, keys.create(gateway, BULK, "mario").key)

    def test_the_bulk_key_of_an_account(self, gateway: Gateway, user: User, made: NewKey) -> None:
        keys.revoke_kind(gateway, BULK, user.account_id)
        assert not works(gateway, made.key)
        with pytest.raises(NotFound):
            keys.revoke_kind(gateway, BULK, user.account_id)

    def test_a_key_remembered_a_moment_ago_pays_for_nothing_more(self, gateway: Gateway, made: NewKey) -> None:
        known = identity.by_api_key(gateway, BULK, made.key, ADDRESS, checked_later=True)
        keys.revoke(gateway, made.prefix)
        still = identity.by_api_key(gateway, BULK, made.key, ADDRESS, checked_later=True)
        for each in (known, still):
            with pytest.raises(CallerChanged):
                send(gateway, each)
        assert messages(gateway) == []

    def test_replacing_ends_the_old_and_keeps_its_terms(self, gateway: Gateway, user: User) -> None:
        terms = KeyTerms(["bulk:send"], ["192.0.2.0/24"], 7, 9, True, "till")
        old = keys.create(gateway, BULK, "mario", terms=terms)
        new = keys.replace(gateway, BULK, "mario")
        assert (works(gateway, old.key), works(gateway, new.key)) == (False, True)
        stored = row(gateway, new)
        assert (stored.permissions, stored.allowed_networks, stored.daily_cap) == (["bulk:send"], ["192.0.2.0/24"], 7)
        assert (stored.calls_per_minute, stored.is_test, stored.label) == (9, True, "till")

    def test_replacing_what_is_not_there_makes_one(self, gateway: Gateway, user: User) -> None:
        assert works(gateway, keys.replace(gateway, BULK, "mario").key)

    def test_replacing_a_user_s_key_leaves_the_others(self, gateway: Gateway, user: User) -> None:
        accounts.create_user(gateway, "acme", "luigi", "correct horse")
        theirs = keys.create(gateway, HTTPSMS, "luigi")
        ours = [keys.create(gateway, HTTPSMS, "mario") for _ in range(2)]
        new = keys.replace(gateway, HTTPSMS, "mario")
        assert [works(gateway, each.key, HTTPSMS) for each in (theirs, *ours, new)] == [True, False, False, True]

    def test_two_at_the_same_instant_leave_exactly_one(self, app: Flask, gateway: Gateway, made: NewKey) -> None:
        together = threading.Barrier(2)

        def replaced() -> str:
            with app.app_context():
                together.wait(60)
                return keys.replace(gateway, BULK, "mario").key

        known, exactly_one = [made.key], 0
        with ThreadPoolExecutor(2) as pool:
            for _ in range(ROUNDS):
                new = [each.result(60) for each in [pool.submit(replaced) for _ in range(2)]]
                exactly_one += sum(works(gateway, key) for key in new) == 1 and not any(works(gateway, key) for key in known[-2:])
                known += new
        sys.stdout.write(f"| {gateway.engine.dialect.name} | two replacements at once | {ROUNDS} rounds | one good key: {exactly_one} |\n")
        assert exactly_one == ROUNDS
        assert len(set(known)) == 2 * ROUNDS + 1
        with gateway.reading() as session:
            live = session.scalars(select(Credential).where(Credential.revoked_at.is_(None))).all()
            assert len(live) == 1


class TestProving:
    def test_another_key_is_none(self, gateway: Gateway, made: NewKey) -> None:
        good, prefix = made.key, made.prefix
        last = "A" if good[-1] != "A" else "B"
        for odd in (
            good[:-1] + last, prefix, prefix[:-1], good + "A", " " + good, good.swapcase(), prefix + "\0" * 10, good + "\ud83d", "",
            "A" * 100_000,
        ):  # fmt: skip
            with pytest.raises(UnknownKey):
                caller(gateway, odd)
        assert works(gateway, good)

    def test_rotation_of_the_secret(self, gateway: Gateway, made: NewKey, clock: FixedClock) -> None:
        newer = "a-newer-secret-for-tests"
        gateway.settings = replace(gateway.settings, secret_key=(newer, SECRET))
        clock.forward(seconds=USED_SECONDS)
        caller(gateway, made.key)
        assert row(gateway, made).secret_hmac == key_digest(newer, made.key)
        gateway.settings = replace(gateway.settings, secret_key=(newer,))
        assert works(gateway, made.key)

    def test_a_key_that_was_not_used_ends_with_its_secret(self, gateway: Gateway, made: NewKey) -> None:
        gateway.settings = replace(gateway.settings, secret_key=("a-newer-secret-for-tests",))
        assert not works(gateway, made.key)

    def test_the_last_use_is_written_once_a_minute(self, gateway: Gateway, made: NewKey, clock: FixedClock) -> None:
        first = clock.now()
        caller(gateway, made.key)
        assert row(gateway, made).last_used_at == first
        clock.forward(seconds=USED_SECONDS - 1)
        caller(gateway, made.key)
        assert row(gateway, made).last_used_at == first
        later = clock.forward(seconds=1)
        caller(gateway, made.key)
        assert row(gateway, made).last_used_at == later

    def test_a_remembered_key_writes_no_oftener(self, gateway: Gateway, made: NewKey, clock: FixedClock) -> None:
        """Within the five seconds that a key is remembered, the note of its use is remembered too."""
        caller(gateway, made.key)
        with gateway.writing() as session:
            session.execute(update(Credential).values(last_used_at=None))
        for _ in range(3):
            identity.by_api_key(gateway, BULK, made.key, ADDRESS, checked_later=True)
        assert row(gateway, made).last_used_at is None

    def test_it_ends_on_its_day(self, gateway: Gateway, user: User, clock: FixedClock) -> None:
        made = keys.create(gateway, BULK, "mario", clock.now() + timedelta(days=30))
        clock.forward(days=30, microseconds=-1)
        assert works(gateway, made.key)
        identity.by_api_key(gateway, BULK, made.key, ADDRESS, checked_later=True)
        clock.forward(microseconds=1)
        for remembered in (True, False):
            with pytest.raises(KeyExpired):
                identity.by_api_key(gateway, BULK, made.key, ADDRESS, checked_later=remembered)

    def test_a_disabled_user_or_a_closed_account(self, gateway: Gateway, user: User, made: NewKey) -> None:
        accounts.set_user_disabled(gateway, "mario", disabled=True)
        with pytest.raises(CallerDisabled):
            caller(gateway, made.key)
        accounts.set_user_disabled(gateway, "mario", disabled=False)
        with gateway.writing() as session:
            session.execute(update(Account).where(Account.id == user.account_id).values(status="closed"))
        with pytest.raises(CallerDisabled):
            caller(gateway, made.key)


class TestTerms:
    def test_permissions_are_those_of_both(self, gateway: Gateway, user: User) -> None:
        cases: tuple[tuple[list[str], list[str] | None, list[str]], ...] = (
            (["bulk:send", "bulk:read"], None, ["send", "read"]),
            (["*"], ["bulk:read"], ["read"]),
            (["bulk:send"], ["*"], ["send"]),
            (["bulk:*"], ["*:read"], ["read"]),
            (["bulk:send"], ["bulk:read"], []),
            (["*"], [], []),
            ([], ["*"], []),
        )
        for of_user, of_key, allowed in cases:
            accounts.set_user_limits(gateway, "mario", lambda terms, wanted=of_user: replace(terms, permissions=wanted))  # type: ignore[misc]
            known = caller(gateway, keys.create(gateway, HTTPSMS, "mario", terms=KeyTerms(permissions=of_key)).key, HTTPSMS)
            assert [action for action in ("send", "read") if may(known, action)] == allowed, (of_user, of_key)

    def test_networks(self, gateway: Gateway, user: User) -> None:
        cases: tuple[tuple[list[str], str, bool], ...] = (
            (["192.0.2.0/24"], "192.0.2.255", True),
            (["192.0.2.0/24"], "192.0.3.0", False),
            (["192.0.2.7"], "192.0.2.7", True),
            (["198.51.100.0/24", "192.0.2.0/24"], "192.0.2.9", True),
            (["2001:db8::/32"], "2001:db8:ffff::1", True),
            (["2001:db8::/32"], "2001:db9::1", False),
            (["fe80::/10"], "fe80::1%eth0", True),
            (["192.0.2.0/24"], "::ffff:192.0.2.7", True),
            (["192.0.2.0/24"], "::ffff:192.0.3.7", False),
            (["0.0.0.0/0"], "2001:db8::1", False),
            (["::/0"], "192.0.2.7", False),
            (["0.0.0.0/0"], "unix:", False),
            ([], "192.0.2.7", False),
        )
        for networks, address, is_in in cases:
            made = keys.create(gateway, HTTPSMS, "mario", terms=KeyTerms(networks=networks))
            try:
                assert bool(caller(gateway, made.key, HTTPSMS, address)) is is_in, (networks, address)
            except AddressNotAllowed:
                assert not is_in, (networks, address)

    def test_networks_of_the_user_count_too(self, gateway: Gateway, user: User) -> None:
        accounts.set_user_limits(gateway, "mario", lambda terms: replace(terms, networks=["192.0.2.0/25"]))
        made = keys.create(gateway, BULK, "mario", terms=KeyTerms(networks=["192.0.2.64/26", "203.0.113.0/24"]))
        assert caller(gateway, made.key, address="192.0.2.100")
        for outside in ("192.0.2.1", "203.0.113.1", "192.0.2.200"):
            with pytest.raises(AddressNotAllowed):
                caller(gateway, made.key, address=outside)

    @pytest.mark.parametrize(("of_user", "of_key", "is_test"), [(False, True, True), (True, False, True), (False, False, False)])
    def test_test_mode_costs_nothing_and_goes_nowhere(
        self, gateway: Gateway, user: User, of_user: bool, of_key: bool, is_test: bool
    ) -> None:
        accounts.set_user_limits(gateway, "mario", lambda terms: replace(terms, is_test=of_user))
        made = keys.create(gateway, BULK, "mario", terms=KeyTerms(is_test=of_key))
        send(gateway, caller(gateway, made.key), 2)
        assert {(each.connector, each.units) for each in messages(gateway)} == {("test", 0) if is_test else ("simulator", 1000)}
        assert list(ledger.verify(gateway)) == []

    def test_caps_and_paces_of_the_key_come_before_the_user_s(self, gateway: Gateway, user: User) -> None:
        accounts.set_user_limits(gateway, "mario", lambda terms: replace(terms, daily_cap=5, calls_per_minute=50))
        plain = caller(gateway, keys.create(gateway, HTTPSMS, "mario").key, HTTPSMS)
        own = keys.create(gateway, BULK, "mario", terms=KeyTerms(daily_cap=2, calls_per_minute=20))
        tighter = caller(gateway, own.key)
        assert (plain.daily_cap, plain.cap_scope, plain.calls_per_minute) == (5, f"user:{user.id}", 50)
        assert (tighter.daily_cap, tighter.cap_scope, tighter.calls_per_minute) == (2, f"key:{own.id}", 20)

    def test_the_daily_cap_is_exact_under_many_threads(self, app: Flask, gateway: Gateway, user: User, clock: FixedClock) -> None:
        made = keys.create(gateway, BULK, "mario", terms=KeyTerms(daily_cap=CAP))
        known = caller(gateway, made.key)
        together = threading.Barrier(THREADS)

        def much() -> tuple[int, int]:
            taken = refused = 0
            with app.app_context():
                together.wait(60)
                for _ in range(CAP // 4):
                    try:
                        send(gateway, known)
                        taken += 1
                    except DailyCapReached:
                        refused += 1
            return taken, refused

        with ThreadPoolExecutor(THREADS) as pool:
            found = [each.result(120) for each in [pool.submit(much) for _ in range(THREADS)]]
        taken, refused = (sum(column) for column in zip(*found, strict=True))
        sys.stdout.write(f"| {gateway.engine.dialect.name} | daily cap of {CAP} | {THREADS} threads | taken {taken}, refused {refused} |\n")
        assert (taken, refused) == (CAP, THREADS * (CAP // 4) - CAP)
        assert len(messages(gateway)) == CAP
        with gateway.reading() as session:
            assert session.scalars(select(DailyUse.count)).all() == [CAP]
        clock.forward(days=1)
        send(gateway, known, CAP)
        assert list(ledger.verify(gateway)) == []

    def test_a_day_is_one_of_the_account_s_zone(self, gateway: Gateway, user: User, clock: FixedClock) -> None:
        """It is 09:00 in Rome: the next day begins there in fifteen hours, one hour before midnight in London."""
        made = keys.create(gateway, BULK, "mario", terms=KeyTerms(daily_cap=2))
        known = caller(gateway, made.key)
        send(gateway, known, 2)
        with pytest.raises(DailyCapReached) as reached:
            send(gateway, known)
        assert (reached.value.cap, reached.value.retry_after_seconds) == (2, 15 * 3600)
        clock.forward(hours=15, microseconds=-1)
        with pytest.raises(DailyCapReached):
            send(gateway, known)
        clock.forward(microseconds=1)
        send(gateway, known, 2)


def test_a_replaced_key_goes_on_counting_where_the_old_one_did(gateway: Gateway, user: User) -> None:
    first = keys.create(gateway, keys.BULK, user.username, terms=KeyTerms(daily_cap=1))
    second = keys.replace(gateway, keys.BULK, "mario")
    third = keys.replace(gateway, keys.BULK, "mario", of=second.id)
    caller = identity.by_api_key(gateway, keys.BULK, third.key)
    assert (caller.daily_cap, caller.cap_scope, caller.key_scope) == (1, f"key:{first.id}", f"key:{first.id}")
    with pytest.raises(NotFound):
        keys.replace(gateway, keys.BULK, "mario", of=first.id)


def test_of_account_lists_all_newest_first(gateway: Gateway, user: User, made: NewKey, clock: FixedClock) -> None:
    clock.forward(seconds=1)
    second = keys.replace(gateway, BULK, "mario")
    clock.forward(seconds=1)
    identity.access_token(gateway, [identity.Password("mario", "correct horse")], ADDRESS)
    rows = keys.of_account(gateway, user.account_id)
    assert [(each.kind, each.prefix, each.revoked_at is None) for each in rows] == [
        ("access_token", None, True), (BULK, second.prefix, True), (BULK, made.prefix, False),
    ]  # fmt: skip
