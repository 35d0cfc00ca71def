"""Keeping phones, webhooks and schedules of one account from many threads at once, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.domain.errors import GatewayError, Unavailable
from gateway.domain.pace import Window
from gateway.services import heartbeats, phones, schedules, webhooks
from gateway.services.phones import PhoneChange
from gateway.services.schedules import ScheduleTerms
from gateway.services.webhooks import WebhookTerms
from gateway.storage.tables import Account
from tests.support.builders import an_account

NUMBER = "+18005550199"
CALLS = 16
sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def acme(gateway) -> Account:
    return an_account(gateway, "acme", credit=0)


def at_once(app, call: Callable[[int], object]) -> list[object]:
    """What each of many calls gave, or the refusal that it met."""

    def one(number: int) -> object:
        with app.app_context():
            try:
                return call(number)
            except GatewayError as error:
                return type(error)

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(one, range(CALLS)))


def test_one_number_registered_by_many_is_one_phone(app, gateway, acme):
    made = at_once(app, lambda number: phones.add(gateway, "acme", NUMBER, PhoneChange(messages_per_minute=number)).id)
    assert len(set(made)) == 1
    assert len(phones.of_account(gateway, "acme")) == 1


def test_ten_webhooks_are_ten_however_many_come_at_once(app, gateway, acme):
    phones.add(gateway, "acme", NUMBER, PhoneChange())
    terms = WebhookTerms("https://acme.example", "secret", [NUMBER], ["message.phone.sent"])
    made = at_once(app, lambda _: type(webhooks.create(gateway, acme.id, terms)))
    assert sorted(each.__name__ for each in made if isinstance(each, type)) == ["TooManyWebhooks"] * 6 + ["WebhookRead"] * 10


def test_as_many_schedules_as_there_may_be(app, gateway, acme, monkeypatch):
    monkeypatch.setattr(schedules, "MOST_SCHEDULES", 3)
    terms = ScheduleTerms("office", ZoneInfo("UTC"), [Window(1, 0, 60)])
    at_once(app, lambda _: schedules.create(gateway, acme.id, terms).id)
    assert len(schedules.listed(gateway, acme.id)) == 3


def test_heartbeats_of_many_handsets_forget_the_oldest(app, gateway, acme, monkeypatch, clock):
    monkeypatch.setattr(heartbeats, "KEPT", 5)
    phones.add(gateway, "acme", NUMBER, PhoneChange())
    for _ in range(7):
        clock.forward(minutes=15)
        heartbeats.note(gateway, acme.id, [NUMBER], "v", charging=False)
    at_once(app, lambda _: heartbeats.note(gateway, acme.id, [NUMBER], "v", charging=True))
    rows = heartbeats.listed(gateway, acme.id, NUMBER, 0, 100)
    assert min(row.at for row in rows) >= clock.now() - timedelta(minutes=60)
    assert sum(row.charging for row in rows) == CALLS


@sqlite_only
def test_secrets_are_in_no_repr(gateway, acme):
    phones.add(gateway, "acme", NUMBER, PhoneChange())
    terms = WebhookTerms("https://acme.example", "open sesame", [NUMBER], ["message.phone.sent"])
    assert "sesame" not in repr(terms) + repr(webhooks.create(gateway, acme.id, terms))


def test_signing_keys_are_encrypted_anew_under_the_newest_secret(gateway, acme):
    phones.add(gateway, "acme", NUMBER, PhoneChange())
    made = webhooks.create(gateway, acme.id, WebhookTerms("https://example.org/hook", "sesame", ["+18005550199"], ["message.phone.sent"]))
    old = gateway.settings.secret_key
    object.__setattr__(gateway.settings, "secret_key", ("a-newer-secret-of-the-tests", *old))
    assert webhooks.renew_secrets(gateway) == 1
    object.__setattr__(gateway.settings, "secret_key", ("a-newer-secret-of-the-tests",))
    (found,) = webhooks.listed(gateway, acme.id, "", 0, 10)
    assert (found.id, found.signing_key) == (made.id, "sesame")
    object.__setattr__(gateway.settings, "secret_key", ("none-of-these-at-all-here",))
    with pytest.raises(Unavailable):
        webhooks.renew_secrets(gateway)
