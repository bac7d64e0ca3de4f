"""Undoes an act of a person by another edit, which restores what was there. Nothing is ever deleted."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from blnk_api.access.actors import Actor
from blnk_api.drafts.edits import editing, skipping
from blnk_api.drafts.edits.edited_records import RecordEdits
from blnk_api.drafts.edits.open_draft import NotRepairable, open_draft
from blnk_api.drafts.rechecking.change_and_check import AtOnce, Check, run
from blnk_api.facts.totals import Accepted
from blnk_api.store import Store
from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.people import edits as kept
from blnk_api.store.people.edits import LEFT_OUT, Edit, RecordedEdit


@dataclass(frozen=True)
class EditAct:
    """What one person changed in one act, with the records in file order."""

    at: float
    who: Actor
    edits: tuple[RecordedEdit, ...]
    can_be_undone: bool
    """Whether any of it still applies."""


def acts(edits: Sequence[RecordedEdit]) -> list[EditAct]:
    """Groups edits into acts, newest first. `edits` are all edits of an import, oldest first."""
    found: dict[tuple[float, Actor], list[tuple[RecordedEdit, bool]]] = {}
    for one, stands in zip(edits, _standing(edits), strict=True):
        found.setdefault((one.at, one.who), []).append((one, stands))
    return [
        EditAct(at, who, tuple(one for one, _ in those), any(stands for _, stands in those))
        for (at, who), those in reversed(found.items())
    ]


def undo(store: Store, id: str, at: float, *, who: Actor, at_once: AtOnce | None = None) -> int:
    """Restores what the act at this time changed, except what was changed again since. Returns the number of
    cells and rows. Raises NotRepairable."""
    with store.read() as tx:
        import_ = open_draft(tx, id, who=who)
        all_edits = kept.of_import(tx, import_.number)
    standing = zip(all_edits, _standing(all_edits), strict=True)
    mine = [one for one, stands in standing if one.at == at and stands]
    if not mine:
        raise NotRepairable("There is nothing left to undo: this has been changed again since.")
    cells = [Edit(one.number, one.position, one.old) for one in mine if one.position is not None]
    skipped = [one.number for one in mine if one.position is None and one.new == LEFT_OUT]
    included = [one.number for one in mine if one.position is None and one.new != LEFT_OUT]
    changed = editing.edit(store, id, cells, who=who, at_once=at_once) if cells else 0
    changed += skipping.take_in(store, id, skipped, who=who, at_once=at_once) if skipped else 0
    changed += skipping.leave_out(store, id, included, who=who, at_once=at_once) if included else 0
    return changed


def withdraw_currency(store: Store, id: str, code: str, *, who: Actor, at_once: AtOnce | None = None) -> None:
    """Stops accepting a custom currency code, so that it is checked like any other."""

    def act(tx: Connection, check: Check) -> None:
        import_ = open_draft(tx, id, who=who)
        codes = tuple(one for one in import_.accepted.currencies if one != code)
        if codes == import_.accepted.currencies:
            return
        note(tx, import_.number, who=who, what=EventKind.WITHDREW_CURRENCY, detail=Particulars(code=code))
        check(tx, import_, (), accepted=Accepted(currencies=codes))

    run(store, id, act, at_once)


def _standing(edits: Sequence[RecordedEdit]) -> list[bool]:
    """For each edit, whether it applies and nothing has undone it: after do, undo and redo, only the last one
    counts."""
    overlay = RecordEdits.of(edits)
    values_since: dict[tuple[int, int | None], set[str]] = {}
    standing = []
    for one in reversed(edits):
        since = values_since.setdefault((one.number, one.position), set())
        standing.append(one.old not in since and _holds(overlay, one))
        since.add(one.new)
    return standing[::-1]


def _holds(overlay: RecordEdits, one: RecordedEdit) -> bool:
    """Whether the current state is the result of this edit, and was different before it."""
    if one.position is None:
        return (one.number in overlay.left_out) == (one.new == LEFT_OUT)
    return one.new != one.old and overlay.cell(one.number, one.position, one.new) == one.new
