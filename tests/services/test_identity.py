"""Signing in, and being known again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import event, func, select, update

from gateway.config import Settings
from gateway.domain.errors import (
    AddressNotAllowed,
    BadCredentials,
    CallerDisabled,
    InvalidField,
    MissingCredentials,
    PermissionDenied,
    SessionExpired,
    Throttled,
    UnknownKey,
)
from gateway.services import accounts, identity, keys
from gateway.services import passwords as hashing
from gateway.services.core import Gateway
from gateway.services.identity import SESSION_SALT, TOKEN_SALT, TOUCH_SECONDS, Password, SignedIn
from gateway.services.limits import GuessLimits
from gateway.storage import identity as stored
from gateway.storage.driver import Statement
from gateway.storage.identity import Caller
from gateway.storage.tables import Account, Credential, SessionRow, User
from tests.support.builders import an_account
from tests.support.databases import SECRET, FixedClock

ADDRESS = "192.0.2.7"
GOOD = Password("mario", "correct horse")
WRONG = Password("mario", "battery staple")
IDLE = 300


@pytest.fixture
def user(gateway: Gateway) -> User:
    """The owner of an account."""
    account = an_account(gateway, "acme")
    return accounts.create_user(gateway, account.name, GOOD.username, GOOD.password)


def sign_in(gateway: Gateway, *candidates: Password) -> SignedIn:
    return identity.sign_in(gateway, candidates or [GOOD], ADDRESS)


def by_session(gateway: Gateway, signed_in: SignedIn, *, renew: bool = True, checked_later: bool = False) -> Caller:
    return identity.by_session(gateway, signed_in.user_key, signed_in.key, renew=renew, checked_later=checked_later)


def last_seen(gateway: Gateway) -> object:
    with gateway.reading() as session:
        return session.scalar(select(SessionRow.last_seen))


def rotated(gateway: Gateway, *keys: str) -> Gateway:
    """The gateway after a restart with other signing keys."""
    return replace(gateway, settings=replace(gateway.settings, secret_key=keys))


@contextmanager
def queries(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is asked of the database meanwhile, through the session or through the driver."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    def counted(name: str):
        real = getattr(stored, name)

        def run(engine: object, statement: Statement, params: object) -> object:
            asked.append(statement.sqlite)
            return real(engine, statement, params)

        return run

    with monkeypatch.context() as patch:
        for name in ("fetch", "run"):
            patch.setattr(stored, name, counted(name))
        event.listen(gateway.engine, "before_cursor_execute", note)
        yield asked
        event.remove(gateway.engine, "before_cursor_execute", note)


@contextmanager
def hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """One entry for each password hash that is computed meanwhile: whether it was checked against a user's own."""
    seen: list[bool] = []
    real = hashing._hasher.verify

    class Counted:
        def verify(self, against: str, password: bytes) -> bool:
            seen.append(against != hashing._nobody)
            return real(against, password)

    with monkeypatch.context() as patch:
        patch.setattr(hashing, "_hasher", Counted())
        yield seen


class TestSignIn:
    def test_opens_a_session(self, gateway, user):
        signed_in = sign_in(gateway)
        assert signed_in.user_key == user.user_key
        assert set(signed_in.key) <= identity.KEY_ALPHABET
        caller = by_session(gateway, signed_in)
        assert (caller.user_id, caller.username, caller.account_id, caller.account_name) == (user.id, "mario", user.account_id, "acme")
        assert (caller.zone.key, caller.default_region, caller.originators, caller.permissions) == (
            "Europe/Rome",
            "IT",
            None,
            frozenset({"*"}),
        )

    def test_many_at_once(self, gateway, user):
        first, second = sign_in(gateway), sign_in(gateway)
        assert first.key != second.key
        assert by_session(gateway, first).user_id == by_session(gateway, second).user_id == user.id

    def test_without_a_name(self, gateway):
        for candidates in ((), (Password("", "x"),)):
            with pytest.raises(MissingCredentials):
                identity.sign_in(gateway, candidates, ADDRESS)

    def test_with_a_wrong_password(self, gateway, user):
        with pytest.raises(BadCredentials):
            sign_in(gateway, WRONG)

    def test_without_a_password(self, gateway, user):
        with pytest.raises(BadCredentials):
            sign_in(gateway, Password("mario", ""))

    def test_with_a_name_that_is_nobody_s(self, gateway, user):
        for name in ("MARIO", " mario", "mario\0", "\ud83d", "x" * 5000, "mario'--", "%"):
            with pytest.raises(BadCredentials):
                sign_in(gateway, Password(name, GOOD.password))

    def test_with_a_strange_password(self, gateway, user):
        for password in ("\0", "\ud83d", "x" * 5000):
            with pytest.raises(BadCredentials):
                sign_in(gateway, Password("mario", password))

    def test_the_first_reading_that_fits_wins(self, gateway, user):
        """A password with a plus in it may have been meant as a plus or as a blank."""
        accounts.create_user(gateway, "acme", "mario rossi", "pass+word")
        accounts.create_user(gateway, "acme", "mario+rossi", "pass word")
        readings = [Password("mario+rossi", "pass+word"), Password("mario rossi", "pass word"), Password("mario rossi", "pass+word")]
        assert by_session(gateway, sign_in(gateway, *readings)).username == "mario rossi"
        assert by_session(gateway, sign_in(gateway, *readings, Password("mario+rossi", "pass word"))).username == "mario rossi"

    def test_a_disabled_user(self, gateway, user):
        sign_in(gateway)
        accounts.set_user_disabled(gateway, "mario", disabled=True)
        with pytest.raises(PermissionDenied):
            sign_in(gateway)
        with pytest.raises(BadCredentials):
            sign_in(gateway, WRONG)

    def test_a_closed_account(self, gateway, user):
        close(gateway)
        with pytest.raises(PermissionDenied):
            sign_in(gateway)


class TestGuesses:
    def test_many_readings_of_one_request_count_once(self, gateway, user):
        most = gateway.settings.guesses_per_minute_user
        for _ in range(most):
            with pytest.raises(BadCredentials):
                sign_in(gateway, WRONG, Password("mario", "battery+staple"), Password("mario", "battery%20staple"))
        with pytest.raises(Throttled) as refused:
            sign_in(gateway, GOOD)
        assert 1 <= refused.value.retry_after_seconds <= 60

    def test_nothing_is_hashed_beyond_the_limit(self, gateway, user, monkeypatch):
        for _ in range(gateway.settings.guesses_per_minute_user):
            gateway.guesses.count("mario", "")
        with hashes(monkeypatch) as computed, pytest.raises(Throttled):
            sign_in(gateway, WRONG)
        assert computed == []

    def test_a_program_that_was_just_known_is_not_locked_out(self, gateway, user):
        sign_in(gateway)
        for _ in range(gateway.settings.guesses_per_minute_user):
            gateway.guesses.count("mario", ADDRESS)
        assert sign_in(gateway).user_key == user.user_key

    def test_one_address_cannot_try_every_user(self, gateway, user):
        for number in range(gateway.settings.guesses_per_minute_address):
            gateway.guesses.count(f"somebody {number}", ADDRESS)
        with pytest.raises(Throttled):
            sign_in(gateway)
        assert identity.sign_in(gateway, [GOOD], "192.0.2.8").user_key == user.user_key

    def test_success_costs_no_guess(self, gateway, user):
        for _ in range(gateway.settings.guesses_per_minute_user + 2):
            sign_in(gateway)
            gateway.verified = hashing.VerifiedPasswords()

    def test_an_unknown_user_costs_as_much_as_a_known_one(self, gateway, user, monkeypatch):
        for candidate, own in ((WRONG, True), (Password("nobody", "battery staple"), False)):
            with hashes(monkeypatch) as computed, pytest.raises(BadCredentials):
                sign_in(gateway, candidate)
            assert computed == [own]


class TestVerifiedPasswords:
    def test_the_second_time_costs_no_hash(self, gateway, user, monkeypatch):
        sign_in(gateway)
        with hashes(monkeypatch) as computed:
            sign_in(gateway)
        assert computed == []

    def test_is_of_this_password_only(self, gateway, user):
        sign_in(gateway)
        with pytest.raises(BadCredentials):
            sign_in(gateway, WRONG)

    def test_is_forgotten_when_the_password_changes(self, gateway, user):
        sign_in(gateway)
        identity.change_password(gateway, "mario", WRONG.password)
        with pytest.raises(BadCredentials):
            sign_in(gateway, GOOD)
        assert sign_in(gateway, WRONG).user_key == user.user_key


class TestSession:
    def test_slides_while_it_is_used(self, gateway, user, clock: FixedClock):
        signed_in = sign_in(gateway)
        for _ in range(5):
            clock.forward(seconds=IDLE - 1)
            assert by_session(gateway, signed_in).user_id == user.id

    def test_ends_after_idleness(self, gateway, user, clock):
        signed_in = sign_in(gateway)
        clock.forward(seconds=IDLE + TOUCH_SECONDS, microseconds=1)
        with pytest.raises(SessionExpired):
            by_session(gateway, signed_in)

    def test_never_ends_early(self, gateway, user, clock):
        """Though its last use is written only now and then: idle time counts from the last call, not from the last note."""
        signed_in = sign_in(gateway)
        clock.forward(seconds=TOUCH_SECONDS - 1)
        by_session(gateway, signed_in)
        clock.forward(seconds=IDLE)
        assert by_session(gateway, signed_in).user_id == user.id

    def test_asking_alone_does_not_renew_it(self, gateway, user, clock):
        signed_in = sign_in(gateway)
        clock.forward(seconds=IDLE)
        by_session(gateway, signed_in, renew=False)
        clock.forward(seconds=TOUCH_SECONDS + 1)
        with pytest.raises(SessionExpired):
            by_session(gateway, signed_in)

    def test_its_use_is_written_at_most_every_ten_seconds(self, gateway, user, clock, monkeypatch):
        signed_in, started = sign_in(gateway), clock.now()
        with queries(gateway, monkeypatch) as asked:
            for _ in range(TOUCH_SECONDS - 1):
                clock.forward(seconds=1)
                by_session(gateway, signed_in)
        assert not [each for each in asked if "UPDATE" in each]
        assert last_seen(gateway) == started
        clock.forward(seconds=1)
        by_session(gateway, signed_in)
        assert last_seen(gateway) == clock.now()

    def test_is_one_query(self, gateway, user, monkeypatch):
        signed_in = sign_in(gateway)
        with queries(gateway, monkeypatch) as asked:
            by_session(gateway, signed_in)
        assert len(asked) == 1

    def test_of_another_user(self, gateway, user):
        stranger = accounts.create_user(gateway, "acme", "luigi", "correct horse")
        signed_in = sign_in(gateway)
        with pytest.raises(UnknownKey):
            identity.by_session(gateway, stranger.user_key, signed_in.key)

    def test_revoked(self, gateway, user):
        signed_in = sign_in(gateway)
        with gateway.writing() as session:
            stored.revoke_sessions(session, user.id, gateway.clock.now())
        with pytest.raises(SessionExpired):
            by_session(gateway, signed_in)

    def test_of_a_disabled_user_stays_shut_after_all_is_well_again(self, gateway, user):
        signed_in = sign_in(gateway)
        accounts.set_user_disabled(gateway, "mario", disabled=True)
        with pytest.raises((PermissionDenied, SessionExpired)):
            by_session(gateway, signed_in)
        accounts.set_user_disabled(gateway, "mario", disabled=False)
        with pytest.raises(SessionExpired):
            by_session(gateway, signed_in)

    def test_of_a_closed_account(self, gateway, user):
        signed_in = sign_in(gateway)
        close(gateway)
        with pytest.raises(PermissionDenied):
            by_session(gateway, signed_in)

    def test_survives_a_change_of_password(self, gateway, user):
        signed_in = sign_in(gateway)
        identity.change_password(gateway, "mario", WRONG.password)
        assert by_session(gateway, signed_in).user_id == user.id

    def test_for_the_console_is_no_key_for_programs(self, gateway, user):
        signed_in = sign_in(gateway)
        with gateway.writing() as session:
            session.execute(update(SessionRow).values(purpose="console"))
        with pytest.raises(UnknownKey):
            by_session(gateway, signed_in)


class TestRecentCallers:
    def test_are_not_read_again_where_the_charge_checks_them(self, gateway, user, monkeypatch):
        signed_in = sign_in(gateway)
        first = by_session(gateway, signed_in, checked_later=True)
        with queries(gateway, monkeypatch) as asked:
            assert by_session(gateway, signed_in, checked_later=True) == first
        assert asked == []
        assert first.session_id == identity.unsigned(gateway, SESSION_SALT, signed_in.key)

    def test_belong_to_their_user_key(self, gateway, user):
        signed_in = sign_in(gateway)
        by_session(gateway, signed_in, checked_later=True)
        with pytest.raises(UnknownKey):
            identity.by_session(gateway, "0" * 16, signed_in.key, checked_later=True)

    def test_do_not_keep_a_session_alive(self, gateway, user, clock):
        signed_in = sign_in(gateway)
        by_session(gateway, signed_in, checked_later=True)
        clock.forward(seconds=IDLE + TOUCH_SECONDS + 1)
        with pytest.raises(SessionExpired):
            by_session(gateway, signed_in, checked_later=True)

    def test_still_renew_it(self, gateway, user, clock):
        signed_in = sign_in(gateway)
        for _ in range(IDLE):
            clock.forward(seconds=2)
            by_session(gateway, signed_in, checked_later=True)

    def test_are_read_again_for_everything_else(self, gateway, user):
        signed_in = sign_in(gateway)
        by_session(gateway, signed_in, checked_later=True)
        accounts.set_user_disabled(gateway, "mario", disabled=True)
        with pytest.raises((PermissionDenied, SessionExpired)):
            by_session(gateway, signed_in)


class TestRemembered:
    """Somebody remembered for a moment who does not fit now is no refusal: the database is asked."""

    def by_password(self, gateway: Gateway, password: str, address: str | None = None) -> Caller:
        return identity.by_password(gateway, [Password("mario", password)], address, checked_later=True)

    def test_a_new_password_counts_at_once(self, gateway, user):
        self.by_password(gateway, GOOD.password)
        identity.change_password(gateway, "mario", "battery staple")
        assert self.by_password(gateway, "battery staple").username == "mario"
        with pytest.raises(BadCredentials):
            self.by_password(gateway, GOOD.password)

    def test_a_user_let_in_again(self, gateway, user):
        self.by_password(gateway, GOOD.password)
        accounts.set_user_disabled(gateway, "mario", disabled=True)
        gateway.users.forget("mario")
        with pytest.raises(CallerDisabled):
            self.by_password(gateway, GOOD.password)
        accounts.set_user_disabled(gateway, "mario", disabled=False)
        assert self.by_password(gateway, GOOD.password).username == "mario"

    def test_a_network_added(self, gateway, user):
        def allow(*networks: str) -> None:
            accounts.set_user_limits(gateway, "mario", lambda terms: replace(terms, networks=networks))

        allow("192.0.2.0/24")
        self.by_password(gateway, GOOD.password, "192.0.2.1")
        with pytest.raises(AddressNotAllowed):
            self.by_password(gateway, GOOD.password, "198.51.100.1")
        allow("192.0.2.0/24", "198.51.100.0/24")
        assert self.by_password(gateway, GOOD.password, "198.51.100.1").username == "mario"

    def test_no_address_lies_in_no_network(self, gateway, user):
        accounts.set_user_limits(gateway, "mario", lambda terms: replace(terms, networks=["192.0.2.0/24"]))
        with pytest.raises(AddressNotAllowed):
            self.by_password(gateway, GOOD.password, "")
        assert self.by_password(gateway, GOOD.password, None).username == "mario"

    def test_nobody_is_remembered_for_longer_by_being_busy(self, gateway, user, monkeypatch):
        key = keys.create(gateway, keys.HTTPSMS, "mario").key
        moment = [1000.0]
        monkeypatch.setattr("gateway.services.recent.time.monotonic", lambda: moment[0])
        identity.by_api_key(gateway, keys.HTTPSMS, key, checked_later=True)
        with gateway.writing() as session:
            session.execute(update(Account).where(Account.name == "acme").values(originators=["Acme"]))
        for _ in range(4):
            moment[0] += 2
            caller = identity.by_api_key(gateway, keys.HTTPSMS, key, checked_later=True)
        assert caller.originators == frozenset({"Acme"})


class TestForgedKeys:
    def test_cost_no_query(self, gateway, user, monkeypatch):
        with queries(gateway, monkeypatch) as asked:
            for shape in ("", ".", "x", "no-dot", "a.b", "é", "a b", "\0", "\ud83d", "x" * 5000, "A" * 22 + "." + "B" * 43):
                for known in (identity.by_session, identity.by_access_token):
                    with pytest.raises(UnknownKey):
                        known(gateway, user.user_key, shape)
        assert asked == []

    def test_altered_ones_cost_no_query(self, gateway, user, monkeypatch):
        key = sign_in(gateway).key
        body, _, signature = key.rpartition(".")
        other = identity.signed(gateway, SESSION_SALT, uuid4()).rpartition(".")[0]
        with queries(gateway, monkeypatch) as asked:
            for altered in (f"{other}.{signature}", f"{body}.{signature[::-1]}", key[:-1], key + "A", body):
                with pytest.raises(UnknownKey):
                    identity.by_session(gateway, user.user_key, altered)
        assert asked == []

    def test_signed_for_another_purpose(self, gateway, user, monkeypatch):
        session, token = sign_in(gateway), identity.access_token(gateway, [GOOD], ADDRESS)
        with queries(gateway, monkeypatch) as asked:
            with pytest.raises(UnknownKey):
                identity.by_session(gateway, user.user_key, token.key)
            with pytest.raises(UnknownKey):
                identity.by_access_token(gateway, user.user_key, session.key)
        assert asked == []

    def test_signed_but_of_no_session(self, gateway, user):
        for known, salt in ((identity.by_session, SESSION_SALT), (identity.by_access_token, TOKEN_SALT)):
            with pytest.raises(UnknownKey):
                known(gateway, user.user_key, identity.signed(gateway, salt, uuid4()))

    def test_with_a_signed_body_that_is_no_id(self, gateway, user):
        signer = identity._signer(gateway.settings.secret_key, SESSION_SALT)
        for body in ("abc", "A" * 23, ""):
            with pytest.raises(UnknownKey):
                identity.by_session(gateway, user.user_key, signer.sign(body).decode())


class TestRotation:
    NEW = "a-new-secret-for-all-of-us"

    def test_old_keys_are_good_while_the_old_secret_is_listed(self, gateway, user):
        old = sign_in(gateway)
        both = rotated(gateway, self.NEW, SECRET)
        assert by_session(both, old).user_id == user.id
        new = identity.sign_in(both, [GOOD], ADDRESS)
        only_new = rotated(gateway, self.NEW)
        assert by_session(only_new, new).user_id == user.id
        with pytest.raises(UnknownKey):
            by_session(only_new, old)

    def test_the_newest_secret_signs(self, gateway, user):
        key = identity.sign_in(rotated(gateway, self.NEW, SECRET), [GOOD], ADDRESS)
        with pytest.raises(UnknownKey):
            by_session(gateway, key)


class TestAccessToken:
    def test_is_the_same_until_it_is_revoked(self, gateway, user, clock):
        first = identity.access_token(gateway, [GOOD], ADDRESS)
        clock.forward(days=400)
        assert identity.access_token(gateway, [GOOD], ADDRESS) == first
        assert identity.by_access_token(gateway, user.user_key, first.key).user_id == user.id
        with gateway.writing() as session:
            session.execute(update(Credential).values(revoked_at=clock.now()))
        with pytest.raises(SessionExpired):
            identity.by_access_token(gateway, user.user_key, first.key)
        assert identity.access_token(gateway, [GOOD], ADDRESS).key != first.key

    def test_is_one_however_many_ask_at_once(self, app, gateway, user):
        identity.by_password(gateway, [GOOD], ADDRESS)
        gate, keys = threading.Barrier(6), []

        def ask() -> None:
            with app.app_context():
                gate.wait()
                keys.append(identity.access_token(gateway, [GOOD], ADDRESS).key)

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(keys), len(set(keys))) == (6, 1)
        with gateway.reading() as session:
            assert session.scalar(select(func.count()).select_from(Credential)) == 1

    def test_expired(self, gateway, user, clock):
        token = identity.access_token(gateway, [GOOD], ADDRESS)
        with gateway.writing() as session:
            session.execute(update(Credential).values(expires_at=clock.now()))
        with pytest.raises(SessionExpired):
            identity.by_access_token(gateway, user.user_key, token.key)

    def test_of_another_user(self, gateway, user):
        stranger = accounts.create_user(gateway, "acme", "luigi", "correct horse")
        token = identity.access_token(gateway, [GOOD], ADDRESS)
        with pytest.raises(UnknownKey):
            identity.by_access_token(gateway, stranger.user_key, token.key)

    def test_of_a_disabled_user(self, gateway, user):
        token = identity.access_token(gateway, [GOOD], ADDRESS)
        accounts.set_user_disabled(gateway, "mario", disabled=True)
        with pytest.raises(PermissionDenied):
            identity.by_access_token(gateway, user.user_key, token.key)


class TestPermissions:
    def test_that_suffice(self, gateway, user):
        for held in ("*", "smsend:send", "smsend:*", "*:send"):
            identity.require(self.caller(gateway, held), "smsend", "send")

    def test_that_do_not(self, gateway, user):
        for held in ("", "smsend:read", "other:*", "*:read", "smsend", "send"):
            with pytest.raises(PermissionDenied, match="smsend:send is not permitted"):
                identity.require(self.caller(gateway, held), "smsend", "send")

    def caller(self, gateway: Gateway, held: str) -> Caller:
        with gateway.writing() as session:
            session.execute(update(User).values(permissions=[held]))
        return by_session(gateway, sign_in(gateway))


class TestChangePassword:
    def test_to_one_that_cannot_be(self, gateway, user):
        for password in ("", "seven77", "x" * 513, "\ud83d" * 171):
            with pytest.raises(InvalidField):
                identity.change_password(gateway, "mario", password)
        assert sign_in(gateway).user_key == user.user_key

    def test_of_nobody(self, gateway):
        with pytest.raises(BadCredentials):
            identity.change_password(gateway, "nobody", "correct horse")

    def test_to_an_odd_one(self, gateway, user):
        for password in ("eight888", "ż" * 256, "a\0b\0c\0d\0", " blank at both ends "):
            identity.change_password(gateway, "mario", password)
            assert sign_in(gateway, Password("mario", password)).user_key == user.user_key


def test_whether_a_user_key_is_known(gateway, user):
    assert identity.knows_user_key(gateway, user.user_key)
    assert not identity.knows_user_key(gateway, user.user_key.upper() + "0")


def close(gateway: Gateway) -> None:
    with gateway.writing() as session:
        session.execute(update(Account).where(Account.name == "acme").values(status="closed"))


def test_guess_limits_are_those_of_the_settings(gateway):
    settings: Settings = replace(gateway.settings, guesses_per_minute_user=1)
    limits = GuessLimits(settings)
    limits.count("mario", "")
    with pytest.raises(Throttled):
        limits.check("mario", "")
