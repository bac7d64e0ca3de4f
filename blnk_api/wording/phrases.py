"""Sentences about imports and rows: counts, times, states and events, so that each thing has one name."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, tzinfo
from zoneinfo import ZoneInfo

from blnk_api.access.actors import Actor, ActorKind
from blnk_api.common.visible import shown
from blnk_api.facts.findings import Findings
from blnk_api.settings import Connection, Environment, Instance
from blnk_api.store.events import Event, EventKind, Particulars
from blnk_api.store.imports import Import
from blnk_api.store.sending.senders import SenderIs, Sending
from blnk_api.store.states import NEEDS_YOU, WORDS, ImportState, PausedBy, RowState, Stage

MEANING = {
    RowState.READY: "Nothing was sent for this row.",
    RowState.SENDING: "The request is on its way to Blnk.",
    RowState.CREATED: "The balance exists and was read back.",
    RowState.EXISTS: "Blnk already had this balance, so nothing was sent.",
    RowState.REFUSED: "Blnk rejected it. Nothing was created. Open the row, fix it and send it again.",
    RowState.UNKNOWN: "It was sent, with no clear answer. Blnk is checked before anything is sent again.",
    RowState.INVALID: "Something in the row must be fixed first. Nothing was sent.",
    RowState.LEFT_OUT: "Someone decided not to send it.",
    RowState.SUPERSEDED: "It is being fixed in another import. This import never sends it.",
}
"""What a status means and what to do about it."""

NEEDS_YOU_MEANS = (
    "It was sent, with no clear answer, and checking Blnk could not decide. Open the row and decide."
)


def meaning(state: RowState, *, waits_for_person: bool) -> str:
    """What a row's status means and what to do about it."""
    return NEEDS_YOU_MEANS if state is RowState.UNKNOWN and waits_for_person else MEANING[state]


STATE = {
    ImportState.DRAFT: "Draft",
    ImportState.WAITING: "Waiting for approval",
    ImportState.QUEUED: "Queued",
    ImportState.RUNNING: "Running",
    ImportState.PAUSED: "Paused",
    ImportState.VERIFYING: "Verifying",
    ImportState.DONE: "Done",
    ImportState.CANCELLED: "Canceled",
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
    "production": "Balances created here are real and cannot be deleted.",
    "sandbox": "A Blnk instance for testing. Its balances cannot be deleted either.",
    "practice": "An embedded Blnk for trying things out. Nothing here is real.",
}


def plural(n: int, thing: str) -> str:
    """ "1 row", "9,988 rows", "2 identities" """
    if n == 1:
        return f"1 {thing}"
    return f"{n:,} {thing.removesuffix('y') + 'ies' if thing.endswith('y') else thing + 's'}"


def number_of_days(n: int) -> str:
    """ "1 day", "7 days" """
    return "1 day" if n == 1 else f"{n:,} days"


def part_of(first: int, n: int, total: int, thing: str) -> str:
    """ "3 imports", or "26 to 50 of 312 imports" where that is a part of them"""
    if n >= total:
        return plural(total, thing)
    return f"{first:,} to {first + n - 1:,} of {plural(total, thing)}"


def part_of_many(first: int, n: int, total: int | None, thing: str, *, is_more: bool) -> str:
    """As `part_of`; "1 to 100 of more than 100 balances" where nobody says how many there are."""
    last = first + n - 1
    if total is None and is_more:
        return f"{first:,} to {last:,} of more than {plural(last, thing)}"
    return part_of(first, n, last if total is None else max(total, last), thing)


def days(first: date | None, last: date | None) -> str:
    """ "1 Mar 2026 to 31 Mar 2026", "from 1 Mar 2026", "until 31 Mar 2026" """
    ends = [f"{one:%-d %b %Y}" if one else "" for one in (first, last)]
    if all(ends):
        return f"{ends[0]} to {ends[1]}"
    return f"from {ends[0]}" if ends[0] else f"until {ends[1]}"


def listed(parts: list[str]) -> str:
    """ "a, b and c" """
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1]))) if parts else ""


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


def zone(name: str | None) -> tzinfo:
    """A browser's time zone; UTC where it says none that we know."""
    try:
        return ZoneInfo(name or "UTC")
    except (ValueError, KeyError, OSError):
        return ZoneInfo("UTC")


def when(seconds: float, in_zone: tzinfo) -> str:
    """ "22 Nov 2026, 16:07" """
    return f"{datetime.fromtimestamp(seconds, in_zone):%-d %b %Y, %H:%M}"


def when_in_zone(seconds: float, in_zone: tzinfo) -> str:
    """ "22 Nov 2026, 16:07 UTC": for the command line too, whose zone nobody sees."""
    return f"{when(seconds, in_zone)} {datetime.fromtimestamp(seconds, in_zone):%Z}"


def exactly(seconds: float, in_zone: tzinfo) -> str:
    """ "22 Nov 2026, 16:07:03" """
    return f"{datetime.fromtimestamp(seconds, in_zone):%-d %b %Y, %H:%M:%S}"


def blnk_day(created_at: str) -> str:
    """A time of Blnk's as "22 Nov 2026"; as it is where it is none."""
    return _blnk_time(created_at, "%-d %b %Y")


def blnk_time(created_at: str) -> str:
    """A time of Blnk's, which is in UTC, as "22 Nov 2026, 16:07:03"; as it is where it is none."""
    return _blnk_time(created_at, "%-d %b %Y, %H:%M:%S")


def _blnk_time(created_at: str, form: str) -> str:
    try:
        return datetime.fromisoformat(created_at[:19]).strftime(form)
    except ValueError:
        return created_at


def size(n: int | None) -> str:
    if n is None:
        return ""
    return f"{n / 1e6:,.1f} MB" if n >= 1_000_000 else f"{max(1, round(n / 1000)):,} kB" if n else "0 kB"


def instance(instance: Instance, connection: Connection | None) -> str:
    """A Blnk instance, for people: the connection's label, or its address if no connection points to it."""
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
        case ImportState.WAITING:
            ready = plural(import_.counts.get(RowState.READY, 0), "balance")
            nothing = "Nothing more" if import_.has_sent else "Nothing"
            return f"{ready} to create, once approved. {nothing} is sent until then."
        case ImportState.QUEUED:
            return f"{plural(total, 'balance')} to create. Waiting to start."
        case ImportState.RUNNING:
            return f"{settled:,} of {plural(total, 'balance')} settled."
        case ImportState.PAUSED:
            return f"{state(import_)} after {settled:,} of {plural(total, 'balance')}."
        case ImportState.VERIFYING:
            return "Everything was sent. The created balances are being compared with Blnk."
        case ImportState.CANCELLED if not import_.has_sent:
            return "Canceled. Nothing was sent."
    counted = came_to(import_)
    return f"Canceled: {counted}." if import_.state is ImportState.CANCELLED else f"{counted}."


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
        RowState.SUPERSEDED,
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
            return "The file is waiting to be read. Nothing was sent."
        case Stage.CHECKING:
            return f"Reading and checking: {plural(import_.stage_progress, 'row')} so far. Nothing was sent."
        case Stage.LOOKING:
            return f"Checking in Blnk which balances exist: {plural(import_.stage_progress, 'row')} so far."
        case Stage.MATCHING:
            return "The file was read. Map its columns. Nothing was sent."
        case Stage.UNREADABLE:
            return "The file cannot be used. Nothing was sent."
    invalid = import_.counts.get(RowState.INVALID, 0)
    wrong = f", {plural(invalid, 'row')} invalid" if invalid else ""
    ready = plural(import_.counts.get(RowState.READY, 0), "balance")
    return f"Checked: {ready} to create{wrong}. Nothing was sent."


def actor(who: Actor) -> str:
    """Who did it: the app itself, or someone by their name, with how it is known. No name that a person
    gives or has looks like the app's, or like that of someone who signed in."""
    name = shown(who.name, 80)
    match who.kind:
        case ActorKind.SYSTEM:
            return "Balance Desk"
        case ActorKind.NAME:
            return f"{name} (not verified)"
        case ActorKind.MACHINE:
            return f"{name} (command line)"
        case ActorKind.PERSON:
            email = shown(who.email, 120) if who.email else "signed in"
            return email if who.name == who.email else f"{name} ({email})"


def findings(found: Findings) -> list[str]:
    """What the comparison with Blnk found, one sentence each; none when everything matches."""
    if not found.checked:
        why = shown(found.why_not or "these credentials have no read permission", 200).rstrip(".")
        return [f"Not verified: {why}. The created balances could not be compared with Blnk."]
    said = []
    for one in found.twins[:_FINDINGS_TOLD]:
        said.append(
            f"Row {one.row} has two balances in Blnk: {listed(one.ids)}. Decide which one to use, add a note "
            "to the other, and tell the people who post transactions."
        )
    for one in found.missing[:_FINDINGS_TOLD]:
        said.append(
            f"Row {one.row}: Blnk confirmed {listed(one.ids)}, but no longer finds it. "
            "Open the row, then check Blnk again, link its balance, or send it again."
        )
    for stranger in found.unexpected[:_FINDINGS_TOLD]:
        said.append(
            made_late(stranger.row, stranger.ids)
            if stranger.row is not None
            else f"Blnk has {listed(stranger.ids)} from this import, but no row of the file belongs to it. "
            "Open it in Blnk, and add a note to it if nobody should use it."
        )
    kinds = (found.twins, found.missing, found.unexpected)
    more = sum(max(0, len(kind) - _FINDINGS_TOLD) for kind in kinds)
    return [*said, f"And {more:,} more findings like these."] if more else said


def made_late(label: str | int, ids: list[str]) -> str:
    """About a row whose earlier attempt created a balance late, in the form that the row had then."""
    return (
        f"Row {label}: an earlier attempt, reported as not created, created {listed(ids)} after all. Decide "
        "which balance to use, and add a note to any other."
    )


def event(one: Event) -> str:
    """What happened, without who and when."""
    said = _EVENTS.get(one.what)
    return said(one.detail) if said else one.what.capitalize() + "."


def _second_balance(detail: Particulars) -> str:
    ids = listed([str(id) for id in detail.balance_ids])
    return f"One row has two balances in Blnk: {ids}. Decide which one to use."


def _balances(detail: Particulars) -> str:
    return plural(detail.rows if isinstance(detail.rows, int) else len(detail.rows), "balance")


def short_digest(digest: str | None) -> str:
    """The first letters of it, in groups: enough to compare two pages by eye."""
    first = (digest or "")[:16]
    return " ".join(first[at : at + 4] for at in range(0, len(first), 4))


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
    EventKind.ASKED_FOR_APPROVAL: lambda detail: (
        f"Asked for approval of {_balances(detail)}"
        + (", without the checks that could not be made." if detail.unchecked else ".")
    ),
    EventKind.APPROVED: lambda detail: f"Approved {_balances(detail)}, digest {short_digest(detail.digest)}.",
    EventKind.SENT_BACK: lambda detail: f"Sent back: “{shown(detail.reason, 500)}”.",
    EventKind.APPROVAL_WITHDRAWN: lambda _: "Withdrew it from approval.",
    EventKind.APPROVAL_LAPSED: lambda detail: (
        f"The request for approval lapsed: nobody decided within {number_of_days(detail.days or 0)}."
    ),
    EventKind.APPROVAL_VOID: lambda _: (
        "The request for approval no longer counts: the database was restored or copied."
    ),
    EventKind.PAUSED: lambda detail: (
        "Paused." if detail.by == PausedBy.PERSON else f"Paused: {detail.reason}"
    ),
    EventKind.RESUMED: lambda _: "Resumed.",
    EventKind.CANCELLED: lambda _: "Canceled the rows that were not sent.",
    EventKind.LATE_ANSWER: lambda detail: (
        f"A late answer arrived: {detail.balance_id or 'the balance'} was created."
    ),
    EventKind.SECOND_BALANCE: _second_balance,
    EventKind.MADE_LATE: lambda detail: made_late(str(detail.label), detail.ids),
    EventKind.LOOKED_UP: lambda detail: (
        f"Checked Blnk for the last time for {_rows(detail)} that had an attempt without a clear answer."
    ),
    EventKind.FOUND: lambda detail: f"Found in Blnk: {detail.balance_id or 'a balance'} was created earlier.",
    EventKind.VERIFIED: lambda _: "Compared the created balances with Blnk.",
    EventKind.ACCEPTED: lambda detail: (
        f"Included {_rows(detail)}, although similar balances were created earlier."
    ),
    EventKind.ASKED_TO_LOOK_AGAIN: lambda detail: f"Asked to check Blnk again for {_rows(detail)}.",
    EventKind.SAID_WHICH_BALANCE: lambda detail: f"Linked {detail.balance_id or 'a balance'} to its row.",
    EventKind.ASKED_TO_SEND_AGAIN: lambda _: "Asked to send a row again after checking Blnk.",
    EventKind.ASKED_FOR_AGAIN: lambda detail: (
        f"Asked for {plural(detail.count, 'more balance')}, although Blnk already has identical ones."
    ),
    EventKind.ASKED_TO_VERIFY_AGAIN: lambda _: "Asked to compare with Blnk again.",
    EventKind.ABSENT: lambda _: "Checked Blnk for a row's balance: there is none.",
    EventKind.NOTED: lambda detail: f"Added a note to {detail.balance_id or 'the import'}.",
    EventKind.FIXING: lambda detail: f"Opened a draft to fix {_rows(detail)} of import {detail.label}.",
    EventKind.FIXED_ELSEWHERE: lambda detail: f"Opened import {detail.label} to fix {_rows(detail)}.",
    EventKind.PUT_BACK: lambda detail: (
        f"The draft for fixing {_rows(detail)} was discarded. A new one can be opened."
    ),
    EventKind.TOOK_OVER: lambda detail: (
        f"Applied {plural(detail.cells, 'edit')} of import {detail.label} of the same file."
    ),
    EventKind.REPAIRED_AND_SENT_AGAIN: lambda detail: (
        f"Fixed the rejected row {detail.label} and asked to send it again."
    ),
    EventKind.DOWNLOADED: lambda detail: f"Downloaded “{detail.label}”.",
    EventKind.RECEIPT: lambda detail: f"Receipt {detail.n} was written.",
    EventKind.PURGED: lambda detail: (
        f"Deleted the file and the contents of the rows, {detail.days} days after the import ended."
    ),
    EventKind.EXPIRED: lambda detail: (
        f"Discarded, because nobody changed this draft for {detail.days} days. Nothing was sent."
    ),
    EventKind.UNREADABLE: lambda detail: f"The file could not be used: {detail.why}",
    EventKind.MATCHED_COLUMNS: lambda _: "Mapped the columns.",
    EventKind.SKIPPED_HIDDEN_ROWS: lambda _: "Skipped the rows that the workbook hides.",
    EventKind.INCLUDED_HIDDEN_ROWS: lambda _: "Included the rows that the workbook hides.",
    EventKind.READ_OTHERWISE: lambda _: "Changed the file settings.",
    EventKind.REPAIRED: lambda detail: f"Fixed {plural(detail.cells, 'cell')}.",
    EventKind.LEFT_OUT: lambda detail: f"Skipped {_rows(detail)}.",
    EventKind.TAKEN_IN: lambda detail: f"Included {_rows(detail)} again.",
    EventKind.ACCEPTED_CURRENCY: lambda detail: f"Kept {detail.code} as a custom currency.",
    EventKind.WITHDREW_CURRENCY: lambda detail: f"No longer keeps {detail.code} as a custom currency.",
    EventKind.SENDING_STOPPED: lambda _: "Stopped all sending. Nothing is sent until it is started again.",
    EventKind.SENDING_STARTED: lambda _: "Started sending again.",
    EventKind.INTERRUPTED: lambda detail: (
        f"The sender stopped while sending {_rows(detail)}. Blnk is checked before anything is sent again."
    ),
}
