"""Making and changing accounts and users."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.domain.errors import Conflict, InvalidField, InvalidInput, NotFound, SessionExpired
from gateway.domain.parts import TextPolicy
from gateway.services import accounts, identity
from gateway.services.accounts import NewAccount, create_account, create_user
from gateway.services.ledger import MOST_UNITS
from gateway.storage.identity import account_by_name
from gateway.storage.tables import Account


class TestAccount:
    def test_with_a_name_alone_takes_the_installation_s_habits(self, gateway, clock):
        account = create_account(gateway, NewAccount(name="Acme & Söhne, Inc."))
        assert (account.zone, account.default_region, account.default_originator, account.originators) == ("Europe/Rome", "IT", None, None)
        assert (account.balance, account.credit_limit, account.ledger_sequence) == (0, 0, 0)
        assert (account.kind, account.status, account.text_policy, account.created_at) == ("customer", "active", "ucs2", clock.now())

    def test_with_everything(self, gateway):
        new = NewAccount("acme", "America/New_York", "us", "Acme", ["Acme", "+393471234567"], TextPolicy.TRANSLITERATE, 5000)
        account = create_account(gateway, new)
        assert (account.zone, account.default_region, account.default_originator) == ("America/New_York", "US", "Acme")
        assert (account.originators, account.text_policy, account.credit_limit) == (["Acme", "+393471234567"], "transliterate", 5000)

    def test_that_may_use_no_sender_of_its_own(self, gateway):
        create_account(gateway, NewAccount("acme", originators=[]))
        with gateway.reading() as session:
            assert account_by_name(session, "acme").originators == []  # type: ignore[union-attr]

    def test_with_a_name_that_cannot_be(self, gateway):
        for name in ("", "x" * 65, " acme", "acme ", "a\nb", "a\0b", "\ud83d"):
            with pytest.raises(InvalidField):
                create_account(gateway, NewAccount(name))

    def test_with_a_value_that_cannot_be(self, gateway):
        originators: list[dict[str, Any]] = [{"originator": "much too long a sender"}, {"originators": ["a", ""]}]
        for wrong in ({"zone": "Mars/Phobos"}, {"region": "ITA"}, {"region": "1T"}, *originators):
            with pytest.raises(InvalidInput):
                create_account(gateway, NewAccount("acme", **wrong))
        assert accounts.accounts(gateway) == []

    def test_with_a_credit_limit_that_cannot_be(self, gateway):
        for units in (-1, MOST_UNITS + 1):
            with pytest.raises(InvalidField):
                create_account(gateway, NewAccount("acme", credit_limit_units=units))

    def test_with_a_taken_name(self, gateway):
        create_account(gateway, NewAccount("acme"))
        for name in ("acme", "issuer", "revenue"):
            with pytest.raises(Conflict):
                create_account(gateway, NewAccount(name))

    def test_all_by_name_without_the_system_s(self, gateway):
        for name in ("b", "a"):
            create_account(gateway, NewAccount(name))
        assert [account.name for account in accounts.accounts(gateway)] == ["a", "b"]


class TestUser:
    @pytest.fixture(autouse=True)
    def acme(self, gateway) -> Account:
        return create_account(gateway, NewAccount("acme"))

    def test_belongs_to_an_account(self, gateway, acme):
        create_user(gateway, "acme", "mario", "correct horse", ["smsend:*"])
        create_user(gateway, "acme", "anna", "correct horse")
        account, users = accounts.account_with_users(gateway, "acme")
        assert account.id == acme.id
        assert [(user.username, user.account_id, user.permissions, user.disabled) for user in users] == [
            ("anna", acme.id, ["*"], False),
            ("mario", acme.id, ["smsend:*"], False),
        ]
        assert len({user.user_key for user in users}) == 2
        assert all(user.password_hash.startswith("$argon2id$v=19") for user in users)

    def test_with_a_taken_name(self, gateway):
        create_account(gateway, NewAccount("other"))
        create_user(gateway, "acme", "mario", "correct horse")
        with pytest.raises(Conflict):
            create_user(gateway, "other", "mario", "correct horse")

    def test_of_no_account(self, gateway):
        for name in ("nobody", "issuer"):
            with pytest.raises(NotFound):
                create_user(gateway, name, "mario", "correct horse")

    def test_that_cannot_be(self, gateway):
        good = "correct horse"
        for name, password in (("", good), ("x" * 129, good), ("mario", "short"), ("mario ", good)):
            with pytest.raises(InvalidField):
                create_user(gateway, "acme", name, password)

    def test_disabled_and_enabled(self, gateway):
        create_user(gateway, "acme", "mario", "correct horse")
        for disabled in (True, True, False):
            accounts.set_user_disabled(gateway, "mario", disabled=disabled)
            assert accounts.account_with_users(gateway, "acme")[1][0].disabled is disabled

    def test_nobody_can_be_neither(self, gateway):
        with pytest.raises(NotFound):
            accounts.set_user_disabled(gateway, "nobody", disabled=True)
        with pytest.raises(NotFound):
            accounts.account_with_users(gateway, "nobody")


def test_revoked_keys_are_dead_and_the_password_lives(gateway):
    accounts.create_account(gateway, accounts.NewAccount("acme"))
    accounts.create_user(gateway, "acme", "erp", "long-password")
    credentials = [identity.Password("erp", "long-password")]
    session, token = identity.sign_in(gateway, credentials, ""), identity.access_token(gateway, credentials, "")
    accounts.revoke_keys(gateway, "erp")
    with pytest.raises(SessionExpired):
        identity.by_session(gateway, session.user_key, session.key)
    with pytest.raises(SessionExpired):
        identity.by_access_token(gateway, token.user_key, token.key)
    again = identity.access_token(gateway, credentials, "")
    assert again.key != token.key
    assert identity.by_access_token(gateway, again.user_key, again.key).username == "erp"


def test_nobody_s_keys_cannot_be_revoked(gateway):
    with pytest.raises(NotFound):
        accounts.revoke_keys(gateway, "nobody")
