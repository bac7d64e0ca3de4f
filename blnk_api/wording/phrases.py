"""What pages say: counts, times, states and events in plain words, here so that a thing has one name."""

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from blnk_api.common.actors import Actor, ActorKind, Who
from blnk_api.common.visible import shown
from blnk_api.facts.findings import Findings
from blnk_api.settings import Connection, Environment, Instance
from blnk_api.store.events import Event, EventKind, Particulars
from blnk_api.store.imports import Import
from blnk_api.store.sending.senders import SenderIs, Sending
from blnk_api.store.states import NEEDS_YOU, WORDS, ImportState, PausedBy, RowState, Stage

MEANING = {
    RowState.READY: "Waiting. Nothing was sent for this row.",
    RowState.SENDING: "On its way to Blnk at this moment.",
    RowState.CREATED: "The balance exists, and was read back.",
    RowState.EXISTS: "Blnk had this balance already, so nothing was sent.",
    RowState.REFUSED: "Blnk said no. Nothing was created. Open the row, put it right, and send it again.",
    RowState.UNKNOWN: "Sent, with no clear answer. Blnk is checked before anything is sent again.",
    RowState.INVALID: "Something in the row has to be put right first. Nothing was sent.",
    RowState.LEFT_OUT: "Somebody decided not to send it.",
}
"""What a status means and what to do about it."""

NEEDS_YOU_MEANS = "Sent, with no clear answer, and Blnk could not settle it. Open the row and decide."


def meaning(state: RowState, *, waits_for_person: bool) -> str:
    """What a row's status means and what to do about it."""
    return NEEDS_YOU_MEANS if state is RowState.UNKNOWN and waits_for_person else MEANING[state]


STATE = {
    ImportState.DRAFT: "Draft",
    ImportState.QUEUED: "Queued",
    ImportState.RUNNING: "Running",
    ImportState.PAUSED: "Paused",
    ImportState.VERIFYING: "Verifying",
    ImportState.DONE: "Done",
    ImportState.CANCELLED: "Cancelled",
}

WAITING_FOR_BLNK = "Waiting for Blnk"
"""Nobody paused it: Blnk does not answer, and sending continues by itself when it does."""


def waits_for_blnk(import_: Import) -> bool:
    """Whether it is held up by Blnk alone, so that nobody has to do anything."""
    return import_.state is ImportState.PAUSED and import_.paused_by is PausedBy.BREAKER


def state(import_: Import) -> str:
    """The word for an import's state."""
    return WAITING_FOR_BLNK if waits_for_blnk(import_) else STATE[import_.state]


ENVIRONMENT: Mapping[Environment, str] = {
    "production": "PRODUCTION",
    "sandbox": "SANDBOX",
    "practice": "PRACTICE",
}

ENVIRONMENT_MEANS: Mapping[Environment, str] = {
    "production": "Balances made here are real and cannot be deleted.",
    "sandbox": "A Blnk for testing. Its balances cannot be deleted either.",
    "practice": "A Blnk on this machine to try things out. Nothing here is real.",
}


def plural(n: int, thing: str) -> str:
    """ "1 row", "9,988 rows", "2 identities" """
    if n == 1:
        return f"1 {thing}"
    return f"{n:,} {thing.removesuffix('y') + 'ies' if thing.endswith('y') else thing + 's'}"


def listed(parts: list[str]) -> str:
    """ "a, b and c" """
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1]))) if parts else ""


def sending(now: Sending) -> str:
    """Who does the sending at this moment."""
    match now.is_:
        case SenderIs.OURS:
            return f"This app (process {now.pid})"
        case SenderIs.ANOTHERS:
            return f"Another process (process {now.pid} on {shown(now.host)})"
        case SenderIs.STARTING:
            return "Starting"
    return "Nobody right now"


def zone(name: str | None) -> tzinfo:
    """A browser's time zone; UTC where it says none that we know."""
    try:
        return ZoneInfo(name or "UTC")
    except (ValueError, KeyError, OSError):
        return ZoneInfo("UTC")


def when(seconds: float, in_zone: tzinfo) -> str:
    """ "22 Nov 2026, 16:07" """
    return f"{datetime.fromtimestamp(seconds, in_zone):%-d %b %Y, %H:%M}"


def exactly(seconds: float, in_zone: tzinfo) -> str:
    """ "22 Nov 2026, 16:07:03" """
    return f"{datetime.fromtimestamp(seconds, in_zone):%-d %b %Y, %H:%M:%S}"


def size(n: int | None) -> str:
    if n is None:
        return ""
    return f"{n / 1e6:,.1f} MB" if n >= 1_000_000 else f"{max(1, round(n / 1000)):,} kB" if n else "0 kB"


def instance(instance: Instance, connection: Connection | None) -> str:
    """Which Blnk, for people: the connection's label, or its address where no connection means it."""
    if connection is not None:
        return connection.label
    return (
        "Practice" if instance.environment == "practice" else f"{instance.base_url} ({instance.instance_id})"
    )


def title(import_: Import) -> str:
    """What an import is called: its file's name, or what the form was for."""
    if import_.file_name:
        return shown(import_.file_name, 80)
    currencies = [one.currency for one in import_.totals.by_ledger]
    return f"One {shown(''.join(currencies[:1]))} balance"


_FINDINGS_TOLD = 20


def headline(import_: Import) -> str:
    """The sentence that matters most about an import at this moment."""
    settled, total = import_.settled, import_.to_send
    match import_.state:
        case ImportState.DRAFT:
            return _of_draft(import_)
        case ImportState.QUEUED:
            return f"{plural(total, 'balance')} to create, waiting for their turn."
        case ImportState.RUNNING:
            return f"{settled:,} of {plural(total, 'balance')} settled."
        case ImportState.PAUSED:
            return f"{state(import_)} after {settled:,} of {plural(total, 'balance')}."
        case ImportState.VERIFYING:
            return "Everything is sent. What Blnk holds is being compared with what was created."
        case ImportState.CANCELLED if not import_.has_sent:
            return "Cancelled. Nothing was sent."
    counted = came_to(import_)
    return f"Cancelled: {counted}." if import_.state is ImportState.CANCELLED else f"{counted}."


def came_to(import_: Import) -> str:
    """ "9,976 balances created, 10 already exist, 2 rejected" """
    order = (
        RowState.EXISTS,
        RowState.REFUSED,
        RowState.UNKNOWN,
        RowState.READY,
        RowState.SENDING,
        RowState.INVALID,
        RowState.LEFT_OUT,
    )
    counts = import_.statuses
    words = [WORDS[one] for one in order]
    words.insert(order.index(RowState.UNKNOWN), NEEDS_YOU)
    said = [f"{plural(counts[WORDS[RowState.CREATED]], 'balance')} created"]
    said += [_counted(counts[one], one) for one in words if counts[one]]
    return ", ".join(said)


_OF_SEVERAL = {"Already exists": "already exist", NEEDS_YOU: "need you"}


def _counted(n: int, word: str) -> str:
    one = word[0].lower() + word[1:]
    return f"{n:,} {one if n == 1 else _OF_SEVERAL.get(word, one)}"


NEEDS_SOMEONE = (RowState.UNKNOWN, RowState.REFUSED, RowState.INVALID)


def needs_someone(import_: Import) -> int:
    """Rows that a person should do something about."""
    return sum(count_needing(import_, one) for one in NEEDS_SOMEONE)


def count_needing(import_: Import, state: RowState) -> int:
    """Rows of a state that a person should do something about: of the unknown ones, those that wait."""
    return import_.waiting_for_person if state is RowState.UNKNOWN else import_.counts.get(state, 0)


def _of_draft(import_: Import) -> str:
    match import_.stage:
        case Stage.UPLOADED:
            return "The file is here and waits to be read. Nothing was sent."
        case Stage.CHECKING:
            return f"Reading and checking: {plural(import_.stage_progress, 'row')} so far. Nothing was sent."
        case Stage.LOOKING:
            return f"Looking up in Blnk which balances exist already: {import_.stage_progress:,} so far."
        case Stage.MATCHING:
            return "The file was read. Say what its columns are. Nothing was sent."
        case Stage.UNREADABLE:
            return "The file cannot be used. Nothing was sent."
    return f"Checked: {plural(import_.counts.get(RowState.READY, 0), 'balance')} to create. Nothing was sent."


def actor(who: Who) -> str:
    """Who did it: the app itself, or a person by the name they gave, whatever name that is."""
    known = Actor.of(who)
    return "Balance Desk" if known.kind is ActorKind.SYSTEM else f"{shown(known.name, 80)} (not verified)"


def findings(found: Findings) -> list[str]:
    """What the comparison with Blnk brought to light, one sentence each; none when all is well."""
    if not found.checked:
        why = shown(found.why_not or "these credentials may not read", 200).rstrip(".")
        return [f"Not verified: {why}. What was created could not be compared with Blnk."]
    said = []
    for one in found.twins[:_FINDINGS_TOLD]:
        said.append(
            f"Row {one.row} has two balances in Blnk: {listed(one.ids)}. Decide which one stays in "
            "use, put a note on the other, and tell those who post transactions."
        )
    for one in found.missing[:_FINDINGS_TOLD]:
        said.append(
            f"Row {one.row}: Blnk confirmed {listed(one.ids)} and cannot find it now. "
            "Open the row: look again, say which balance it is, or send it again."
        )
    for stranger in found.unexpected[:_FINDINGS_TOLD]:
        said.append(
            made_late(stranger.row, stranger.ids)
            if stranger.row is not None
            else f"Blnk holds {listed(stranger.ids)} from this import, and no row of the file stands for it. "
            "Look at it in Blnk, and put a note on it if nobody is to use it."
        )
    kinds = (found.twins, found.missing, found.unexpected)
    more = sum(max(0, len(kind) - _FINDINGS_TOLD) for kind in kinds)
    return [*said, f"And {more:,} more findings like these."] if more else said


def made_late(label: str | int, ids: list[str]) -> str:
    """A row that has a balance in the form in which it was sent before, and is not created in that form."""
    return (
        f"Row {label}: Blnk holds {listed(ids)}, made by an earlier attempt of this row that had been called "
        "not created. Decide which balance stays in use, and put a note on any other."
    )


def event(one: Event) -> str:
    """What happened, without who and when."""
    said = _EVENTS.get(one.what)
    return said(one.detail) if said else one.what.capitalize() + "."


def _second_balance(detail: Particulars) -> str:
    ids = listed([str(id) for id in detail.balance_ids])
    return f"One row has two balances in Blnk: {ids}. Somebody has to decide what to do about them."


def _rows(detail: Particulars) -> str:
    return plural(detail.rows if isinstance(detail.rows, int) else len(detail.rows), "row")


_EVENTS: dict[str, Callable[[Particulars], str]] = {
    EventKind.UPLOADED: lambda _: "Uploaded the file.",
    EventKind.ASKED_FOR: lambda _: "Filled in the form.",
    EventKind.CONFIRMED: lambda detail: (
        "Confirmed without the checks that could not be made. Sending begins."
        if detail.unchecked
        else "Confirmed. Sending begins."
    ),
    EventKind.PAUSED: lambda detail: (
        "Paused." if detail.by == PausedBy.PERSON else f"Paused: {detail.reason}"
    ),
    EventKind.RESUMED: lambda _: "Resumed.",
    EventKind.CANCELLED: lambda _: "Cancelled what was not sent.",
    EventKind.LATE_ANSWER: lambda detail: (
        f"A late answer arrived: {detail.balance_id or 'the balance'} was created."
    ),
    EventKind.SECOND_BALANCE: _second_balance,
    EventKind.MADE_LATE: lambda detail: made_late(str(detail.label), detail.ids),
    EventKind.LOOKED_UP: lambda detail: (
        f"Checked Blnk for the last time for {_rows(detail)} with an attempt without a clear answer."
    ),
    EventKind.FOUND: lambda detail: f"Found in Blnk: {detail.balance_id or 'a balance'} was created before.",
    EventKind.VERIFIED: lambda _: "Compared what was created with what Blnk holds.",
    EventKind.ACCEPTED: lambda detail: (
        f"Said that {_rows(detail)} like balances made before are to be created too."
    ),
    EventKind.ASKED_TO_LOOK_AGAIN: lambda detail: f"Asked to look {_rows(detail)} up in Blnk again.",
    EventKind.SAID_WHICH_BALANCE: lambda detail: f"Said that {detail.balance_id} is a row's balance.",
    EventKind.ASKED_TO_SEND_AGAIN: lambda _: "Asked to send a row again, after looking in Blnk.",
    EventKind.ASKED_FOR_AGAIN: lambda detail: (
        f"Asked for {plural(detail.count, 'more balance')}, although Blnk has the same already."
    ),
    EventKind.ASKED_TO_VERIFY_AGAIN: lambda _: "Asked to compare with Blnk again.",
    EventKind.ABSENT: lambda _: "Looked for a row's balance in Blnk: there is none.",
    EventKind.NOTED: lambda detail: f"Put a note on {detail.balance_id or 'the import'}.",
    EventKind.REPAIRED_AND_SENT_AGAIN: lambda detail: (
        f"Put the rejected row {detail.label} right and asked to send it again."
    ),
    EventKind.RECEIPT: lambda detail: f"Receipt {detail.n} was written.",
    EventKind.PURGED: lambda detail: (
        f"The file and the contents of the rows were thrown away, {detail.days} days after the end."
    ),
    EventKind.EXPIRED: lambda detail: (
        f"Discarded, because nobody touched this draft for {detail.days} days. Nothing was sent."
    ),
    EventKind.UNREADABLE: lambda detail: f"The file could not be used: {detail.why}",
    EventKind.MATCHED_COLUMNS: lambda _: "Said what the columns are.",
    EventKind.SKIPPED_HIDDEN_ROWS: lambda _: "Skipped the rows that the workbook hides.",
    EventKind.INCLUDED_HIDDEN_ROWS: lambda _: "Included the rows that the workbook hides.",
    EventKind.READ_OTHERWISE: lambda _: "Had the file read in another way.",
    EventKind.REPAIRED: lambda detail: f"Put {plural(detail.cells, 'cell')} right.",
    EventKind.LEFT_OUT: lambda detail: f"Left {_rows(detail)} out.",
    EventKind.TAKEN_IN: lambda detail: f"Took {_rows(detail)} in again.",
    EventKind.ACCEPTED_CURRENCY: lambda detail: f"Said that {detail.code} is a currency of their own.",
    EventKind.SENDING_STOPPED: lambda _: "Stopped all sending. Nothing leaves until it is started again.",
    EventKind.SENDING_STARTED: lambda _: "Started sending again.",
    EventKind.INTERRUPTED: lambda detail: (
        f"Sending stopped in the middle of {_rows(detail)}; Blnk is looked at before they go again."
    ),
}
