"""A person's choices for a whole file: its columns, how it is read, custom currencies, hidden rows.

Each act is one transaction: it is recorded, and the draft is checked again. Nothing here sends.
"""

from sqlalchemy import Connection

from blnk_api.access.actors import Actor
from blnk_api.drafts.edits.open_draft import NotRepairable, check_again, open_draft
from blnk_api.drafts.rechecking.change_and_check import AtOnce, Check, run
from blnk_api.facts.file_shape import ReadOptions
from blnk_api.facts.mapping import Mapping
from blnk_api.facts.totals import Accepted
from blnk_api.store import Store
from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.people import edits as repairs
from blnk_api.store.states import Stage


def accept_currency(store: Store, id: str, code: str, *, who: Actor, at_once: AtOnce | None = None) -> None:
    """Accepts an unknown currency code for the whole file."""

    def act(tx: Connection, check: Check) -> None:
        import_ = open_draft(tx, id, who=who)
        codes = dict.fromkeys([*import_.accepted.currencies, code])
        note(tx, import_.number, who=who, what=EventKind.ACCEPTED_CURRENCY, detail=Particulars(code=code))
        check(tx, import_, (), accepted=Accepted(currencies=tuple(codes)))

    run(store, id, act, at_once)


def match(store: Store, id: str, mapping: Mapping, *, who: Actor) -> None:
    """Sets the mapping of the columns. All rows are checked again."""
    with store.write() as tx:
        import_ = open_draft(tx, id, who=who)
        if mapping == import_.mapping and import_.stage is not Stage.MATCHING:
            return
        note(tx, import_.number, who=who, what=EventKind.MATCHED_COLUMNS)
        check_again(tx, import_, mapping=mapping, look_again=None)


def read_as(store: Store, id: str, options: ReadOptions, *, who: Actor) -> None:
    """Changes how the file is read: its columns are guessed again, and edits of rows are dropped."""
    with store.write() as tx:
        import_ = open_draft(tx, id, who=who, also=(Stage.UNREADABLE,))
        if import_.fixes is not None:
            raise NotRepairable("These rows come from an import, so there is no file to read differently.")
        if options == import_.options:
            return
        repairs.forget(tx, import_.number)
        note(tx, import_.number, who=who, what=EventKind.READ_OTHERWISE, detail=options)
        check_again(tx, import_, options=options, mapping=None, shape=None, look_again=None)


def skip_hidden_rows(store: Store, id: str, skip: bool, *, who: Actor) -> None:
    """Skips rows that the workbook hides, or imports them like the others. Edits are kept."""
    with store.write() as tx:
        import_ = open_draft(tx, id, who=who)
        if bool(import_.options.skip_hidden_rows) == skip:
            return
        options = import_.options.model_copy(update={"skip_hidden_rows": True if skip else None})
        what = EventKind.SKIPPED_HIDDEN_ROWS if skip else EventKind.INCLUDED_HIDDEN_ROWS
        note(tx, import_.number, who=who, what=what)
        check_again(tx, import_, options=options)
