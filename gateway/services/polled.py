"""Connectors whose telephone has no registration of its own: it proves itself by what the operator set for the connector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gateway.domain.errors import NotFound
from gateway.services.connector_secrets import every_setting
from gateway.services.core import Gateway
from gateway.storage import connectors
from gateway.storage import polled as stored
from gateway.storage.types import storable


@dataclass(frozen=True, slots=True)
class Polled:
    """Such a connector. ``settings`` are as the operator set them, secrets in clear."""

    name: str
    enabled: bool
    settings: Mapping[str, Any] = field(repr=False)
    owner: str | None
    lease_until: datetime | None


def find(gateway: Gateway, name: str, kind: str) -> Polled:
    """The connector of this name and kind.

    Raises:
        NotFound
        Unavailable: its secrets cannot be read.
    """
    if not storable(name):
        raise NotFound("connector")
    with gateway.reading() as session:
        row = connectors.find(session, name)
        if row is None or row.kind != kind:
            raise NotFound("connector")
        settings = every_setting(gateway, row.name, row.settings, row.secrets)
        return Polled(row.name, row.enabled, settings, row.owner, row.lease_until)


def called(gateway: Gateway, connector: Polled, patience: timedelta) -> None:
    """Notes that the telephone called: its connector counts as served for ``patience`` from now. Written once in half of that."""
    now = gateway.clock.now()
    if not connector.enabled:
        return
    if connector.owner == stored.OWNER and connector.lease_until is not None and connector.lease_until > now + patience / 2:
        return
    with gateway.writing() as session:
        stored.serve(session, connector.name, now, now + patience)
