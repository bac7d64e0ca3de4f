"""What the comparison with Blnk found, and what became known after an import's end: for pages, receipts and
the command line."""

from collections.abc import Callable

from sqlalchemy import Connection

from blnk_api.common.quoting import shown
from blnk_api.facts.findings import Findings
from blnk_api.store import events
from blnk_api.store.events import EventKind
from blnk_api.store.imports import Import
from blnk_api.store.search import row_history
from blnk_api.store.sending.late_records import PendingLateLookups
from blnk_api.wording.phrases import listed, plural

_MOST_LABELS = 20


def became_known(tx: Connection, import_: Import) -> list[str]:
    """Balances that appeared late and are not in the comparison with Blnk."""
    found = import_.findings if import_.findings and import_.findings.checked else None
    known = {frozenset(one.ids) for one in found.twins} if found else set()
    sentences = []
    for one in row_history.second_balances(tx, import_.number):
        if frozenset(one.ids) not in known:
            has = "has two balances in Blnk" if len(one.ids) > 1 else "has one more balance in Blnk"
            how = "A later check found it." if one.by else "A late answer named it."
            sentences.append(
                f"Row {one.label} {has}: {listed(one.ids)}. {how} "
                "Decide which one to use, and add a note to the other."
            )
    if found is None:
        for late in events.of_kinds(tx, import_.number, [EventKind.MADE_LATE]):
            sentences.append(made_late(str(late.detail.label), late.detail.ids))
    return sentences


def pending_checks(looks: PendingLateLookups, when: Callable[[float], str]) -> str | None:
    """Which rows are looked up again, and when; None if there were none. `when` formats a time."""
    if looks.next_at is None or looks.until is None:
        if not looks.over or looks.last_at is None:
            return None
        return (
            f"{plural(looks.over, 'row')} had an attempt without a clear answer. "
            f"Blnk was checked for the last time: {when(looks.last_at)}."
        )
    named = ", ".join(looks.labels[:_MOST_LABELS])
    more = looks.open - min(len(looks.labels), _MOST_LABELS)
    rows = f"row{'' if looks.open == 1 else 's'} {named}" + (f" and {more:,} more" if more > 0 else "")
    last = f"Last check: {when(looks.last_at)}. " if looks.last_at is not None else ""
    return (
        f"{plural(looks.open, 'row')} had an attempt without a clear answer ({rows}). Blnk will be checked "
        f"again, in case that attempt still creates a balance. {last}Next check: {when(looks.next_at)}. "
        f"Final check: {when(looks.until)}."
    )


_MOST_FINDINGS = 20


def findings(found: Findings) -> list[str]:
    """What the comparison with Blnk found, one sentence each. Empty if everything matches."""
    if not found.checked:
        why = shown(found.why_not or "these credentials have no read permission", 200).rstrip(".")
        return [f"Not verified: {why}. The created balances could not be compared with Blnk."]
    sentences = []
    for one in found.twins[:_MOST_FINDINGS]:
        sentences.append(
            f"Row {one.row} has two balances in Blnk: {listed(one.ids)}. Decide which one to use, add a note "
            "to the other, and tell the people who post transactions."
        )
    for one in found.missing[:_MOST_FINDINGS]:
        sentences.append(
            f"Row {one.row}: Blnk confirmed {listed(one.ids)}, but no longer finds it. "
            "Open the row, then check Blnk again, link its balance, or send it again."
        )
    for stranger in found.unexpected[:_MOST_FINDINGS]:
        sentences.append(
            made_late(stranger.row, stranger.ids)
            if stranger.row is not None
            else f"Blnk has {listed(stranger.ids)} from this import, but no row of the file belongs to it. "
            "Open it in Blnk, and add a note to it if nobody should use it."
        )
    kinds = (found.twins, found.missing, found.unexpected)
    more = sum(max(0, len(kind) - _MOST_FINDINGS) for kind in kinds)
    return [*sentences, f"And {more:,} more findings like these."] if more else sentences


def made_late(label: str | int, ids: list[str]) -> str:
    """About a row whose earlier attempt created a balance late, from the row's content at that time."""
    return (
        f"Row {label}: an earlier attempt, reported as not created, created {listed(ids)} after all. Decide "
        "which balance to use, and add a note to any other."
    )
