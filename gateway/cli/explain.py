"""``dragoman explain``: why a text costs what it costs."""

from __future__ import annotations

import click

from gateway.cli.common import MESSAGE_TYPE, as_json, in_credits, money, print_fields, print_json, print_table, standard_input, with_gateway
from gateway.domain import msisdn
from gateway.domain.alphabet import Alphabet
from gateway.domain.credit import format_credits
from gateway.domain.parts import PART_LIMIT, SINGLE_LIMIT, Encoded
from gateway.domain.tariff import MessageType
from gateway.services import explain as service
from gateway.services.core import Gateway
from gateway.services.explain import Explanation, Offender

UNIT = {Alphabet.GSM7: "septets", Alphabet.UCS2: "UTF-16 units"}


@click.command()
@click.argument("text")
@click.option("--to", metavar="NUMBER", help="A recipient, for the price.")
@click.option("--type", "type_", type=MESSAGE_TYPE, default=MessageType.HIGH.value, show_default=True, help="What would be bought.")
@as_json
@with_gateway
def explain(gateway: Gateway, text: str, to: str | None, type_: str, as_json: bool) -> None:
    """Tells how a text would travel: alphabet, parts, the characters to blame, and the price.

    TEXT may be - for standard input.

    \b
    Example: dragoman explain "Costa 5 € – città" --to +393471234567
    """
    if text == "-":
        text = standard_input()
    recipient = msisdn.normalise(to, gateway.settings.default_region) if to else None
    told = service.explain(gateway, text, MessageType(type_), recipient)
    if as_json:
        print_json(_json(told))
    else:
        _plain(told)


def _plain(told: Explanation) -> None:
    encoded, price = told.encoded, told.price
    limit = (SINGLE_LIMIT if encoded.parts == 1 else PART_LIMIT)[encoded.alphabet]
    if price.units is None or price.units_per_part is None:
        cost = f"{price.message_type} is sold to listed destinations only; name one with --to"
    else:
        cost = f"{in_credits(format_credits(price.units))} ({format_credits(price.units_per_part)} a part)"
    print_fields(
        {
            "alphabet": encoded.alphabet.value,
            "length": f"{encoded.length} {UNIT[encoded.alphabet]}",
            "parts": f"{encoded.parts} of up to {limit} {UNIT[encoded.alphabet]}",
            "price": cost,
        }
    )
    if told.offenders:
        click.echo("\nCharacters outside GSM-7, which make the whole text UCS-2:")
        rows = [(_place(each), each.code_point, _shown(each.character), each.name, _instead(each)) for each in told.offenders]
        print_table(("AT", "CODE", "", "NAME", "LOOK-ALIKE"), rows, "")
    if told.transliterated is not None:
        click.echo(f"\nWith the text policy 'transliterate': {_with_policy(told)}")


def _with_policy(told: Explanation) -> str:
    other = told.transliterated
    assert other is not None
    if other.alphabet is Alphabet.UCS2:
        return "the same, as some characters have no look-alike"
    return f"gsm7, {other.parts} part{'' if other.parts == 1 else 's'}\n{other.text}"


def _json(told: Explanation) -> dict[str, object]:
    price = told.price
    return {
        **_shape(told.encoded),
        "offenders": [
            {"position": each.index, "code_point": each.code_point, "character": each.character, "name": each.name, "instead": each.instead}
            for each in told.offenders
        ],
        "transliterated": None if told.transliterated is None else {"text": told.transliterated.text, **_shape(told.transliterated)},
        "type": price.message_type,
        "recipient": price.recipient,
        "per_part": None if price.units_per_part is None else money(price.units_per_part),
        "price": None if price.units is None else money(price.units),
    }


def _shape(encoded: Encoded) -> dict[str, object]:
    return {"alphabet": encoded.alphabet, "length": encoded.length, "unit": UNIT[encoded.alphabet], "parts": encoded.parts}


def _place(offender: Offender) -> int:
    return offender.index + 1  # people count from one


def _shown(character: str) -> str:
    return character if character.isprintable() else ""


def _instead(offender: Offender) -> str:
    if offender.instead is None:
        return "none"
    return offender.instead if offender.instead.strip() else {"": "(left out)", "\n": "(new line)"}.get(offender.instead, "(blank)")
