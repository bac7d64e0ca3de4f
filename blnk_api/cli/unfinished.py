"""Finds unfinished imports of the same file, or with rows in common: a new import continues or waits for
them."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, select

from blnk_api.access.actors import Actor, ActorKind
from blnk_api.facts.file_shape import ReadOptions
from blnk_api.facts.mapping import Mapping
from blnk_api.settings import Instance
from blnk_api.store import imports
from blnk_api.store.imports import Import
from blnk_api.store.states import HELD, ImportState, RowState
from blnk_api.store.tables import imports as imports_table
from blnk_api.store.tables import is_one_of, rows
from blnk_api.wording import about_imports

UNFINISHED = (
    ImportState.WAITING,
    ImportState.QUEUED,
    ImportState.RUNNING,
    ImportState.PAUSED,
    ImportState.VERIFYING,
)


def of_file(
    tx: Connection,
    instance: Instance,
    sha256: str,
    mapping: Mapping,
    *,
    options: ReadOptions,
    accepted_currencies: Collection[str],
    drafts_of: Actor | None = None,
) -> Import | None:
    """The newest unfinished import of this file with these settings and columns, including a draft of
    `drafts_of`.

    An import in which more currencies were accepted counts as the same: a person accepted them since.
    """
    numbers = tx.execute(
        select(imports_table.c.number)
        .where(imports_table.c.file_sha256 == sha256)
        .order_by(imports_table.c.number.desc())
    )
    for (number,) in numbers:
        one = imports.by_number(tx, number)
        is_draft = one.state is ImportState.DRAFT and drafts_of is not None and _made(one, drafts_of)
        if one.instance != instance or one.mapping is None or not (is_draft or one.state in UNFINISHED):
            continue
        is_accepted = set(accepted_currencies) <= set(one.accepted.currencies)
        if is_accepted and one.options == options and one.mapping == mapping:
            return one
    return None


def same(tx: Connection, draft: Import) -> Import | None:
    """Another import of a draft's file that was already confirmed."""
    if draft.file_sha256 is None or draft.mapping is None:
        return None
    return of_file(
        tx,
        draft.instance,
        draft.file_sha256,
        draft.mapping,
        options=draft.options,
        accepted_currencies=draft.accepted.currencies,
    )


@dataclass(frozen=True)
class Overlap:
    """Another import that has rows in common with this one. `row` is one of its rows, numbered as in the
    file."""

    other: Import
    row: int
    is_in_doubt: bool


def overlap(tx: Connection, import_: Import) -> Overlap | None:
    """An unfinished import with a row that this one would send, if any."""
    return _held_elsewhere(tx, import_) or _waiting_elsewhere(tx, import_)


def _held_elsewhere(tx: Connection, import_: Import, *, settles: bool = False) -> Overlap | None:
    """A row in doubt: whatever its import's state, nobody sends the row before it is settled.

    `settles`: a sender is looking such rows up, so only those that wait for a person count.
    """
    mine, other = rows.alias("mine"), rows.alias("other")
    found = tx.execute(
        select(other.c.import_, other.c.number)
        .join(mine, (mine.c.instance == other.c.instance) & (mine.c.ref == other.c.ref))
        .where(
            mine.c.import_ == import_.number,
            mine.c.state == RowState.READY,
            other.c.import_ != import_.number,
            is_one_of(other, HELD),
            other.c.state.in_([RowState.SENDING, RowState.UNKNOWN]),
            *([other.c.waits_for_person.is_(True)] if settles else []),
        )
        .limit(1)
    ).first()
    return Overlap(imports.by_number(tx, found.import_), found.number, True) if found else None


def _waiting_elsewhere(tx: Connection, import_: Import) -> Overlap | None:
    """A row that an unfinished import has yet to send."""
    others = [
        one.number
        for one in imports.in_states(tx, UNFINISHED)
        if one.instance_number == import_.instance_number and one.number != import_.number
    ]
    if not others:
        return None
    mine = select(rows.c.ref).where(rows.c.import_ == import_.number, rows.c.state == RowState.READY)
    found = tx.execute(
        select(rows.c.import_, rows.c.number)
        .where(rows.c.import_.in_(others), rows.c.state == RowState.READY, rows.c.ref.in_(mine))
        .limit(1)
    ).first()
    return Overlap(imports.by_number(tx, found.import_), found.number, False) if found else None


def blocked(tx: Connection, import_: Import, *, settles: bool) -> Overlap | None:
    """What an import waits for if another import holds each of its remaining rows."""
    ready = select(rows.c.id).where(rows.c.import_ == import_.number, rows.c.state == RowState.READY)
    other = rows.alias("other")
    is_held = (
        select(other.c.id)
        .where(
            other.c.instance == rows.c.instance,
            other.c.ref == rows.c.ref,
            is_one_of(other, HELD),
            other.c.import_ != import_.number,
        )
        .exists()
    )
    if tx.execute(ready.where(~is_held).limit(1)).first() is not None:
        return None
    return _held_elsewhere(tx, import_, settles=settles)


def sentence(found: Overlap) -> str:
    """Why a new import has to wait, and what to do about the other one."""
    other = found.other
    named = f"Import {other.id} ({about_imports.title(other)}, {about_imports.STATE[other.state].lower()})"
    if found.is_in_doubt:
        return (
            f"{named} has rows in common with this one. One of them, row {found.row:,}, was sent and had no "
            f"clear answer, and must be resolved first: `python -m blnk_api recheck {other.id}`, or open the "
            "row on the page “Imports”."
        )
    return (
        f"{named} has unfinished rows in common with this one, such as row {found.row:,}. Continue it "
        f"(`python -m blnk_api resume {other.id}`) or cancel it (`python -m blnk_api cancel {other.id}`) "
        "first."
    )


def _made(draft: Import, account: Actor) -> bool:
    """Earlier versions recorded the account as an ordinary name."""
    return draft.who.kind is not ActorKind.PERSON and draft.who.name == account.name
