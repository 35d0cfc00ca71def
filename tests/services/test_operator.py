"""What operators ask, on both databases: the story of an order, the state of the installation, the demo account."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from gateway.domain.errors import Conflict, NotFound
from gateway.services import checkup, demo, identity, keys, phones, watching
from gateway.services.accounts import set_user_disabled
from gateway.services.identity import Password
from gateway.services.schema import schema, upgrade
from gateway.services.story import credit_history, find_messages, story
from gateway.storage.tables import Attempt, ConnectorRow, Message
from tests.support.builders import RECIPIENT, an_account, an_order, recipients, set_connector


def test_the_story_of_one_order(gateway):
    account = an_account(gateway, "acme")
    accepted = an_order(gateway, account, recipients(3), "Hello", client_ref="A1")
    an_order(gateway, account)
    order = story(gateway, "A1").order
    with gateway.writing() as session:
        for position in (0, 2):
            key = {"account_id": account.id, "order_id": order.id, "position": position}
            session.add(Attempt(**key, number=1, connector="simulator", started_at=gateway.clock.now()))
    told = story(gateway, accepted.order_id, "acme", most=2)
    assert (told.account.name, told.username, told.states) == ("acme", None, {"queued": 3})
    assert [len(each.attempts) for each in told.messages] == [1, 0]
    assert [(entry.kind, entry.units) for entry in told.entries] == [("charge", 3000)]
    assert story(gateway, str(order.id)).order.id == order.id


def test_names_that_fit_several_orders_or_none(gateway):
    for name in ("acme", "blue"):
        an_order(gateway, an_account(gateway, name), client_ref="A1")
    with pytest.raises(Conflict):
        story(gateway, "A1")
    assert story(gateway, "A1", "blue").account.name == "blue"
    with pytest.raises(NotFound):
        story(gateway, "A2")
    with pytest.raises(NotFound):
        story(gateway, "A1", "nobody")


def test_messages_by_recipient_and_state(gateway, clock):
    account = an_account(gateway, "acme")
    an_order(gateway, account)
    clock.forward(seconds=1)
    later = an_order(gateway, account, due_at=clock.now() + timedelta(hours=1))
    found = find_messages(gateway, account_name=None, recipient=RECIPIENT, state=None, limit=10)
    assert [(row.order.id.hex == later.order_id, row.message.state, row.account_name) for row in found] == [
        (True, "scheduled", "acme"), (False, "queued", "acme"),
    ]  # fmt: skip
    assert len(find_messages(gateway, account_name="acme", recipient=None, state="scheduled", limit=10)) == 1
    assert len(find_messages(gateway, account_name=None, recipient=RECIPIENT, state=None, limit=1)) == 1


def test_the_newest_entries_come_first(gateway):
    account = an_account(gateway, "acme")
    an_order(gateway, account)
    owner, entries = credit_history(gateway, "acme", 10)
    assert owner.id == account.id
    assert [(entry.sequence, entry.kind) for entry in entries] == [(2, "charge"), (1, "credit")]


def test_every_check_passes_where_all_is_well(gateway, clock):
    with gateway.writing() as session:
        session.execute(update(ConnectorRow).values(owner="host:1", lease_until=clock.now() + timedelta(minutes=1)))
    on_the_database = {"database", "migrations", "dispatcher", "unknown outcomes"}
    found = [finding for finding in checkup.examine(gateway) if finding.name in on_the_database]
    assert {finding.name for finding in found} == on_the_database
    assert all(finding.ok for finding in found), found


def test_a_careless_database_is_named(gateway):
    """The tests' own PostgreSQL does not sync, for speed; a borrowed one, and SQLite, may be sound."""
    (found,) = [finding for finding in checkup.examine(gateway) if finding.name == "durability"]
    assert found.ok == (" off" not in found.seen)
    if not found.ok:
        assert "fsync to on" in found.todo


def test_what_waits_for_a_decision_is_counted(gateway):
    an_order(gateway, an_account(gateway), recipients(2))
    with gateway.writing() as session:
        session.execute(update(Message).values(state="unknown"))
    (found,) = [finding for finding in checkup.examine(gateway) if finding.name == "unknown outcomes"]
    assert (found.seen, found.ok) == ("2 on connector simulator", False)


def test_a_current_database_is_left_alone(gateway):
    assert schema(gateway).is_current
    before, after = upgrade(gateway)
    assert before == after


def test_the_demo_account(gateway, tmp_path):
    object.__setattr__(gateway.settings, "data_dir", tmp_path)
    assert demo.is_fresh(gateway)
    assert demo.renewed_demo(gateway) is None
    made = demo.prepare_demo(gateway)
    assert demo.prepare_demo(gateway) == made == demo.renewed_demo(gateway)
    assert not demo.is_fresh(gateway)
    assert made.keys() >= {"username", "password", "device", "device_password", "api_key", "v2_api_key", "phone"}
    assert all(demo.URL_SAFE_ALPHABET.issuperset(value) for name, value in made.items() if name.endswith(("password", "key")))
    assert identity.by_api_key(gateway, keys.HTTPSMS, made["api_key"]).account_name == made["account"]
    assert identity.by_api_key(gateway, keys.BULK, made["v2_api_key"]).account_name == made["account"]
    device = identity.by_password(gateway, [Password(made["device"], made["device_password"])], "")
    assert device.device_id is not None
    assert phones.find(gateway, device.account_id, made["phone"]) is not None


def test_only_what_is_lost_of_the_demo_is_made_anew(gateway, tmp_path):
    object.__setattr__(gateway.settings, "data_dir", tmp_path)
    made = demo.prepare_demo(gateway)
    keys.revoke(gateway, made["v2_api_key"][:12])
    again = demo.renewed_demo(gateway)
    assert again is not None
    assert {name for name in made if made[name] != again[name]} == {"v2_api_key"}


def test_a_demo_that_is_shut_out_gets_no_new_credentials(gateway, tmp_path):
    object.__setattr__(gateway.settings, "data_dir", tmp_path)
    demo.prepare_demo(gateway)
    set_user_disabled(gateway, "demo", disabled=True)
    with pytest.raises(Conflict, match="dragoman user enable demo"):
        demo.prepare_demo(gateway)
    assert demo.renewed_demo(gateway) is None
    set_user_disabled(gateway, "demo", disabled=False)
    assert demo.renewed_demo(gateway) is not None


def test_test_mode_alone_is_no_way_out(gateway):
    set_connector(gateway, enabled=False)
    found = [finding for finding in checkup.examine(gateway) if finding.name == "dispatcher"]
    assert found[0].seen == "no connector is enabled but the one of test mode"
    assert not found[0].ok
    assert "simulator" not in watching.backlog(gateway).owned
    assert "simulator" not in watching.backlog(gateway).standings
    set_connector(gateway, enabled=True)
    assert watching.backlog(gateway).owned["simulator"] is False
    assert watching.backlog(gateway).standings["simulator"].score == 100
