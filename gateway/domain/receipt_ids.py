"""The forms in which carriers name one message twice: once when they take it, once in its receipt.

Many carriers answer a submission with a hexadecimal id and report its delivery under the same number in decimal digits, or with
zeros in front, or in other letters. Each form here turns the id of a receipt into the id that was given at submission.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

AS_GIVEN = "as given"
LONGEST = 64  # characters, as stored
_decimal = re.compile(r"[0-9]{1,30}").fullmatch
_hexadecimal = re.compile(r"[0-9A-Fa-f]{1,30}").fullmatch

Form = Callable[[str], str | None]


def _hex(spec: str) -> Form:
    def form(name: str) -> str | None:
        return format(int(name), spec) if _decimal(name) else None

    return form


def _dec(width: int) -> Form:
    def form(name: str) -> str | None:
        return str(int(name, 16)).zfill(width) if _hexadecimal(name) else None

    return form


def _padded(width: int) -> Form:
    def form(name: str) -> str | None:
        return name.zfill(width) if _hexadecimal(name) and len(name) < width else None

    return form


#: Words for the operator → the form. In the order they are tried.
FORMS: Mapping[str, Form] = {
    AS_GIVEN: lambda name: name,
    "lower case": str.lower,
    "upper case": str.upper,
    "without zeros in front": lambda name: name.lstrip("0") or None,
    "zeros in front, 8 places": _padded(8),
    "zeros in front, 10 places": _padded(10),
    "zeros in front, 16 places": _padded(16),
    "decimal here, hexadecimal at submission": _hex("x"),
    "decimal here, HEXADECIMAL at submission": _hex("X"),
    "decimal here, hexadecimal of 8 places at submission": _hex("08x"),
    "decimal here, HEXADECIMAL of 8 places at submission": _hex("08X"),
    "decimal here, hexadecimal of 16 places at submission": _hex("016x"),
    "decimal here, HEXADECIMAL of 16 places at submission": _hex("016X"),
    "hexadecimal here, decimal at submission": _dec(1),
    "hexadecimal here, decimal of 10 places at submission": _dec(10),
}


def candidates(name: str) -> dict[str, str]:
    """Form → the id that the message may have been given, for the id of a receipt; each id once, by the first form that gives it."""
    found: dict[str, str] = {}
    for words, form in FORMS.items():
        given = form(name)
        if given and len(given) <= LONGEST and given not in found.values():
            found[words] = given
    return found


def applied(form: str | None, name: str) -> str:
    """The id by a form that was learned; the id as it is where the form does not fit it, or is not known any more."""
    return (FORMS.get(form or AS_GIVEN, FORMS[AS_GIVEN])(name) or name)[:LONGEST]


def choose(name: str, recipient: str, learned: str | None, known: Mapping[str, str]) -> tuple[str, str | None]:
    """Which message a receipt is about, and the form that this proves.

    A message whose recipient is the receipt's own is proof. Without one the learned form counts, then the id as it is: a number that
    happens to be another message's in another form is never believed without proof.

    Args:
        name: the receipt's id.
        recipient: E.164, whom the receipt says the message went to; "" where it does not.
        learned: the form that this connector's receipts were found to have.
        known: id given at submission → recipient (E.164), of the messages that the id may mean.

    Returns:
        The id given at submission, and the form where the recipient proves it, else None.
    """
    tried = candidates(name)
    order = sorted(tried, key=lambda words: (words != learned, words != AS_GIVEN))  # stable: else as listed
    proven = [words for words in order if recipient and known.get(tried[words]) == recipient]
    if proven:
        return tried[proven[0]], proven[0]
    mine = applied(learned, name)
    return (mine if mine in known or name not in known else name), None
