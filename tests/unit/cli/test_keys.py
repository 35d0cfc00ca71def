"""API keys, limits of users, and devices at the shell."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import update

from gateway.services import identity
from gateway.services.core import Gateway
from gateway.services.identity import Password
from gateway.services.passwords import verify_password
from gateway.storage.tables import ConnectorRow
from tests.unit.cli.conftest import Shell, the_user


@pytest.fixture
def user(shell: Shell) -> Shell:
    """The same shell, with the user "erp"."""
    shell.ok("user", "create", "acme", "erp", "--generate")
    return shell


class TestKeys:
    def test_a_key_is_printed_once_and_opens_the_door(self, user: Shell, gateway: Gateway) -> None:
        made = user.json("key", "create", "erp", "--kind", "bulk", "--expires-days", "30", "--label", "till")
        assert identity.by_api_key(gateway, "bulk", made["key"]).username == "erp"
        assert made["key"].startswith(made["prefix"]) and len(made["prefix"]) == 12
        listed = user.json("key", "list", "acme")
        assert made["key"][12:] not in repr(listed)
        (row,) = listed
        assert (row["prefix"], row["kind"], row["username"], row["label"]) == (made["prefix"], "bulk", "erp", "till")
        assert row["last_used_at"] is not None and row["revoked_at"] is None

    def test_plain_output_is_for_people(self, user: Shell) -> None:
        printed = user.ok("key", "create", "erp", "--kind", "httpsms", "--network", "192.0.2.0/24", "--daily-cap", "5", "--test")
        key = re.search(r"^key +(uk_\S+)$", printed, re.MULTILINE)
        assert key is not None and "not shown again" in printed
        listed = user.ok("key", "list", "acme")
        assert key[1][12:] not in listed
        assert re.search(
            rf"^{re.escape(key[1][:12])} +httpsms +erp .* never +never +active +from 192.0.2.0/24; 5 messages a day; test mode$",
            listed,
            re.M,
        )
        assert user.ok("key", "revoke", key[1][:12]) == f"Key {key[1][:12]} is ended.\n"
        assert " revoked " in user.ok("key", "list", "acme")

    def test_terms_are_kept(self, user: Shell) -> None:
        terms = (
            "--permission",
            "bulk:send",
            "--permission",
            "bulk:read",
            "--network",
            "192.0.2.0/24",
            "--daily-cap",
            "9",
            "--calls-per-minute",
            "7",
        )
        user.json("key", "create", "erp", "--kind", "bulk", *terms)
        (row,) = user.json("key", "list", "acme")
        assert (row["permissions"], row["networks"]) == (["bulk:send", "bulk:read"], ["192.0.2.0/24"])
        assert (row["daily_cap"], row["calls_per_minute"], row["test"], row["expires_at"]) == (9, 7, False, None)

    def test_access_tokens_are_listed_too(self, user: Shell, gateway: Gateway) -> None:
        password = user.json("user", "passwd", "erp", "--generate")["password"]
        identity.access_token(gateway, [Password("erp", password)], "127.0.0.1")
        (row,) = user.json("key", "list", "acme")
        assert (row["kind"], row["prefix"], row["username"]) == ("access_token", None, "erp")
        assert re.search(r"^- +access_token +erp ", user.ok("key", "list", "acme"), re.MULTILINE)

    @pytest.mark.parametrize(
        ("arguments", "words", "code"),
        [
            (("key", "create", "nobody", "--kind", "bulk"), "user nobody not found", 1),
            (("key", "create", "erp", "--kind", "bulk", "--network", "here"), "networks holds here, which is no network", 1),
            (("key", "create", "erp", "--kind", "bulk", "--daily-cap", "-1"), "daily_cap must be a whole number", 1),
            (("key", "list", "nobody"), "account nobody not found", 1),
            (("key", "revoke", "bk_nothing00"), "key bk_nothing00 not found", 1),
            (("key", "create", "erp", "--kind", "bulk", "--permission", "nonsense"), "permission 'nonsense' is unknown; there are *, ", 1),
            (("key", "create", "erp", "--kind", "httpsms", "--calls-per-minute", "9"), "counts for keys of the kind bulk only", 1),
            (("key", "create", "erp"), "Missing option '--kind'", 2),
            (("key", "create", "erp", "--kind", "bulk", "--expires-days", "0"), "Invalid value for '--expires-days'", 2),
        ],
    )
    def test_refusals(self, user: Shell, arguments: tuple[str, ...], words: str, code: int) -> None:
        assert words in user.refused(*arguments, code=code)

    def test_one_bulk_key_an_account(self, user: Shell) -> None:
        prefix = user.json("key", "create", "erp", "--kind", "bulk")["prefix"]
        assert user.refused("key", "create", "erp", "--kind", "bulk") == (
            f"the account has an active bulk key {prefix}; end it with dragoman key revoke {prefix}"
        )
        assert user.ok("key", "list", "acme").count(" active ") == 1


class TestLimits:
    def test_what_is_given_changes_and_the_rest_stays(self, user: Shell, gateway: Gateway) -> None:
        first = user.json("user", "limit", "erp", "--network", "192.0.2.0/24", "--network", "2001:db8::/32", "--daily-cap", "5000")
        assert (first["networks"], first["daily_cap"], first["calls_per_minute"], first["test"]) == (
            ["192.0.2.0/24", "2001:db8::/32"], 5000, None, False,
        )  # fmt: skip
        second = user.json("user", "limit", "erp", "--test", "--calls-per-minute", "10", "--permission", "bulk:*")
        assert second == first | {"test": True, "calls_per_minute": 10, "permissions": ["bulk:*"]}
        third = user.json("user", "limit", "erp", "--any-network", "--no-daily-cap", "--default-calls", "--live")
        assert third == second | {"networks": None, "daily_cap": None, "calls_per_minute": None, "test": False}
        with gateway.reading() as session:
            assert the_user(session, "erp").revision == 3
        assert user.json("account", "show", "acme")["users"] == [third]

    def test_people_read_them_at_the_account(self, user: Shell) -> None:
        assert "  erp: may *; from any network; no daily cap; default calls a minute; live; lane 2\n" in user.ok("account", "show", "acme")
        printed = user.ok("user", "limit", "erp", "--network", "192.0.2.7", "--daily-cap", "0", "--calls-per-minute", "3", "--test")
        words = "may *; from 192.0.2.7; 0 messages a day; 3 calls a minute; test mode; lane 2"
        assert printed == f"Limits of erp changed: {words}.\n"
        assert f"  erp: {words}\n" in user.ok("account", "show", "acme")

    @pytest.mark.parametrize(
        ("arguments", "words", "code"),
        [
            (("nobody", "--test"), "user nobody not found", 1),
            (("erp", "--network", "192.0.2.1/24"), "networks holds 192.0.2.1/24, which is no network such as 192.0.2.0/24", 1),
            (("erp", "--network", "10.0.0.1/8"), "networks holds 10.0.0.1/8, which is no network such as 10.0.0.0/8", 1),
            (("erp", "--permission", ""), "permission '' is unknown; there are *, ", 1),
            (("erp", "--permission", "smsend:keys"), "permission 'smsend:keys' is unknown", 1),
            (("erp", "--calls-per-minute", "0"), "calls_per_minute must be a whole number", 1),
            (("erp",), "Nothing to change", 2),
            (("erp", "--test", "--live"), "exclude each other", 2),
            (("erp", "--daily-cap", "1", "--no-daily-cap"), "exclude each other", 2),
            (("erp", "--network", "192.0.2.1", "--any-network"), "exclude each other", 2),
            (("erp", "--calls-per-minute", "1", "--default-calls"), "exclude each other", 2),
        ],
    )
    def test_refusals(self, user: Shell, arguments: tuple[str, ...], words: str, code: int) -> None:
        assert words in user.refused("user", "limit", *arguments, code=code)


class TestDevices:
    def test_a_device_is_made_listed_shut_out_and_let_in(self, shell: Shell, gateway: Gateway) -> None:
        made = shell.json("device", "create", "acme", "phone-1", "--connector", "simulator", "--generate")
        assert made | {"password": ""} == {"device": "phone-1", "account": "acme", "connector": "simulator", "password": ""}
        with gateway.reading() as session:
            user = the_user(session, "phone-1")
            assert verify_password(user.password_hash, made["password"])
            assert user.permissions == ["smsnodes:send", "smsnodes:read"]
        assert identity.by_password(gateway, [Password("phone-1", made["password"])], "").connector == "simulator"
        assert shell.json("device", "disable", "phone-1") == {"device": "phone-1", "disabled": True}
        (row,) = shell.json("device", "list")
        assert (row["disabled"], row["online"]) == (True, False)
        assert re.search(r"^phone-1 +acme +simulator +disabled$", shell.ok("device", "list"), re.MULTILINE)
        shell.ok("device", "enable", "phone-1")
        assert re.search(r"^phone-1 +acme +simulator +offline$", shell.ok("device", "list"), re.MULTILINE)

    def test_online_is_a_live_dispatcher(self, shell: Shell, gateway: Gateway) -> None:
        shell.ok("device", "create", "acme", "phone-1", "--generate")
        later = gateway.clock.now().replace(year=2999)
        with gateway.writing() as session:
            session.execute(update(ConnectorRow).where(ConnectorRow.name == "simulator").values(owner="x", lease_until=later))
        assert re.search(r"^phone-1 +acme +\(usual\) +online$", shell.ok("device", "list"), re.MULTILINE)

    def test_a_new_password(self, shell: Shell, gateway: Gateway) -> None:
        shell.ok("device", "create", "acme", "phone-1", "--password-stdin", stdin="correct horse\n")
        shell.ok("device", "passwd", "phone-1", "--password-stdin", stdin="battery staple\n")
        with gateway.reading() as session:
            assert verify_password(the_user(session, "phone-1").password_hash, "battery staple")

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("create", "nobody", "phone-1", "--generate"), "account nobody not found"),
            (("create", "acme", "erp", "--generate"), "user erp exists already"),
            (("create", "acme", "phone-1", "--generate", "--connector", "nowhere"), "connector nowhere not found"),
            (("create", "acme", "phone-1", "--generate", "--connector", "test"), "connector test not found"),
            (("disable", "erp"), "device erp not found"),
            (("enable", "nobody"), "device nobody not found"),
            (("passwd", "erp", "--generate"), "device erp not found"),
        ],
    )
    def test_refusals(self, user: Shell, arguments: tuple[str, ...], words: str) -> None:
        assert user.refused("device", *arguments) == words
        assert user.ok("device", "list").startswith("No device yet.")


def test_the_lane_of_a_user_is_set_and_told(shell: Shell) -> None:
    shell.ok("user", "create", "acme", "zabbix", "--generate")
    assert shell.json("user", "lane", "zabbix", "1")["lane"] == 1
    assert "lane 1" in shell.ok("account", "show", "acme")
    assert shell.ok("user", "lane", "zabbix", "usual") == "Messages of zabbix go by lane 2.\n"
    assert "nobody" in shell.refused("user", "lane", "nobody", "1")
