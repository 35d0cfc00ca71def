"""Who calls on the routes of telephones: a user's key, or a telephone's own for the numbers that it is bound to (contract 1.1, 5.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Response, request

from gateway.dialects.httpsms import render
from gateway.dialects.httpsms.authentication import caller, header_key
from gateway.dialects.httpsms.blueprint import blueprint
from gateway.dialects.httpsms.uncertain import NAME
from gateway.domain.errors import UnknownKey
from gateway.services import identity, keys, phone_side
from gateway.services.phones import Phone
from gateway.services.rows import Caller
from gateway.web.authentication import current_gateway, key_caller

BEGINNING = keys.BEGINNINGS[keys.HTTPSMS_PHONE]


class NumberNotBound(Exception):
    """A telephone's key was used for a number that it is not bound to."""

    def __init__(self, number: str, permitted: Sequence[str]) -> None:
        super().__init__("the key is not bound to the number")
        self.number = number
        self.permitted = permitted


@dataclass(frozen=True, slots=True)
class Handset:
    """The caller, and whether it came with a telephone's own key."""

    caller: Caller
    is_bound: bool

    def phone(self, number: str) -> Phone | None:
        """The account's phone of this number; None: it has none.

        Raises:
            NumberNotBound
        """
        if not self.is_bound:
            return phone_side.phone_of(current_gateway(), self.caller.account_id, number)
        permitted = phone_side.numbers_of_key(current_gateway(), self.caller)
        if number not in permitted:
            raise NumberNotBound(number, sorted(permitted))
        return permitted[number]

    def serving(self) -> list[Phone]:
        """The numbers of the telephone that messages may wait for; notes that it called."""
        found = phone_side.serving(current_gateway(), self.caller, bound=self.is_bound)
        phone_side.called(current_gateway(), found)
        return found


def handset() -> Handset:
    """The calling telephone, by a key of either kind; a telephone's own counts in the header only.

    Raises:
        MissingCredentials, UnknownKey, KeyExpired, CallerDisabled, AddressNotAllowed, PermissionDenied
    """
    key = header_key()
    if not key.startswith(BEGINNING):
        return Handset(caller("send"), is_bound=False)
    found = key_caller(keys.HTTPSMS_PHONE, key)
    identity.require(found, NAME, "send")
    return Handset(found, is_bound=True)


@blueprint.errorhandler(NumberNotBound)
def refused(error: NumberNotBound) -> Response:
    """The same status as for an unknown key, with the numbers in the hint."""
    request.environ["dragoman.error"] = UnknownKey.__name__
    bound = ", ".join(error.permitted) or "no number"
    return render.unauthorized(
        "You are not authorized to use this phone number.",
        f"The key in the header [x-api-key] is not bound to {error.number}; it is bound to {bound}",
    )
