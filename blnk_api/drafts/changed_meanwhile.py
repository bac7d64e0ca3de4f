"""Whether a draft has changed during its check: a person may change it at any moment."""

from sqlalchemy import Connection, select

from blnk_api.store import imports, tables
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState, Stage


class Changed(Exception):
    """Someone changed the draft since this check began, so its results no longer apply."""


def refuse_changed(tx: Connection, draft: Import, stage: Stage) -> None:
    """Raises Changed where the draft is another one by now, or at another stage than this one.

    Of a check that reads the file also where another check does so by now: this one's machine stood still
    for so long that it was taken for dead. Nobody begins another one before the end of this transaction.
    """
    number = tables.imports.c.number
    tx.execute(select(number).where(number == draft.number).with_for_update())
    now = imports.by_number(tx, draft.number)
    if now.state is not ImportState.DRAFT or now.stage is not stage or now.version != draft.version:
        raise Changed
    if stage is Stage.CHECKING and now.check_token != draft.check_token:
        raise Changed
