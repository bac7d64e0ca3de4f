"""Sentences about a running or finished import: its rate, what limits it, its outcome."""

from blnk_api.settings import Connection
from blnk_api.store.imports import Import
from blnk_api.store.sending.senders import LearnedPace
from blnk_api.store.states import ImportState, Ramp, RowState
from blnk_api.wording.about_imports import needs_someone, title, waits_for_blnk
from blnk_api.wording.phrases import plural

_PAGES_READ_SECONDS = 60.0
_ROWS_EACH_SECOND = 60
"""A limit, per minute, at which rows are finished all the time."""
_AT_ITS_LIMIT = 0.75
"""The share of the limit from which the limit counts as the reason."""


def tab_title(import_: Import) -> str:
    """For a browser tab: "42 % · customers.csv" """
    settled, total = import_.settled, import_.to_send
    match import_.state:
        case ImportState.DONE:
            progress = f"{needs_someone(import_):,} need you" if needs_someone(import_) else "Done"
        case ImportState.CANCELLED:
            progress = "Canceled"
        case ImportState.PAUSED if not waits_for_blnk(import_):
            progress = "Paused"
        case _:
            progress = f"{100 * settled // max(1, total)} %"
    return f"{progress} · {title(import_)}"


def ended(import_: Import) -> str:
    """The main sentence about an import that has ended: "9,988 balances created, 12 need you." """
    counts, needs = import_.counts, needs_someone(import_)
    sentences = [f"{plural(counts.get(RowState.CREATED, 0), 'balance')} created"]
    if existed := counts.get(RowState.EXISTS):
        sentences.append(f"{existed:,} already {'exists' if existed == 1 else 'exist'}")
    if import_.state is ImportState.CANCELLED:
        sentences[0] = f"Canceled: {sentences[0]}"
        sentences.append(f"{counts.get(RowState.READY, 0):,} not sent")
    if checking := still_checked(import_):
        sentences.append(f"{checking:,} still being checked in Blnk")
    if needs:
        sentences.append(f"{needs:,} {'needs' if needs == 1 else 'need'} you")
    return f"{', '.join(sentences)}."


def still_checked(import_: Import) -> int:
    """Rows on their way, and rows that are being looked up in Blnk: they settle automatically."""
    counts = import_.counts
    checked = counts.get(RowState.UNKNOWN, 0) - import_.waiting_for_person
    return counts.get(RowState.SENDING, 0) + checked


def lasting(seconds: float) -> str:
    """ "40 s", "3 min", "2 h 5 min": rounded, because it is an estimate."""
    if seconds < 90:
        return f"{max(5, round(seconds / 5) * 5)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60:,} h {minutes % 60} min"


def speed(rows_per_second: float) -> str:
    """ "83 rows a second", "40 rows a minute" """
    if rows_per_second >= 2:
        return f"{rows_per_second:,.0f} rows a second"
    return f"{plural(round(rows_per_second * 60), 'row')} a minute"


def how_fast(rows_per_second: float | None, seconds_left: float | None) -> str:
    """ "83 rows a second · about 40 s left" """
    if rows_per_second is None:
        return "Sending; the pace is not known yet"
    if not rows_per_second or seconds_left is None:
        return "No rows are finishing at the moment"
    return f"{speed(rows_per_second)} · about {lasting(seconds_left)} left"


def are_all_sent(import_: Import) -> bool:
    """Whether rows are only being checked. That takes as long as it takes, however fast sending was."""
    counts = import_.counts
    is_sending = counts.get(RowState.READY) or counts.get(RowState.SENDING)
    return bool(counts.get(RowState.UNKNOWN)) and not is_sending


def held_up(import_: Import) -> str | None:
    """What rows wait for although nothing is wrong: the first row, or the check of the last ones."""
    counts = import_.counts
    if counts.get(RowState.READY) or counts.get(RowState.SENDING):
        if import_.ramp != Ramp.CANARY:
            return None
        if counts.get(RowState.CREATED):
            return "The first balance was created. The other rows are sent once Blnk's search finds it."
        return "One row is sent first. The others follow once its balance has been checked."
    if are_all_sent(import_):
        rows = plural(counts[RowState.UNKNOWN], "row")
        return (
            f"Every row was sent. Blnk is being checked for {rows} without a clear answer. That can take a "
            "few minutes."
        )
    return None


def pace(
    learned: LearnedPace,
    connection: Connection | None,
    rows_per_second: float | None,
    now: float,
    *,
    held_up: str | None = None,
) -> list[str]:
    """Why sending is as fast as it is, and no faster: problems first, then what rows wait for."""
    if connection is None:
        return []
    limit = f"{plural(connection.requests_per_minute, 'request')} a minute"
    tries_again = learned.breaker is not None and learned.breaker["circuit"] != "open"
    if learned.breaker is not None and not (tries_again and held_up is not None):
        return ["Blnk is not responding normally. It is checked again automatically, at growing intervals."]
    if learned.not_before is not None and learned.not_before > now:
        return [
            f"Blnk asked Balance Desk to wait. The next rows are sent in {lasting(learned.not_before - now)}."
        ]
    if held_up is not None:
        return [held_up]
    sentences = []
    if learned.per_minute is not None and learned.per_minute < connection.requests_per_minute:
        sentences.append(
            f"Blnk asked Balance Desk to slow down: {plural(round(learned.per_minute), 'request')} a minute "
            f"now. The pace rises again, up to this connection's limit of {limit}."
        )
    elif rows_per_second == 0 and connection.requests_per_minute >= _ROWS_EACH_SECOND:
        return ["Waiting for Blnk, or for another import of this connection."]
    elif rows_per_second and rows_per_second * 60 < _AT_ITS_LIMIT * connection.requests_per_minute:
        return [f"As fast as Blnk answers, below this connection's limit of {limit}."]
    else:
        sentences.append(f"As fast as this connection's limit allows: {limit}.")
    if now - (learned.pages_read_at or 0.0) < _PAGES_READ_SECONDS:
        sentences.append("A tenth of it is reserved for these pages while someone looks things up in Blnk.")
    return sentences
