"""Reads an uploaded file into the store: detects its format, maps columns, checks rows. Nothing is sent.

    python -m blnk_api.drafts.check_draft IMPORT_ID

It runs in a separate, watched process, so that a long file slows neither the pages nor the sending, and a bad
one can be stopped (`check_process`). If it dies half-way, it is restarted from the file.
"""

import gc
import os
import pickle
import secrets
import sys
import threading
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from blnk_api import files
from blnk_api import settings as settings_module
from blnk_api.access.actors import CHECK
from blnk_api.blnk.auth import token_source
from blnk_api.client import BlnkClient
from blnk_api.common import watched_process
from blnk_api.drafts import mapping as mappings
from blnk_api.drafts import mapping_problems, results_file
from blnk_api.drafts.changed_meanwhile import Changed, refuse_changed
from blnk_api.drafts.checking import Checker, Known, ProblemGroup, group, wanted
from blnk_api.drafts.edits.edited_records import RecordEdits
from blnk_api.drafts.fixes import rows_from_store
from blnk_api.drafts.rechecking import last_check
from blnk_api.drafts.reference_data import known_in_blnk
from blnk_api.drafts.writing import new_rows, writer_process
from blnk_api.drafts.writing.merging import Restructured
from blnk_api.drafts.writing.one_pass import OnePass
from blnk_api.drafts.writing.writer_process import WriterProcess
from blnk_api.errors import AccessDenied, BlnkError, check_not_answered
from blnk_api.facts.file_shape import FileShape
from blnk_api.facts.mapping import Mapping
from blnk_api.facts.totals import Accepted, Totals
from blnk_api.files import FileProblem
from blnk_api.files.two_passes import TwoPasses
from blnk_api.settings import Connection as BlnkConnection
from blnk_api.settings import Settings
from blnk_api.store import Store, import_changes, imports
from blnk_api.store.checking import checked_rows
from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.imports import Import
from blnk_api.store.kept_files import UPLOADS, files_of
from blnk_api.store.people import edits, saved_mappings
from blnk_api.store.states import Stage
from blnk_api.store.token_store import TokenStore
from blnk_api.wording import about_files

_MAY_NOT_READ = (
    "These credentials have no read permission, so ledgers and identities were not checked, balances "
    "that already exist are not found, and a balance whose answer is lost cannot be looked up."
)


class Unmatched(Exception):
    """A person must map the columns first. The text says what is missing."""


def prepare(store: Store, settings: Settings, import_id: str, writer: WriterProcess | None = None) -> None:
    """Takes a draft from UPLOADED to LOOKING; or, with the reason, to MATCHING or UNREADABLE. `writer` writes
    the rows of a long file.

    Raises BlnkError if Blnk does not answer. The draft then stays CHECKING and is prepared again. So it does
    if someone changed it meanwhile.
    """
    token = secrets.token_hex(8)
    with store.write() as tx:
        import_ = imports.find(tx, import_id)
        if import_ is None or not import_changes.move_stage(
            tx,
            import_.number,
            from_=[Stage.UPLOADED, Stage.CHECKING],
            to=Stage.CHECKING,
            stage_progress=0,
            check_token=token,
        ):
            return
        import_ = replace(import_, check_token=token)
        if import_.look_again is None:
            checked_rows.delete_rows(tx, import_.number)
    connection = settings.connection_of(import_.instance)
    if connection is None:
        with store.write() as tx:
            import_changes.set_facts(
                tx, import_.number, problem="No connection points to this file's Blnk instance."
            )
        return
    with suppress(Changed):
        _check_and_record(store, settings, connection, import_, writer)


def _check_and_record(
    store: Store,
    settings: Settings,
    connection: BlnkConnection,
    import_: Import,
    writer: WriterProcess | None,
) -> None:
    try:
        _check_again_if_needed(store, settings, connection, import_, writer)
    except BlnkError as problem:
        with store.write() as tx:
            import_changes.set_facts(tx, import_.number, problem=check_not_answered(problem))
        raise
    except FileNotFoundError:
        with store.write() as tx:
            import_changes.set_facts(tx, import_.number, problem=about_files.missing(store.is_sqlite))
        raise
    except Unmatched as problem:
        with store.write() as tx:
            checked_rows.delete_rows(tx, import_.number)
            _stop(tx, import_, Stage.MATCHING, problem)
    except FileProblem as problem:
        with store.write() as tx:
            checked_rows.delete_rows(tx, import_.number)
            if _stop(tx, import_, Stage.UNREADABLE, problem):
                why = Particulars(why=str(problem))
                note(tx, import_.number, who=CHECK, what=EventKind.UNREADABLE, detail=why)


def _stop(tx: Connection, import_: Import, stage: Stage, problem: Exception) -> bool:
    """Returns whether the draft now waits for a person: not if someone changed it during the check."""
    refuse_changed(tx, import_, Stage.CHECKING)
    return import_changes.move_stage(
        tx, import_.number, from_=[Stage.CHECKING], to=stage, problem=str(problem), look_again=None
    )


def _check_again_if_needed(
    store: Store,
    settings: Settings,
    connection: BlnkConnection,
    import_: Import,
    writer: WriterProcess | None,
) -> None:
    # The rows of a fix come from their import, which was read long ago.
    is_fix = import_.fixes is not None
    kept = files_of(store, settings).on_disk(f"{UPLOADS}/{import_.file_path}")
    with nullcontext(None) if is_fix else kept as path:
        try:
            _check(store, settings, connection, import_, path, writer)
        except Restructured:
            with store.write() as tx:
                refuse_changed(tx, import_, Stage.CHECKING)
                import_changes.set_facts(tx, import_.number, look_again=None)
                checked_rows.delete_rows(tx, import_.number)
            _check(store, settings, connection, replace(import_, look_again=None), path, writer)


def _check(
    store: Store,
    settings: Settings,
    connection: BlnkConnection,
    import_: Import,
    path: Path | None,
    writer: WriterProcess | None,
) -> None:
    """`path` is the file, or None for a fix, whose rows come from their import."""
    shape = _shape(import_, path)
    # A person's choices are kept when a check starts over; guesses are made again with the same result.
    earlier = None if import_.mapping else _import_of_results(store, import_, shape)
    accepted = import_.accepted
    if earlier is not None and not accepted.currencies:
        accepted = _accept_as_in(store, import_, earlier)
    chosen = import_.mapping or (earlier and earlier.mapping) or _saved(store, import_, shape)
    mapping = mappings.adopt(chosen, shape) if chosen else mappings.guess(shape)
    about_columns = mapping_problems.problems(mapping, shape)
    with store.write() as tx:
        refuse_changed(tx, import_, Stage.CHECKING)
        import_changes.set_facts(tx, import_.number, shape=shape, mapping=mapping)
        overlay = RecordEdits.of(edits.of_import(tx, import_.number))
    wrong = [problem.message for problem in about_columns if problem.severity == "error"]
    if wrong:
        raise Unmatched(" ".join(wrong))

    with (
        TwoPasses(path, shape, settings.scratch_dir)
        if path
        else rows_from_store.records(store, import_, mapping)
    ) as file:
        values = wanted(overlay.over(file.first()), mapping)
        if values.records == 0:
            raise FileProblem("no_rows", "The file has column names but no rows below them.")
        token_store = TokenStore(store.engine, settings.data_dir)
        again = settings.waits.read_again
        tokens = token_source(connection, token_store)
        with BlnkClient(connection, tokens=tokens, read_again_seconds=again) as client:
            known = known_in_blnk(client, values, mapping)
        checker = Checker(shape, mapping, known, connection.custom_currencies, accepted.currencies)
        of_fix = rows_from_store.checker(store, import_, checker, mapping) if path is None else None
        checking = OnePass(store, import_, of_fix or checker, overlay, writer)
        groups = group(checking.run(file.again(), about_columns))
    with store.write() as tx:
        _finish(tx, import_, checking, groups, known)
        if path is not None:  # the import's other rows tell the rows of a fix apart, so all are checked again
            last_check.keep(tx, import_.number, known, connection)


def _shape(import_: Import, path: Path | None) -> FileShape:
    if path is not None:
        return files.detect(path, import_.file_name, import_.options)
    assert import_.shape is not None  # the shape of the import that it fixes
    return import_.shape


def _import_of_results(store: Store, import_: Import, shape: FileShape) -> Import | None:
    """The import whose results file this is. Its columns keep their meaning, so that each row is recognized
    by its mark."""
    guessed = mappings.guess(shape)
    with store.read() as tx:
        return results_file.import_of(tx, import_.instance, guessed, shape)


def _saved(store: Store, import_: Import, shape: FileShape) -> Mapping | None:
    """The mapping that was last saved for files with these headers, only if a page shows that it is
    applied."""
    if not import_.options.saved_mapping:
        return None
    with store.read() as tx:
        found = saved_mappings.saved_for(tx, mappings.fingerprint(shape.headers))
    return found[0].mapping if found else None


def _accept_as_in(store: Store, import_: Import, earlier: Import) -> Accepted:
    """The currency codes that were accepted in the import that this results file belongs to."""
    if earlier.accepted.currencies:
        with store.write() as tx:
            import_changes.set_facts(tx, import_.number, accepted=earlier.accepted)
    return earlier.accepted


def _finish(
    tx: Connection, import_: Import, checking: OnePass, groups: Sequence[ProblemGroup], known: Known
) -> None:
    totals = Totals(
        records=checking.records,
        ledger_names=known.ledgers,
        problems=tuple(map(new_rows.summary, groups)),
        not_checked=() if known.readable else (_MAY_NOT_READ,),
    )
    refuse_changed(tx, import_, Stage.CHECKING)
    import_changes.set_facts(tx, import_.number, totals=totals, stage_progress=checking.records)
    import_changes.move_stage(tx, import_.number, from_=[Stage.CHECKING], to=Stage.LOOKING, problem=None)


def main() -> None:
    """Ends as soon as its standard input closes, which means that the process that started it is gone."""
    follow = watched_process.SETTINGS_FOLLOW in sys.argv
    settings: Settings = pickle.load(sys.stdin.buffer) if follow else settings_module.load()
    # Millions of rows are created and dropped: the collector need not examine everything else each time.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    writer = writer_process.fork(settings.database_url) if watched_process.MANY_ROWS in sys.argv else None
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    store = Store(settings.database_url, for_drafts=True)
    # The writing thread needs the interpreter briefly between two statements, and gets it at once.
    sys.setswitchinterval(0.0005)
    try:
        prepare(store, settings, sys.argv[1], writer)
    except BlnkError as problem:
        print(problem, file=sys.stderr)
        sys.exit(
            watched_process.NOT_LET_IN if isinstance(problem, AccessDenied) else watched_process.NO_ANSWER
        )
    except (OperationalError, OSError) as problem:  # the store is busy, or the disk is full
        print(str(problem).partition("\n")[0], file=sys.stderr)
        sys.exit(watched_process.NO_ANSWER)
    finally:
        if writer is not None:
            writer.give_up()
        store.close()


def _end_with_stdin() -> None:
    while os.read(0, 1024):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
