"""Calls that carriers make to us: whose they are, and writing down what they say."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.domain.inbound import Inbound
from gateway.domain.receipt import Receipt
from gateway.services import dispatching
from gateway.services.connector_secrets import every_setting
from gateway.services.core import Gateway
from gateway.storage import connectors
from gateway.storage.types import storable

SECRET = "inlet_secret"


@dataclass(frozen=True, slots=True)
class Called:
    """The connector that a carrier called for, with what the operator set for it, secrets in clear."""

    name: str
    kind: str
    settings: Mapping[str, Any] = field(repr=False)


def find(gateway: Gateway, name: str, secret: str, kinds: Collection[str]) -> Called | None:
    """The connector of this name, where it is of one of these kinds and the secret is its own; a connector that is switched off, too.

    Its messages of yesterday have their receipts today. Raises Unavailable where its secrets cannot be read.
    """
    if not storable(name):
        return None
    with gateway.reading() as session:
        row = connectors.find(session, name)
        if row is None or row.kind not in kinds:
            return None
        settings = every_setting(gateway, row.name, row.settings, row.secrets)
        called = Called(row.name, row.kind, settings)
    wanted = str(settings.get(SECRET) or "")
    return called if wanted and hmac.compare_digest(secret.encode("utf-8", "surrogatepass"), wanted.encode()) else None


def record(gateway: Gateway, connector: str, events: Sequence[Receipt | Inbound]) -> None:
    """Writes them down; written again they change nothing. The carrier may be told so when this returns."""
    if events:
        dispatching.record(gateway, connector, events)
