"""What happened to an import: a sentence for each event, and a summary of what happened automatically."""

from collections.abc import Callable

from blnk_api.common.quoting import shown
from blnk_api.store.events import Event, EventKind, Particulars, Routine
from blnk_api.store.states import PausedBy
from blnk_api.wording.about_findings import made_late
from blnk_api.wording.phrases import listed, number_of_days, plural


def summed_up(done: Routine) -> list[str]:
    """ "72 rows without a clear answer were found in Blnk; 661 were not there and could be sent again." """
    sentences = []
    found = f"{plural(done.found, 'row')} without a clear answer {_were(done.found)} found in Blnk"
    if done.found and done.absent:
        sentences.append(f"{found}; {done.absent:,} {_were(done.absent)} not there and could be sent again.")
    elif done.found:
        sentences.append(f"{found}.")
    elif done.absent:
        rows = f"{plural(done.absent, 'row')} without a clear answer {_were(done.absent)}"
        sentences.append(f"{rows} not in Blnk and could be sent again.")
    if done.waits:
        times = "once" if done.waits == 1 else f"{done.waits:,} times"
        sentences.append(f"Sending waited for Blnk {times} and continued automatically.")
    return sentences


def _were(n: int) -> str:
    return "was" if n == 1 else "were"


def event(one: Event) -> str:
    """What happened, without who and when."""
    sentence = _EVENTS.get(one.what)
    return sentence(one.detail) if sentence else one.what.capitalize() + "."


def _second_balance(detail: Particulars) -> str:
    ids = listed([str(id) for id in detail.balance_ids])
    return f"One row has two balances in Blnk: {ids}. Decide which one to use."


def _balances(detail: Particulars) -> str:
    return plural(detail.rows if isinstance(detail.rows, int) else len(detail.rows), "balance")


def short_digest(digest: str | None) -> str:
    """The first letters in groups: enough to compare two pages by eye."""
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
    EventKind.REPAIRED: lambda detail: f"Edited {plural(detail.cells, 'cell')}.",
    EventKind.LEFT_OUT: lambda detail: f"Skipped {_rows(detail)}.",
    EventKind.TAKEN_IN: lambda detail: f"Included {_rows(detail)} again.",
    EventKind.ACCEPTED_CURRENCY: lambda detail: f"Kept {detail.code} as a custom currency.",
    EventKind.WITHDREW_CURRENCY: lambda detail: f"Removed {detail.code} from the custom currencies.",
    EventKind.SENDING_STOPPED: lambda _: "Stopped all sending. Nothing is sent until it is started again.",
    EventKind.SENDING_STARTED: lambda _: "Started sending again.",
    EventKind.INTERRUPTED: lambda detail: (
        f"The sender stopped while sending {_rows(detail)}. Blnk is checked before anything is sent again."
    ),
}
