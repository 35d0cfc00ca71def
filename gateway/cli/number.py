"""``dragoman number``: the numbers that messages come to, whose they are, and what is answered to keywords."""

from __future__ import annotations

import click

from gateway.cli.common import as_json, counted, print_json, print_table, with_gateway
from gateway.domain.keywords import Keyword
from gateway.services import inbound_numbers, keyword_replies
from gateway.services.core import Gateway

KEYWORD = click.Choice([each.value for each in Keyword], case_sensitive=False)


@click.group()
def number() -> None:
    """Says which account gets the messages that come to a number."""


@number.command()
@click.argument("account")
@click.argument("number")
@click.option("--take-unrouted", is_flag=True, help="Messages that came to it before and are nobody's become the account's.")
@as_json
@with_gateway
def add(gateway: Gateway, account: str, number: str, take_unrouted: bool, as_json: bool) -> None:
    """Gives a number to an account. NUMBER has a country code, or is a short code.

    \b
    Example: dragoman number add acme +393400001111
    """
    taken = inbound_numbers.add(gateway, account, number, take_unrouted=take_unrouted)
    if as_json:
        print_json({"account": account, "number": inbound_numbers.written(number), "taken": taken})
        return
    more = f" {counted(taken, 'message')} became {'its' if taken == 1 else 'theirs'}." if taken else ""
    click.echo(f"Messages to {inbound_numbers.written(number)} are {account}'s.{more}")


@number.command(name="list")
@click.option("--account", metavar="NAME", help="Only this account's.")
@as_json
@with_gateway
def list_(gateway: Gateway, account: str | None, as_json: bool) -> None:
    """Lists the numbers and their accounts.

    \b
    Example: dragoman number list
    """
    rows = inbound_numbers.listed(gateway, account)
    if as_json:
        print_json([{"number": row.number, "account": name, "created_at": row.created_at.isoformat()} for row, name in rows])
        return
    print_table(
        ("NUMBER", "ACCOUNT"), [(row.number, name) for row, name in rows], "No number yet. Add one: dragoman number add ACCOUNT NUMBER"
    )


@number.command()
@click.argument("number")
@as_json
@with_gateway
def remove(gateway: Gateway, number: str, as_json: bool) -> None:
    """Takes a number away from its account, which keeps what came so far.

    \b
    Example: dragoman number remove +393400001111
    """
    inbound_numbers.remove(gateway, number)
    _tell({"number": inbound_numbers.written(number)}, f"{inbound_numbers.written(number)} is nobody's.", as_json)


@number.command()
@click.argument("account")
@click.argument("keyword", type=KEYWORD)
@click.option("--text", metavar="TEXT", help="What is answered, on the account's credit.")
@click.option("--off", is_flag=True, help="Nothing is answered.")
@as_json
@with_gateway
def reply(gateway: Gateway, account: str, keyword: str, text: str | None, off: bool, as_json: bool) -> None:
    """Sets what an account answers to STOP, START or HELP: once a day to each sender.

    \b
    Example: dragoman number reply acme STOP --text "You get no more messages from Acme."
    """
    if off is (text is not None):
        raise click.UsageError("give --text or --off")
    keyword_replies.set_reply(gateway, account, Keyword(keyword.upper()), text)
    _tell(
        {"account": account, "keyword": keyword.upper(), "text": text},
        f"{account} answers {keyword.upper()}." if text else f"{account} answers {keyword.upper()} with nothing.",
        as_json,
    )


@number.command()
@click.argument("account")
@as_json
@with_gateway
def replies(gateway: Gateway, account: str, as_json: bool) -> None:
    """Lists what an account answers to keywords.

    \b
    Example: dragoman number replies acme
    """
    rows = keyword_replies.of_account(gateway, account)
    if as_json:
        print_json([{"keyword": row.keyword, "text": row.text} for row in rows])
        return
    print_table(("KEYWORD", "TEXT"), [(row.keyword, row.text) for row in rows], f"{account} answers nothing.")


def _tell(fields: dict[str, object], words: str, as_json: bool) -> None:
    if as_json:
        print_json(fields)
    else:
        click.echo(words)
