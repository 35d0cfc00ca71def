"""One customer's day, from the first key to what the carrier made of the messages. This API shows no states, only the balance."""

from __future__ import annotations

from gateway.dispatcher.lanes import shares
from gateway.domain.message import State
from gateway.domain.receipt import Receipt
from gateway.domain.sending import FailureKind, Outcome, Outgoing
from gateway.services import dispatching, ledger
from gateway.services.core import Gateway
from tests.dialects.bulk.program import BALANCE, ONE, ONE_E164, REGENERATE, REVOKE, SEND, TWO, TWO_E164, Program, done, refused
from tests.support.builders import messages
from tests.support.databases import FixedClock

CARRIER = "simulator"


def handed_over(gateway: Gateway) -> list[Outgoing]:
    return dispatching.claim(gateway, CARRIER, 100, shares)


def states(gateway: Gateway) -> list[tuple[str, str]]:
    return [(message.recipient, message.state) for message in messages(gateway)]


def test_a_customers_day(owner: Program, gateway: Gateway, clock: FixedClock) -> None:
    # In the morning the shop asks what it has, and tells two customers that the shop is open.
    assert owner.balance() == 1000
    sent = done(owner.send(numbers=f"{ONE},{TWO}", message_body="We are open.", reference="open", message_type="promotional"))
    assert (sent["recipients"], sent["estimated_cost"], sent["remaining_balance"]) == (2, 2, 998)
    first, second = handed_over(gateway)
    assert [(each.recipient, each.text, each.originator) for each in (first, second)] == [
        (ONE_E164, "We are open.", "Acme"),
        (TWO_E164, "We are open.", "Acme"),
    ]
    # The carrier takes one and delivers it; the other it refuses for good, and that one is paid back.
    dispatching.record(gateway, CARRIER, [Outcome.accepted(first.key, "smsc-1"), Outcome.failed(second.key, FailureKind.FINAL, "8", "no")])
    dispatching.record(gateway, CARRIER, [Receipt("smsc-1", State.DELIVERED, clock.now(), "000")])
    assert states(gateway) == [(ONE_E164, "delivered"), (TWO_E164, "failed")]
    assert owner.balance() == 999

    # Two get a text of their own; a third number is no number. What is tried in the sandbox reaches no carrier.
    each = done(owner.send_each(*({"number": to, "message_body": f"Hello {to}"} for to in (ONE, "nobody", TWO))))
    assert [good["index"] for good in each["successful_messages"]] == [0, 2]
    assert done(owner.keyed("POST", "/api/v2/sandbox/sms/send", json={"numbers": ONE, "message_body": "x"}))["sandbox"]
    assert [(outgoing.recipient, outgoing.text) for outgoing in handed_over(gateway)] == [
        (ONE_E164, f"Hello {ONE}"),
        (TWO_E164, f"Hello {TWO}"),
    ]
    assert owner.balance() == 997

    # In the evening the key is replaced, as somebody may have seen it, and then there is none.
    old, owner.key = owner.key, done(owner.keyed("POST", REGENERATE, json={"expiry_days": 30}))["api_key"]
    refused(owner.call("GET", BALANCE, headers={"X-API-Key": old}), 401, "Invalid API key")
    assert owner.balance() == 997
    owner.keyed("POST", REVOKE)
    refused(owner.send(), 401, "Invalid API key")
    refused(owner.call("GET", SEND), 401, "API key is required")
    assert list(ledger.verify(gateway)) == []
