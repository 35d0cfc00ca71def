"""``dragoman doctor``: is this installation fit to carry messages?"""

from __future__ import annotations

import click
from flask import Flask

from gateway.cli.common import EXIT_REFUSED, as_json, gateway_of, print_json, with_app
from gateway.services.checkup import Finding, examine


@click.command()
@as_json
@with_app
def doctor(app: Flask, as_json: bool) -> None:
    """Looks at database, migrations, durability, Redis, clock, disk, folders, secret, dispatcher and open questions.

    Each line is "ok" or says what to do. Exit code 1: something must be done.

    \b
    Example: dragoman doctor
    """
    findings = list(examine(gateway_of(app)))
    if as_json:
        print_json([_json(finding) for finding in findings])
    else:
        _plain(findings)
    if not all(finding.ok for finding in findings):
        click.get_current_context().exit(EXIT_REFUSED)


def _plain(findings: list[Finding]) -> None:
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        click.echo(f"{'ok  ' if finding.ok else 'TODO'}  {finding.name:<{width}}  {finding.seen}")
        if finding.todo:
            click.echo(f"      {'':<{width}}  -> {finding.todo}")


def _json(finding: Finding) -> dict[str, object]:
    return {"check": finding.name, "ok": finding.ok, "seen": finding.seen, "todo": finding.todo or None}
