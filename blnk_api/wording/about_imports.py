"""Sentences about an import: its title, its state, its result, and what people need to do."""

from blnk_api.common.quoting import shown
from blnk_api.store.imports import Import
from blnk_api.store.states import NEEDS_YOU, WORDS, ImportState, PausedBy, RowState, Stage
from blnk_api.wording.phrases import plural

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
"""Nobody paused it: Blnk does not answer, and sending continues automatically once it does."""


def waits_for_blnk(import_: Import) -> bool:
    """Whether only Blnk holds it up, so that nobody has to do anything."""
    return import_.state is ImportState.PAUSED and import_.paused_by is PausedBy.BREAKER


def state(import_: Import) -> str:
    """The word for an import's state."""
    return WAITING_FOR_BLNK if waits_for_blnk(import_) else STATE[import_.state]


def title(import_: Import) -> str:
    """The title of an import: its file's name, or what the form created."""
    if import_.file_name:
        return shown(import_.file_name, 80)
    currencies = [one.currency for one in import_.totals.by_ledger]
    return f"One {shown(''.join(currencies[:1]))} balance"


def headline(import_: Import) -> str:
    """The most important sentence about an import at this moment."""
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
            return f"{settled:,} of {plural(total, 'balance')} processed."
        case ImportState.PAUSED:
            return f"{state(import_)} after {settled:,} of {plural(total, 'balance')}."
        case ImportState.VERIFYING:
            return "Everything was sent. The created balances are being compared with Blnk."
        case ImportState.CANCELLED if not import_.has_sent:
            return "Canceled. Nothing was sent."
    counted = came_to(import_)
    return f"Canceled: {counted}." if import_.state is ImportState.CANCELLED else f"{counted}."


def in_list(import_: Import) -> str:
    """Its headline among others, where one that fixes rows has the same name as the import they are from."""
    fixes = " It fixes rows of an earlier import." if import_.fixes is not None else ""
    return headline(import_) + fixes


def skips_invalid(n: int) -> str:
    """ "6 rows are invalid and will be skipped." """
    return f"{plural(n, 'row')} {'is' if n == 1 else 'are'} invalid and will be skipped."


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
    counted = [f"{plural(counts[WORDS[RowState.CREATED]], 'balance')} created"]
    counted += [_counted(counts[one], one) for one in words if counts[one]]
    return ", ".join(counted)


_OF_SEVERAL = {"Already exists": "already exist", NEEDS_YOU: "need you"}


def _counted(n: int, word: str) -> str:
    one = word[0].lower() + word[1:]
    return f"{n:,} {one if n == 1 else _OF_SEVERAL.get(word, one)}"


NEEDS_SOMEONE = (RowState.UNKNOWN, RowState.REFUSED, RowState.INVALID)


def needs_someone(import_: Import) -> int:
    """How many rows need action by a person."""
    return sum(count_needing(import_, one) for one in NEEDS_SOMEONE)


def count_needing(import_: Import, state: RowState) -> int:
    """How many rows of a state need action by a person: of rows in doubt, only those that wait for one."""
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
