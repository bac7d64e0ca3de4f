"""Sentences about who sends, and about the switch that stops all sending."""

from collections.abc import Sequence
from datetime import UTC, tzinfo

from blnk_api.common.quoting import shown
from blnk_api.settings import Settings
from blnk_api.store.sending.senders import SenderIs, Sending
from blnk_api.store.sending.stops import StopEvent
from blnk_api.wording import phrases

MEANS = (
    "Stops every import and the form: no row is sent until sending is started again. Requests already sent "
    "are completed, and Blnk is still checked and compared."
)


def scope(press: StopEvent, settings: Settings) -> str:
    """What a stop or start applies to: "all connections", or one by its label."""
    if press.instance is None:
        return "all connections"
    return phrases.instance(press.instance, settings.connection_of(press.instance))


def in_force(press: StopEvent, settings: Settings, zone: tzinfo) -> str:
    """A stop that is in force."""
    return (
        f"Sending is stopped for {scope(press, settings)}: {phrases.actor(press.who)}, "
        f"{phrases.when_in_zone(press.at, zone)}. No balance is sent until someone starts it again."
        f"{f' {press.reason}' if press.reason else ''}"
    )


FOUND_ELSEWHERE = (
    "This import database was copied or moved here. Before you start sending, make sure that the Balance "
    "Desk that used it before is off."
)
STALE_TOKENS = (
    "It holds renewed OAuth tokens, which Blnk may have replaced since: if Blnk rejects the credentials, put "
    "a new refresh_token into the secrets file."
)


def restored(backed_up_at: float | None) -> str:
    """The reason of the stop that a restore leaves behind."""
    of = f" of {phrases.when_in_zone(backed_up_at, UTC)}" if backed_up_at is not None else ""
    return (
        f"This desk was restored from a backup{of}. Before you start sending, make sure that the desk that "
        "was backed up is off."
    )


def pressed(press: StopEvent, settings: Settings, zone: tzinfo) -> str:
    """One use of the switch, for a list of them."""
    what = "Stopped" if press.stopped else "Started"
    return (
        f"{phrases.when(press.at, zone)} · {phrases.actor(press.who)} · {what} sending for "
        f"{scope(press, settings)}."
    )


def on_their_way(n: int) -> str:
    """Rows that were on their way when sending was stopped."""
    if not n:
        return "No row is on its way to Blnk."
    are, they = ("is", "it") if n == 1 else ("are", "they")
    return f"{phrases.plural(n, 'row')} {are} still on the way to Blnk, and {they} will be completed."


def what_holds(holding: Sequence[StopEvent], settings: Settings, zone: tzinfo) -> str:
    """Why nothing is sent. Several stops may be in force at once."""
    return " ".join(in_force(one, settings, zone) for one in holding)


def sending(now: Sending) -> str:
    """Which process is the sender."""
    match now.is_:
        case SenderIs.OURS:
            return f"This app (process {now.pid})"
        case SenderIs.ANOTHERS:
            return f"Another process (process {now.pid} on {shown(now.host)})"
        case SenderIs.STARTING:
            return "Starting"
    return "Not running"
