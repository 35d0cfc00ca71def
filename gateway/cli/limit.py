"""``dragoman limit``: when messages may not go out, and how many may."""

from __future__ import annotations

import click

from gateway.cli.common import as_json, print_json, print_table, with_gateway
from gateway.domain.velocity import Per
from gateway.services import restraint as service
from gateway.services.core import Gateway

AT_MOST_SECONDS = "Every process follows within five seconds."


@click.group()
def limit() -> None:
    """Quiet hours of countries, velocity caps against SMS pumping, and the speed of an account."""


@limit.command(name="list")
@as_json
@with_gateway
def list_(gateway: Gateway, as_json: bool) -> None:
    """Lists quiet hours, velocity caps and accounts with a speed of their own.

    \b
    Example: dragoman limit list
    """
    hours, caps, rates = service.quiet_hours(gateway), service.caps(gateway), service.account_rates(gateway)
    if as_json:
        quiet = [{"region": row.region, "from": _hour(row.start_minute), "to": _hour(row.end_minute), "zone": row.zone} for row in hours]
        capped = [
            {"cap": cap.id, "per": cap.per, "prefix": cap.prefix, "most": cap.most, "seconds": cap.window_seconds, "account": account}
            for cap, account in caps
        ]
        print_json({"quiet_hours": quiet, "velocity_caps": capped, "parts_per_second": dict(rates)})
        return
    table = [(row.region, _hour(row.start_minute), _hour(row.end_minute), row.zone) for row in hours]
    print_table(("QUIET IN", "FROM", "TO", "ZONE"), table, "No quiet hours.")
    click.echo()
    shown = [
        (str(cap.id), cap.per, f"+{cap.prefix}" if cap.prefix else "any", f"{cap.most} in {cap.window_seconds} s", name or "all together")
        for cap, name in caps
    ]
    print_table(("CAP", "PER", "TO", "AT MOST", "ACCOUNT"), shown, "No velocity cap.")
    click.echo()
    print_table(("ACCOUNT", "PARTS/S"), [(name, str(rate)) for name, rate in rates.items()], "No account has a speed of its own.")


@limit.command()
@click.argument("region")
@click.option("--from", "start", metavar="HH:MM", help="When they begin, by the clock of that country.")
@click.option("--to", "end", metavar="HH:MM", help="When they end; may lie behind midnight.")
@click.option("--zone", metavar="NAME", help="The country's time zone, such as Europe/Paris.")
@click.option("--remove", is_flag=True, help="Take them away.")
@as_json
@with_gateway
def quiet(gateway: Gateway, region: str, start: str | None, end: str | None, zone: str | None, remove: bool, as_json: bool) -> None:
    """Sets or takes away the quiet hours of a country, two letters. Lane 1, for alarms, is exempt.

    \b
    Example: dragoman limit quiet FR --from 21:00 --to 08:00 --zone Europe/Paris
    """
    if remove:
        service.remove_quiet_hours(gateway, region)
        _say(as_json, {"region": region.upper(), "removed": True}, f"No quiet hours in {region.upper()} any more. {AT_MOST_SECONDS}")
        return
    if not (start and end and zone):
        raise click.UsageError("give --from, --to and --zone, or --remove")
    row = service.set_quiet_hours(gateway, region, service.minutes_of(start), service.minutes_of(end), zone)
    told = {"region": row.region, "from": _hour(row.start_minute), "to": _hour(row.end_minute), "zone": row.zone}
    words = f"Quiet in {row.region} from {told['from']} to {told['to']}, {row.zone}. What is due then waits for the end. {AT_MOST_SECONDS}"
    _say(as_json, told, words)


@limit.command()
@click.option("--per", type=click.Choice([each.value for each in Per]), required=True, help="Count each number, or a prefix as a whole.")
@click.option("--prefix", default="", metavar="+39...", help="Destinations it covers; of --per number every one if not given.")
@click.option("--most", type=int, required=True, metavar="N", help="Most messages in the time; 0 blocks all.")
@click.option("--seconds", type=int, required=True, metavar="N", help="The time, up to 604800 (a week).")
@click.option("--account", metavar="NAME", help="Of this account only; none given: all accounts together.")
@as_json
@with_gateway
def cap(gateway: Gateway, per: str, prefix: str, most: int, seconds: int, account: str | None, as_json: bool) -> None:
    """Caps how many messages go to a number or a prefix in a time. What is over it is blocked, free of charge.

    \b
    Example: dragoman limit cap --per number --most 5 --seconds 3600
    """
    if per == Per.PREFIX and not prefix.strip("+"):
        raise click.UsageError("give the prefix that is counted as a whole with --prefix, such as --prefix +372")
    made = service.add_cap(gateway, Per(per), prefix, most, seconds, account)
    _say(as_json, {"cap": made}, f"Velocity cap {made} is set. {AT_MOST_SECONDS}")


@limit.command()
@click.argument("number", type=int)
@as_json
@with_gateway
def uncap(gateway: Gateway, number: int, as_json: bool) -> None:
    """Takes a velocity cap away, by its number in the list.

    \b
    Example: dragoman limit uncap 3
    """
    service.remove_cap(gateway, number)
    _say(as_json, {"cap": number, "removed": True}, f"Velocity cap {number} is gone. {AT_MOST_SECONDS}")


@limit.command()
@click.argument("account")
@click.argument("parts_per_second", type=int)
@as_json
@with_gateway
def speed(gateway: Gateway, account: str, parts_per_second: int, as_json: bool) -> None:
    """Sets how many message parts of an account come due each second; 0 is no limit. Alarms (lane 1) never wait for it.

    \b
    Example: dragoman limit speed acme 10
    """
    service.set_rate(gateway, account, parts_per_second)
    words = f"{account}: {parts_per_second or 'no limit of'} parts a second, for orders from now on. {AT_MOST_SECONDS}"
    _say(as_json, {"account": account, "parts_per_second": parts_per_second}, words)


def _say(as_json: bool, value: object, words: str) -> None:
    if as_json:
        print_json(value)
    else:
        click.echo(words)


def _hour(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
