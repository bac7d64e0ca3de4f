"""Discards abandoned drafts, and deletes the files of imports that were canceled long ago.

Their rows, events and balance ids stay: the same file still finds its balances when it is imported again.
"""

import time
from itertools import islice

from blnk_api.settings import Settings
from blnk_api.store import Store, import_acts, imports
from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.kept_files import UPLOADS, Files, files_of, referenced_files
from blnk_api.store.search import old_drafts
from blnk_api.store.sending.attempts import WHO
from blnk_api.store.states import Stage

EVERY_SECONDS = 3_600
_DAY_SECONDS = 86_400.0
_IDS_PER_READ = 500


def expire(store: Store, settings: Settings, *, now: float | None = None) -> None:
    """Cancels drafts that are older than the settings allow, and after a day those whose file cannot be read.
    Deletes the uploaded files of imports that were canceled longer ago than that, and in Postgres, after a
    day, uploads without a draft.

    Raises OSError or SQLAlchemyError; the rest is done next time.
    """
    files = files_of(store, settings)
    days = settings.drafts_after_days
    now = time.time() if now is None else now
    before = now - days * _DAY_SECONDS
    with store.read() as tx:
        unreadable = old_drafts.untouched_drafts(tx, now - _DAY_SECONDS, stage=Stage.UNREADABLE)
        kept_for = dict.fromkeys(unreadable, 1) | dict.fromkeys(old_drafts.untouched_drafts(tx, before), days)
    for number, kept_days in kept_for.items():
        with store.write() as tx:
            if not import_acts.discard(tx, number, who=WHO):
                continue  # someone confirmed it meanwhile: it continues, and its file stays
            note(tx, number, who=WHO, what=EventKind.CANCELLED)
            note(tx, number, who=WHO, what=EventKind.EXPIRED, detail=Particulars(days=kept_days))
            id = imports.by_number(tx, number).id
        files.delete(f"{UPLOADS}/{id}")
    for id in _cancelled_with_a_file(store, files, before):
        files.delete(f"{UPLOADS}/{id}")
    if not store.is_sqlite:  # a data folder may have files of imports that an older database does not know
        with store.read() as tx:
            cut_off = referenced_files.without_import(tx, now - _DAY_SECONDS)
        for id in cut_off:
            files.delete(f"{UPLOADS}/{id}")


def _cancelled_with_a_file(store: Store, files: Files, before: float) -> list[str]:
    names = files.folders(UPLOADS)
    found: list[str] = []
    while part := list(islice(names, _IDS_PER_READ)):
        with store.read() as tx:
            found += old_drafts.cancelled_before(tx, part, before)
    return found
