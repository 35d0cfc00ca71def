"""What is not sent though it was asked for, and what is sent later: opted-out numbers, velocity caps, quiet hours."""

from __future__ import annotations

from datetime import datetime

from gateway.domain.message import State
from gateway.domain.order import Submission
from gateway.services import optouts, restraint
from gateway.services.core import Gateway
from gateway.storage.accept import Mixed, Uniform


def screen(gateway: Gateway, submission: Submission, messages: Uniform | Mixed, due_at: datetime, priority: int) -> Uniform | Mixed:
    """The messages with those blocked that may not be sent (free of charge), and those put off that may not be sent yet.

    Opted-out numbers come first: what is blocked needs no cap and no hour.
    """
    messages = optouts.screened(gateway, submission, messages)
    messages = _capped(gateway, submission, messages)
    return _put_off(gateway, messages, due_at, priority)


def _capped(gateway: Gateway, submission: Submission, messages: Uniform | Mixed) -> Uniform | Mixed:
    if not restraint.rules(gateway).caps:
        return messages
    items = list(messages.items())
    open_ = [position for position, item in enumerate(items) if item.state is None]
    refused = restraint.over_caps(gateway, submission.account_id, [items[position].recipient for position in open_])
    for place, words in refused.items():
        position = open_[place]
        items[position] = items[position]._replace(units=0, state=State.BLOCKED.value, failure=words)
    return Mixed(items) if refused else messages


def _put_off(gateway: Gateway, messages: Uniform | Mixed, due_at: datetime, priority: int) -> Uniform | Mixed:
    if not restraint.rules(gateway).quiet:
        return messages
    items = list(messages.items())
    until = restraint.put_off(gateway, [item.recipient for item in items], due_at, priority)
    for position, moment in until.items():
        if items[position].state is None:
            items[position] = items[position]._replace(due_at=moment)
    return Mixed(items) if until else messages
