"""The contents of the receipt of a finished import, and writing it: once, with its results.

The results file is written with it and never changed, so that its SHA-256 can be reproduced.
"""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import IntegrityError

from blnk_api import __version__
from blnk_api.access.actors import Actor
from blnk_api.facts.findings import RowFinding, Unexpected
from blnk_api.reports import results
from blnk_api.reports.results import Variant
from blnk_api.store import Store, events, imports, rows, tables
from blnk_api.store.events import EventKind
from blnk_api.store.imports import Import
from blnk_api.store.kept_files import RECEIPTS, Files
from blnk_api.store.people import edits, notes, receipt_records
from blnk_api.store.people.receipt_records import Contents
from blnk_api.store.sending import fix_families, late_records
from blnk_api.store.states import STATUSES, ImportState, RowState, status_of
from blnk_api.store.transitions import IDS_PER_STATEMENT
from blnk_api.wording import about_activity, about_files, about_findings, about_imports, phrases

MOST_LISTED = 10_000
"""The most rows that already existed or were skipped to list one by one. The results have all of them."""

_EVENTS = 10_000
_READ_AS = ("kind", "encoding", "delimiter", "sheet", "header_row")


def write_owed(store: Store, files: Files, import_: int) -> int | None:
    """Writes the next receipt of an import, if one is due. Returns its number. Safe to call from several
    processes.

    Raises OSError or SQLAlchemyError; the receipt is then still due.
    """
    with store.read() as tx:
        as_of = receipt_records.owed_as_of(tx, import_)
        if as_of is None:
            return None
        found = imports.by_number(tx, import_)
        contents = contents_of(tx, found)
        last = receipt_records.latest(tx, import_)
    name = f"{found.id}/{secrets.token_hex(8)}.csv"
    kept = files.put(f"{RECEIPTS}/{name}", results.stream(store, found, Variant.ALL))
    contents["results"] |= {"sha256": kept.sha256, "bytes": kept.size}
    path = name
    is_same = last is not None and last.results_sha256 == kept.sha256
    if last and is_same and files.size(f"{RECEIPTS}/{last.results_path}") is not None:
        path = last.results_path
    try:
        with store.write() as tx:
            n = receipt_records.add(
                tx, import_, as_of=as_of, contents=contents, results_path=path, results_sha256=kept.sha256
            )
    except IntegrityError:
        n = None
    if n is None or path != name:
        files.delete(f"{RECEIPTS}/{name}")
    return n


def contents_of(tx: Connection, import_: Import) -> Contents:
    """Everything in a receipt except its number and the SHA-256 of its results. Times are UTC."""
    return {
        "version": __version__,
        "made_at": utc(datetime.now(UTC).timestamp()),
        "import": {
            "id": import_.id,
            "kind": import_.kind,
            "title": about_imports.title(import_),
            "state": about_imports.STATE[import_.state],
            "came_to": about_imports.headline(import_),
            "uploaded": _signed(import_.who, import_.created_at),
            "confirmed": _signed(import_.confirmed_by, import_.confirmed_at),
            "finished_at": utc(import_.finished_at),
        },
        "file": _file(import_),
        "instance": {
            "base_url": import_.instance.base_url,
            "instance_id": import_.instance.instance_id,
            "environment": import_.instance.environment,
            "connection": import_.connection,
        },
        "mapping": import_.mapping.model_dump(mode="json") if import_.mapping else None,
        "statuses": {word: n for word, n in import_.statuses.items() if n},
        "totals": list(_totals(tx, import_)),
        "changes": list(_changes(tx, import_)),
        "left_out": _left_out(tx, import_),
        "existing": _existing(tx, import_),
        "verification": _verification(tx, import_),
        "findings": list(_findings(tx, import_)),
        "fixes": imports.by_number(tx, import_.fixes).id if import_.fixes is not None else None,
        "fixed_in": [
            {"import": one.id, "rows": one.rows} for one in fix_families.fixes_of(tx, import_.number)
        ],
        "checked_again": _checked_again(tx, import_),
        "notes": [
            {"text": one.text, "balance_id": one.balance_id, **_signed(one.who, one.at)}
            for one in notes.of_import(tx, import_.number)
        ],
        "happened": [
            {"what": about_activity.event(one), **_signed(one.who, one.at)}
            for one in reversed(events.of_import(tx, import_.number, limit=_EVENTS, routine=False))
            if one.what != EventKind.RECEIPT
        ],
        "routine": _routine(tx, import_),
        "results": {"file_name": results.file_name(import_, Variant.ALL), "rows": import_.row_count},
    }


def utc(at: float | None) -> str | None:
    """A time as receipts store it: "2026-11-22T16:07:03Z"."""
    return None if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _signed(who: Actor | None, at: float | None) -> dict[str, object]:
    return {"by": phrases.actor(who) if who else None, "at": utc(at)}


def _file(import_: Import) -> dict[str, object] | None:
    if import_.kind != "file":
        return None
    return {
        "name": import_.file_name,
        "sha256": import_.file_sha256,
        "bytes": import_.file_bytes,
        "read_as": {key: getattr(import_.shape, key, None) for key in _READ_AS},
    }


def _totals(tx: Connection, import_: Import) -> Iterator[dict[str, object]]:
    """Balances by ledger and currency, largest first. At the end, without a ledger, rows that never became a
    request: invalid ones, and records that a person skipped."""
    mine = tables.rows.c
    found = tx.execute(
        select(mine.ledger_id, mine.currency, mine.state, mine.waits_for_person, func.count())
        .where(mine.import_ == import_.number)
        .group_by(mine.ledger_id, mine.currency, mine.state, mine.waits_for_person)
    )
    states: dict[tuple[str, str], dict[str, int]] = {}
    for ledger, currency, state, waits, n in found:
        key = (ledger, currency) if ledger else ("", "")
        counted = states.setdefault(key, {})
        word = status_of(RowState(state), waits_for_person=waits)
        counted[word] = counted.get(word, 0) + n
    names = {
        **import_.totals.ledger_names,
        **{one.ledger_id: one.name for one in import_.totals.by_ledger if one.name},
    }
    largest_first = sorted(states.items(), key=lambda one: (not one[0][0], -sum(one[1].values()), one[0]))
    for (ledger, currency), by_status in largest_first:
        yield {
            "ledger_id": ledger,
            "ledger": names.get(ledger, ""),
            "currency": currency,
            "balances": {word: by_status[word] for word in STATUSES if word in by_status},
        }


def _changes(tx: Connection, import_: Import) -> Iterator[dict[str, object]]:
    names = about_files.columns(import_)
    for one in edits.of_import(tx, import_.number):
        if one.position is None:
            continue
        yield {
            "row": one.number,
            "column": about_files.name_at(names, one.position),
            "old": one.old,
            "new": one.new,
            **_signed(one.who, one.at),
        }


def _left_out(tx: Connection, import_: Import) -> dict[str, object]:
    """Skipped rows, with the person who skipped them if it was done row by row."""
    skipped_by = {
        one.number: one
        for one in edits.of_import(tx, import_.number)
        if one.position is None and one.new == edits.LEFT_OUT
    }
    listed = [
        {
            "row": row.label,
            "why": row.message or "",
            **(_signed(one.who, one.at) if (one := skipped_by.get(row.number)) else {"by": None, "at": None}),
        }
        for row in rows.page(tx, import_.number, states=[RowState.LEFT_OUT], limit=MOST_LISTED)
    ]
    return {"count": import_.counts.get(RowState.LEFT_OUT, 0), "rows": listed}


def _existing(tx: Connection, import_: Import) -> dict[str, object]:
    """Balances that existed before, separate from those that this import created."""
    listed = [
        {"row": row.label, "balance_id": row.balance_id}
        for row in rows.page(tx, import_.number, states=[RowState.EXISTS], limit=MOST_LISTED)
    ]
    return {"count": import_.counts.get(RowState.EXISTS, 0), "rows": listed}


def _verification(tx: Connection, import_: Import) -> dict[str, object]:
    found = import_.findings
    if found is None:
        why = (
            "The import was canceled, so the created balances were not compared with Blnk."
            if import_.state is ImportState.CANCELLED
            else "The created balances were not compared with Blnk."
        )
        return {"verified": False, "why": why}
    at = utc(found.at)
    if not found.checked:
        why = found.why_not or "These credentials have no read permission."
        return {"verified": False, "why": why, "at": at, "expected": found.expected}
    gone = _that_exist(tx, import_, [one.ids[0] for one in found.missing])
    existing = import_.counts.get(RowState.EXISTS, 0)
    missing_existing = [_finding(one) for one in found.missing if one.ids[0] in gone]
    missing_created = [_finding(one) for one in found.missing if one.ids[0] not in gone]
    created = found.expected - existing
    return {
        "verified": True,
        "at": at,
        "clean": found.clean,
        "created": {
            "expected": created,
            "found": created - len(missing_created),
            "missing": missing_created,
        },
        "existing": {
            "expected": existing,
            "found": existing - len(missing_existing),
            "missing": missing_existing,
        },
        "twins": [_finding(one) for one in found.twins],
        "unexpected": [_finding(one) for one in found.unexpected],
    }


def _finding(finding: RowFinding | Unexpected) -> dict[str, object]:
    return finding.model_dump(exclude_unset=True)


def _checked_again(tx: Connection, import_: Import) -> dict[str, object]:
    """Rows that were called not created after they had been sent. They are looked up again for a day."""
    looks = late_records.of_import(tx, import_.number)
    return {
        "rows": list(looks.labels),
        "open": looks.open,
        "over": looks.over,
        "last": utc(looks.last_at),
        "next": utc(looks.next_at),
        "final": utc(looks.until),
    }


def _findings(tx: Connection, import_: Import) -> Iterator[str]:
    """What someone must act on: from the comparison, and from what became known later."""
    if import_.findings is not None and import_.findings.checked:
        yield from about_findings.findings(import_.findings)
    yield from about_findings.became_known(tx, import_)


def _routine(tx: Connection, import_: Import) -> dict[str, object]:
    """What was settled automatically: totals, and one by one."""
    each = events.of_import(tx, import_.number, limit=_EVENTS, routine=True)
    labels = rows.labels_of(tx, [one.row for one in each if one.row is not None])
    return {
        "came_to": about_activity.summed_up(events.routine_of(tx, import_.number)),
        "happened": [
            {
                "row": labels.get(one.row) if one.row is not None else None,
                "what": about_activity.event(one),
                **_signed(one.who, one.at),
            }
            for one in reversed(each)
        ],
    }


def _that_exist(tx: Connection, import_: Import, balance_ids: list[str]) -> set[str]:
    """Which of these are balances that existed before the import."""
    mine = tables.rows.c
    there: set[str] = set()
    for start in range(0, len(balance_ids), IDS_PER_STATEMENT):
        part = balance_ids[start : start + IDS_PER_STATEMENT]
        asked = select(mine.balance_id).where(
            mine.import_ == import_.number, mine.state == RowState.EXISTS, mine.balance_id.in_(part)
        )
        there |= set(tx.execute(asked).scalars())
    return there
