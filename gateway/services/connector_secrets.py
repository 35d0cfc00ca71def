"""The settings of connectors that are secret: encrypted together, one cipher text for each connector."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gateway.services import vault
from gateway.services.core import Gateway


def every_setting(gateway: Gateway, connector: str, settings: Mapping[str, Any], stored: bytes | None) -> dict[str, Any]:
    """The settings of a connector with its secrets in clear. Raises Unavailable as :func:`gateway.services.vault.decrypt`."""
    return dict(settings) | opened(gateway, connector, stored)


def opened(gateway: Gateway, connector: str, stored: bytes | None) -> dict[str, Any]:
    """The secret settings in clear."""
    if stored is None:
        return {}
    secrets: dict[str, Any] = json.loads(vault.decrypt(gateway.settings, purpose(connector), stored))
    return secrets


def closed(gateway: Gateway, connector: str, secrets: Mapping[str, Any]) -> bytes | None:
    """The secret settings as they are stored; None where there are none."""
    return vault.encrypt(gateway.settings, purpose(connector), json.dumps(dict(secrets))) if secrets else None


def purpose(connector: str) -> str:
    """The vault's purpose: the secrets of one connector cannot be given to another."""
    return f"connector {connector}"
