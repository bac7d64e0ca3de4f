"""`stop` and `start`: the switch for all sending, or for sending to one connection's instance."""

import time
from argparse import Namespace

from blnk_api.cli.exit_codes import CommandFailed, ExitCode
from blnk_api.cli.output import say
from blnk_api.cli.session import Session
from blnk_api.common.quoting import shown
from blnk_api.settings import Instance
from blnk_api.store import instance_numbers
from blnk_api.store.sending import senders, stops
from blnk_api.store.sending.stops import StopEvent
from blnk_api.wording import about_stops

_POLL_SECONDS = 0.1
_SPARE_SECONDS = 5.0
"""Added to the time of one request, so that the outcomes of the last rows are recorded."""


def stop(opened: Session, options: Namespace) -> ExitCode:
    """Returns when no row is on its way to Blnk, or says how many are."""
    instance, number = _scope(opened, options.connection)
    with opened.store.write() as tx:
        is_new = stops.stop(tx, number, who=opened.who)
    if not is_new:
        say("Sending was already stopped.")
    say_stops(opened, instance)
    say(about_stops.on_their_way(_wait(opened, number)))
    again = f" --connection {options.connection}" if options.connection else ""
    say(f"To start sending again: python -m blnk_api start{again}")
    return ExitCode.FINE


def start(opened: Session, options: Namespace) -> ExitCode:
    instance, number = _scope(opened, options.connection)
    with opened.store.write() as tx:
        was_stopped = stops.start(tx, number, who=opened.who)
    say("Sending has started again." if was_stopped else "Sending was not stopped.")
    say_stops(opened, instance)
    return ExitCode.FINE


def say_stops(opened: Session, instance: Instance | None) -> None:
    """Prints what keeps an instance from sending; without an instance, everything that is stopped."""
    with opened.store.read() as tx:
        found = stops.in_force(tx) if instance is None else stops.holding(tx, instance)
    for one in found:
        say(in_force(opened, one))


def in_force(opened: Session, press: StopEvent) -> str:
    return about_stops.in_force(press, opened.settings, opened.settings.time_zone)


def _scope(opened: Session, name: str | None) -> tuple[Instance | None, int | None]:
    if name is None:
        return None, None
    connection = opened.settings.connections.get(name)
    if connection is None:
        raise CommandFailed(
            f"There is no connection “{shown(name)}”. These are set up: "
            f"{', '.join(opened.settings.connections) or 'none'}."
        )
    with opened.store.write() as tx:
        return connection.instance, instance_numbers.number_for(tx, connection.instance)


def _wait(opened: Session, number: int | None) -> int:
    """Returns how many rows are on their way after the time that one may take."""
    timeouts = [one.request_timeout_seconds for one in opened.settings.connections.values()]
    until = time.monotonic() + max(timeouts, default=0.0) + _SPARE_SECONDS
    while True:
        with opened.store.read() as tx:
            n = stops.on_their_way(tx, number)
            is_sent = senders.current(tx) is not None
        if not n or not is_sent or time.monotonic() > until:
            return n
        time.sleep(_POLL_SECONDS)
