"""What a user or a key may be permitted to do: ``dialect:action``, with ``*`` for all of either, or ``*`` alone for everything.

The actions stand here because services and the command line know no dialect; a test compares them with each dialect's own.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.domain.errors import InvalidField

MEANINGS: dict[str, dict[str, str]] = {
    "smsend": {
        "send": "send, and take back what waits",
        "read": "balance, states, history and all else that reads",
        "password": "change its password",
    },
    "brevisone": {"send": "send"},
    "smsnodes": {"send": "send", "read": "ask for the state of its jobs"},
    "bulk": {"send": "send, the sandbox included", "read": "balances", "keys": "make, replace and end the key"},
    "httpsms": {
        "send": "send",
        "read": "messages, threads and all else that reads",
        "manage": "change or delete numbers, keys, webhooks and the rest",
    },
}
"""Each dialect's actions, and what they let through."""


def _known() -> tuple[str, ...]:
    actions = dict.fromkeys(action for each in MEANINGS.values() for action in each)
    own = [f"{dialect}:{action}" for dialect, each in MEANINGS.items() for action in ("*", *each)]
    return ("*", *(f"*:{action}" for action in actions), *own)


KNOWN = _known()
"""Every permission that there is, in the order in which people are told of them."""


def checked(permissions: Sequence[str]) -> None:
    """Refuses a permission that would never let anything through.

    Raises:
        InvalidField: ``permission``; the reason lists those that there are.
    """
    unknown = next((each for each in permissions if each not in KNOWN), None)
    if unknown is not None:
        raise InvalidField("permission", f"{unknown[:50]!r} is unknown; there are {', '.join(KNOWN)}")
