"""Opens a draft with those rows of an import that are invalid or were rejected, to be fixed and sent.

The draft has the file's columns as they were mapped, and belongs to the import. In the same transaction its
rows become Superseded there, so that none can be sent from both. They return to their former state if the
draft is discarded. Nothing is sent here.
"""

from collections.abc import Collection

from sqlalchemy import Connection

from blnk_api.access.actors import Actor
from blnk_api.access.acts import Act
from blnk_api.drafts.fixes.source_rows import can_be_fixed
from blnk_api.review.actions import NotPossible
from blnk_api.store import Store, import_changes, imports, rows
from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.imports import Import
from blnk_api.store.rows import StoredRow
from blnk_api.store.sending import superseded
from blnk_api.store.sending.superseded import FIXABLE
from blnk_api.store.states import ImportState, Stage

_PAGE_ROWS = 2_000
MOST_ROWS = 100_000
"""More rows are not a few mistakes: fix the file and import it again."""


def is_possible(import_: Import) -> bool:
    """Whether this kind of import has rows that can be fixed in a draft."""
    is_sent = import_.state is not ImportState.DRAFT
    has_cells = import_.purged_at is None and import_.shape is not None and import_.mapping is not None
    return import_.kind == "file" and is_sent and has_cells


def open_draft(
    store: Store, import_: Import, *, id: str, who: Actor, row_ids: Collection[int] | None = None
) -> int:
    """Creates the draft `id` with these rows, or with all that can be fixed. Returns how many. Repeating it
    changes nothing.

    Rows that are no longer invalid or rejected stay where they are. Raises NotPossible.
    """
    who.require(Act.FIX_ROWS, import_.instance)
    with store.write() as tx:
        now = imports.by_number(tx, import_.number)
        if not is_possible(now):
            raise NotPossible(
                "The rows of this import cannot be fixed here: it did not come from a file, or its data was "
                "deleted. Nothing was changed."
            )
        if imports.find(tx, id) is not None:
            return 0
        many = sum(now.counts.get(state, 0) for state in FIXABLE)
        if row_ids is None and many > MOST_ROWS:
            raise NotPossible(
                f"At most {MOST_ROWS:,} rows can be fixed here at once, and there are {many:,}. Download the "
                "rows that were not created, fix them there, and import that file. Nothing was changed."
            )
        chosen = [row.id for row in _chosen(tx, now, row_ids)]
        if not chosen:
            raise NotPossible(
                "None of these rows can be fixed here: another user is fixing them, or only the file itself "
                "can be corrected. Reload the page."
            )
        _make_draft(tx, now, id, who)
        draft = imports.find(tx, id)
        assert draft is not None
        if now.file_sha256 is not None:
            import_changes.set_facts(tx, draft.number, file_sha256=now.file_sha256)
        moved = superseded.supersede(tx, chosen, by=draft.number)
        detail = Particulars(rows=len(moved), label=id)
        note(tx, now.number, who=who, what=EventKind.FIXED_ELSEWHERE, detail=detail)
        detail = Particulars(rows=len(moved), label=now.id)
        note(tx, draft.number, who=who, what=EventKind.FIXING, detail=detail)
    return len(moved)


def _make_draft(tx: Connection, source: Import, id: str, who: Actor) -> None:
    import_changes.create(
        tx,
        id,
        kind="file",
        instance=source.instance,
        connection=source.connection,
        who=who,
        fixes=source.number,
        stage=Stage.UPLOADED,
        file_name=source.file_name,
        options=source.options,
        shape=source.shape,
        mapping=source.mapping,
        accepted=source.accepted,
    )


def _chosen(tx: Connection, import_: Import, row_ids: Collection[int] | None) -> list[StoredRow]:
    if row_ids is None:
        return fixable(tx, import_)
    found = rows.among(tx, import_.number, row_ids)
    return [row for row in found if row.state in FIXABLE and can_be_fixed(row)]


def fixable(tx: Connection, import_: Import) -> list[StoredRow]:
    """The rows of an import that can be fixed in a draft, in file order."""
    found: list[StoredRow] = []
    after = 0
    while page := rows.page(tx, import_.number, states=FIXABLE, after=after, limit=_PAGE_ROWS):
        found += [row for row in page if can_be_fixed(row)]
        after = page[-1].id
    return found
