"""What ``/api.php`` was given, before anybody knows by whom: bytes by name (contract 3.1 and 3.2)."""

from __future__ import annotations

from gateway.dialects.brevisone import reading
from gateway.dialects.brevisone.filtering import KINDS
from gateway.domain.errors import MissingField
from gateway.services.identity import Password
from gateway.web import parameters
from gateway.web.parameters import Parameters

REQUIRED = ("username", "password", "text", "to")
OFF = ("false", "0", "no", "off")
CREDENTIALS = ("username", "password")


def given(limit_bytes: int) -> Parameters:
    """The parameters of query and body; the body's win.

    Raises:
        RequestTooLarge, MalformedRequest
    """
    return parameters.query() | parameters.form(limit_bytes)


def check_complete(found: Parameters) -> None:
    """Refuses what lacks a parameter: one of the required four (a call needs no text), or the pattern of a filter.

    Raises:
        MissingField
    """
    for name in REQUIRED:
        if not found.get(name) and not (name == "text" and is_present(found.get("ring"))):
            raise MissingField(name)
    if word(found.get("list")) in KINDS and not found.get("regex"):
        raise MissingField("regex")


def password(found: Parameters) -> Password:
    """The name and password that were given."""
    return Password(reading.plain(found["username"]), reading.plain(found["password"]))


def texts(found: Parameters) -> dict[str, str]:
    """All of them as text. A message in hex digits stays hex digits."""
    values = {name: reading.plain(raw) for name, raw in found.items()}
    if not is_on(found.get("hexmode")):
        values["text"] = reading.message(found.get("text", b""))
    return values


def is_on(raw: bytes | None) -> bool:
    """Whether a switch that is off by default is on: ``hexmode``."""
    return word(raw) in ("true", "1")


def is_off(raw: bytes | None) -> bool:
    """Whether a switch that is on by default is off: ``telauto``."""
    return word(raw) in ("false", "0")


def is_present(raw: bytes | None) -> bool:
    """Whether a switch that only has to be there is on: ``ring`` and ``flash``, also bare."""
    return raw is not None and word(raw) not in OFF


def word(raw: bytes | None) -> str:
    """A value that is one of a few words, without the blanks around it and in lower case."""
    return reading.plain(raw or b"").strip().lower()
