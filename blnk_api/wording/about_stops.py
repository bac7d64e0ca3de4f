"""What pages and commands say of the switch that stops all sending."""

from collections.abc import Sequence
from datetime import tzinfo

from blnk_api.settings import Settings
from blnk_api.store.sending.stops import StopEvent
from blnk_api.wording import phrases

MEANS = (
    "Stops every import and the form: no row leaves until sending is started again. Rows on their way come "
    "to their end; looking up and verifying go on."
)


def scope(press: StopEvent, settings: Settings) -> str:
    """What a press of the switch was for: "all connections", or one by its label."""
    if press.instance is None:
        return "all connections"
    return phrases.instance(press.instance, settings.connection_of(press.instance))


def in_force(press: StopEvent, settings: Settings, zone: tzinfo) -> str:
    """A stop, for as long as it holds."""
    return (
        f"Sending is stopped for {scope(press, settings)}: {phrases.actor(press.who)}, "
        f"{phrases.when(press.at, zone)}. No balance is sent until somebody starts it again."
    )


def pressed(press: StopEvent, settings: Settings, zone: tzinfo) -> str:
    """One use of the switch, for a list of them."""
    what = "Stopped" if press.stopped else "Started"
    return (
        f"{phrases.when(press.at, zone)} · {phrases.actor(press.who)} · {what} sending for "
        f"{scope(press, settings)}."
    )


def on_their_way(n: int) -> str:
    """What a stop came too late for."""
    if not n:
        return "Nothing is on its way to Blnk."
    are, they = ("is", "it") if n == 1 else ("are", "they")
    return f"{phrases.plural(n, 'row')} {are} on the way to Blnk still, and {they} will come to an end."


def what_holds(holding: Sequence[StopEvent], settings: Settings, zone: tzinfo) -> str:
    """Why nothing is sent, where several stops may be the reason."""
    return " ".join(in_force(one, settings, zone) for one in holding)
