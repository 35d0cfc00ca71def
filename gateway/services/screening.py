"""What is not sent though it was asked for, and what is sent later: opted-out numbers, velocity caps, quiet hours."""

from __future__ import annotations

from datetime import datetime

from gateway.domain.order import Submission
from gateway.services import optouts
from gateway.services.core import Gateway
from gateway.storage.accept import Mixed, Uniform


def screen(gateway: Gateway, submission: Submission, messages: Uniform | Mixed, due_at: datetime) -> Uniform | Mixed:
    """The messages with those blocked that may not be sent (free of charge), and those put off that may not be sent yet.

    Opted-out numbers come first: what is blocked needs no cap and no hour.
    """
    return optouts.screened(gateway, submission, messages)
