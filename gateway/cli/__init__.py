"""The ``dragoman`` command: what an operator does at a shell. One file for each family of commands.

A command reads its arguments, calls one service, and prints; it decides nothing. ``docs/cli.md`` lists all of them and
what their exit codes mean. May import services and domain; of the other rooms only what ``dispatch`` starts.
"""

from __future__ import annotations

import click

from gateway.cli.account import account
from gateway.cli.callback import callback
from gateway.cli.common import Family
from gateway.cli.connector import connector
from gateway.cli.contact import contact
from gateway.cli.credit import credit
from gateway.cli.demo import demo
from gateway.cli.device import device
from gateway.cli.dispatch import dispatch
from gateway.cli.doctor import doctor
from gateway.cli.events import events
from gateway.cli.explain import explain
from gateway.cli.group import group
from gateway.cli.handset import handset
from gateway.cli.inbound import inbound
from gateway.cli.key import key
from gateway.cli.ledger import ledger
from gateway.cli.limit import limit
from gateway.cli.message import message
from gateway.cli.migrate import migrate
from gateway.cli.number import number
from gateway.cli.optout import optout
from gateway.cli.phone import phone
from gateway.cli.route import route
from gateway.cli.secret import secret
from gateway.cli.send import send
from gateway.cli.tariff import tariff
from gateway.cli.telegram import telegram
from gateway.cli.unknown import unknown
from gateway.cli.user import user


@click.group(cls=Family, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def dragoman() -> None:
    """Runs and looks after a Dragoman SMS gateway.

    Settings come from the environment (DRAGOMAN_...). Commands that print data take --json.

    \b
    Exit codes: 0 done; 1 refused or something is wrong; 2 bad usage or a bad setting.
    """


for command in (
    account, callback, connector, contact, credit, demo, device, dispatch, doctor, events, explain, group, handset, inbound, key,
    ledger, limit, message, migrate, number, optout, phone, route, secret, send, tariff, telegram, unknown, user,
):  # fmt: skip
    dragoman.add_command(command)


def main() -> None:
    """Runs the command line of this process."""
    dragoman(prog_name="dragoman")
