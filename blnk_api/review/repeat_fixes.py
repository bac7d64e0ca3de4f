"""Repeats the fixes of an earlier import of the same file in a new draft of it.

Rows that were created then are found in Blnk and not sent again; the others are fixed as they were there.
"""

from sqlalchemy import Connection

from blnk_api.access.actors import Actor
from blnk_api.drafts.edits.open_draft import NotRepairable, check_again, open_draft
from blnk_api.store import Store
from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.imports import Import
from blnk_api.store.people import edits
from blnk_api.store.search import balance_origins
from blnk_api.store.sending import fix_families
from blnk_api.store.states import RowState
from blnk_api.store.transitions import counts_of


def earlier(tx: Connection, draft: Import) -> Import | None:
    """The newest confirmed import of exactly this file, or None. None for drafts that fix rows."""
    if draft.fixes is not None:
        return None
    return next(iter(balance_origins.of_same_file(tx, draft)), None)


def has_fixes(tx: Connection, one: Import) -> bool:
    """Whether anything was changed in an import, or in the drafts that fixed its rows."""
    return edits.are_any(tx, fix_families.family(tx, one.number))


def created(tx: Connection, one: Import) -> int:
    """How many balances an import created, including those that fixed its rows."""
    family = fix_families.family(tx, one.number)
    return sum(counts_of(tx, number).get(RowState.CREATED, 0) for number in family)


def take_over(store: Store, draft_id: str, *, who: Actor) -> int:
    """Applies the columns and edits of the earlier import to the draft. Returns how many edits.

    Raises NotRepairable if there is none, or it was read differently.
    """
    with store.write() as tx:
        draft = open_draft(tx, draft_id, who=who)
        before = earlier(tx, draft)
        if before is None:
            raise NotRepairable("This file was not imported before. Nothing was changed.")
        if before.options != draft.options:
            raise NotRepairable(
                "The file was read with other settings then, so its rows may be different ones. Nothing was "
                "changed."
            )
        changes = _changes(tx, before)
        edits.add(tx, draft.number, changes, who=who)
        detail = Particulars(cells=len(changes), label=before.id)
        note(tx, draft.number, who=who, what=EventKind.TOOK_OVER, detail=detail)
        check_again(tx, draft, accepted=before.accepted, mapping=before.mapping, look_again=None)
    return len(changes)


def _changes(tx: Connection, one: Import) -> list[tuple[int, int | None, str, str]]:
    """All edits of an import, and of those that fixed its rows, in order."""
    numbers = fix_families.family(tx, one.number)
    found = [edit for number in numbers for edit in edits.of_import(tx, number)]
    return [(edit.number, edit.position, edit.old, edit.new) for edit in sorted(found, key=lambda e: e.at)]
