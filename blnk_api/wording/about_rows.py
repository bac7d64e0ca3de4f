"""Sentences about one row: what was sent and when, the answer, what the look-up found, what to do."""

from collections.abc import Iterable, Sequence
from datetime import tzinfo

import orjson

from blnk_api.common.quoting import shown
from blnk_api.facts.findings import Findings
from blnk_api.models import IMPORT_ID, IMPORT_REF, RequestFields
from blnk_api.store.imports import Import
from blnk_api.store.people import edits
from blnk_api.store.people.edits import RecordedEdit
from blnk_api.store.rows import StoredRow
from blnk_api.store.search.row_history import Attempt
from blnk_api.store.states import Outcome, RowState
from blnk_api.wording import about_files, phrases
from blnk_api.wording.balance_fields import FIELDS
from blnk_api.wording.phrases import listed

CAME_TO = {
    Outcome.CREATED: "Created",
    Outcome.EXISTED: "Already exists",
    Outcome.REFUSED: "Rejected",
    Outcome.NOT_APPLIED: "Not carried out",
    Outcome.UNKNOWN: "No clear answer",
    Outcome.STOP: "Credentials rejected",
}
"""The outcome of one attempt."""

SEND_AGAIN = "send again"
"""What a person types to resend a row that may have created a balance."""

WHY_TWO = (
    "A second balance is possible: the request may have reached Blnk even though its answer was lost, and "
    "Blnk creates another balance for each request. Balances cannot be deleted."
)


def sent(row: StoredRow, import_: Import) -> list[tuple[str, str]]:
    """The fields of a row's request with their names; metadata under its own names. Empty without a
    request."""
    if row.body is None:
        return []
    body: RequestFields = orjson.loads(row.body)
    meta_data = body.pop("meta_data", {})
    ledger = import_.totals.ledger_names.get(body.get("ledger_id") or "")
    pairs = [(FIELDS.get(name, name), str(value)) for name, value in body.items()]
    if ledger:
        pairs.insert(1, ("Ledger name", ledger))
    return (
        pairs
        + [
            (f"Metadata: {name}", str(value))
            for name, value in meta_data.items()
            if name not in (IMPORT_REF, IMPORT_ID)
        ]
        + [
            (f"Balance Desk: {name}", str(meta_data[name]))
            for name in (IMPORT_REF, IMPORT_ID)
            if name in meta_data
        ]
    )


def in_short(row: StoredRow) -> str:
    """A row's request in one line, without import_ref and import_id."""
    if row.body is None:
        return ""
    body: RequestFields = orjson.loads(row.body)
    meta_data = body.pop("meta_data", {})
    ours = (IMPORT_REF, IMPORT_ID)
    values = [*body.values(), *(value for name, value in meta_data.items() if name not in ours)]
    return " · ".join(str(value) for value in values)


def changed(changes: Iterable[RecordedEdit], import_: Import, zone: tzinfo) -> list[str]:
    """What people changed in a record before it was sent, one sentence each."""
    sentences = []
    for one in changes:
        if one.position is None:
            what = f"Row {whole_row(one.new)}"
        else:
            called = shown(about_files.column(import_, one.position))
            what = f"{called}: changed from “{shown(one.old)}” to “{shown(one.new)}”"
        sentences.append(f"{phrases.exactly(one.at, zone)} · {phrases.actor(one.who)} · {what}.")
    return sentences


def whole_row(stored: str) -> str:
    """The state of a whole row before or after an edit: "skipped" or "included"."""
    return {edits.LEFT_OUT: "skipped", edits.TAKEN_IN: "included"}.get(stored, stored)


def as_in_file(row: StoredRow, import_: Import) -> list[tuple[str, str]]:
    """The row's current cells under their headers."""
    return [
        (name, row.cells[at] if at < len(row.cells) else "")
        for at, name in enumerate(about_files.columns(import_))
    ]


def attempts(tried: Iterable[Attempt], zone: tzinfo) -> dict[str, list[str]]:
    """A table with one line for each time the row was sent."""
    listed_ = list(tried)
    return {
        "Attempt": [str(one.n) for one in listed_],
        "Sent": [phrases.exactly(one.started_at, zone) for one in listed_],
        "Answered after": [_after(one) for one in listed_],
        "Outcome": [_came_to(one) for one in listed_],
        "Status": ["" if one.status is None else str(one.status) for one in listed_],
        "Blnk's answer": [one.message or one.balance_id or "" for one in listed_],
    }


def support_details(tried: Iterable[Attempt]) -> list[tuple[str, str]]:
    """What support needs to know about each answer to a row."""
    pairs = []
    for one in tried:
        details = [f"HTTP status {one.status}"] if one.status is not None else []
        details += [f"Request ID {shown(one.request_id, 200)}"] if one.request_id else []
        if details:
            pairs.append((f"Attempt {one.n}", " · ".join(details)))
    return pairs


def _after(one: Attempt) -> str:
    if one.ended_at is None:
        return ""
    seconds = max(0.0, one.ended_at - one.started_at)
    return f"{seconds * 1000:,.0f} ms" if seconds < 1 else f"{seconds:,.1f} s"


def _came_to(one: Attempt) -> str:
    return "No answer yet" if one.outcome is None else CAME_TO[Outcome(one.outcome)]


def in_doubt(row: StoredRow, tried: Sequence[Attempt], zone: tzinfo) -> list[str]:
    """What happened to a row in doubt, one sentence each, in order."""
    sentences = []
    if tried:
        last = tried[-1]
        sentences.append(f"Sent on {phrases.exactly(last.started_at, zone)}.")
        sentences.append(f"Blnk's answer: {_as_sentence(last.message) or 'none.'}")
    if row.balance_id:
        sentences.append(f"Blnk had confirmed {row.balance_id}.")
    if not row.waits_for_person:
        sentences.append(
            "Blnk is being checked, and this page shows the result. You do not need to do anything."
        )
    elif row.message and (not tried or row.message != tried[-1].message):
        sentences.append(f"Result of checking Blnk: {_as_sentence(row.message)}")
    else:
        sentences.append("Checking Blnk could not decide whether the balance exists.")
    return sentences


def _as_sentence(text: str | None) -> str:
    return "" if not text else text if text[-1] in ".!?" else f"{text}."


def about(row: StoredRow, findings: Findings | None) -> list[str]:
    """What the comparison with Blnk found about this row, and what to do."""
    if findings is None:
        return []
    sentences = []
    for one in findings.twins:
        if one.row == row.number and row.balance_id in one.ids:
            sentences.append(
                f"This row has {len(one.ids)} balances in Blnk: {listed(one.ids)}. Decide which one to use, "
                "add a note to the other, and tell the people who post transactions."
            )
    for one in findings.missing:
        if one.row == row.number and row.balance_id in one.ids and row.state is not RowState.UNKNOWN:
            sentences.append(
                f"Blnk did not find {listed(one.ids)} when this import was verified. Look for it in Blnk. If "
                "it is gone, ask your Blnk administrator why."
            )
    return sentences


def confirms(typed: str | None) -> bool:
    """Whether the confirmation was typed."""
    return " ".join((typed or "").split()).casefold() == SEND_AGAIN


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
