"""`import FILE`: checks, shows, confirms, sends and verifies it, or continues where it stopped."""

import hashlib
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from blnk_api.cli import column_options, output, unfinished
from blnk_api.cli.approvals import wait_for_approval
from blnk_api.cli.checking import check
from blnk_api.cli.column_options import ColumnOptions
from blnk_api.cli.dry_run import dry_run
from blnk_api.cli.exit_codes import CommandFailed, ExitCode
from blnk_api.cli.output import say
from blnk_api.cli.progress_line import Progress
from blnk_api.cli.run_import import Unserved, see_through
from blnk_api.cli.session import Session
from blnk_api.cli.whole_desk.stop_command import say_stops
from blnk_api.common.quoting import shown
from blnk_api.desk import other_desks_today, plan_room
from blnk_api.drafts import check_process, drafts
from blnk_api.drafts.drafts import NotConfirmed
from blnk_api.errors import BlnkError
from blnk_api.facts.file_shape import ReadOptions
from blnk_api.facts.mapping import Mapping
from blnk_api.files import reading_process
from blnk_api.reports import receipts
from blnk_api.settings import Connection
from blnk_api.store import StoreUnavailable, import_acts, imports
from blnk_api.store.events import EventKind, note
from blnk_api.store.imports import Import
from blnk_api.store.kept_files import files_of
from blnk_api.store.states import ImportState, Stage
from blnk_api.store.transitions import move_import
from blnk_api.wording import about_imports, phrases


def fork_here() -> None:
    """What reads and checks the file needs what is imported here already.

    Only for a process that has opened nothing: SQLite's locks and a server's connections break in a fork.
    """
    reading_process.fork_here()
    check_process.fork_here()


def prepare_import(options: Namespace) -> None:
    options.reading = ReadOptions(
        sheet=options.sheet,
        encoding=options.encoding,
        delimiter=options.delimiter,
        header_row=options.header_row,
        skip_hidden_rows=options.skip_hidden_rows or None,
    )


def import_file(opened: Session, options: Namespace) -> ExitCode:
    if options.dry_run:
        return dry_run(opened, options)
    if options.json or options.requests is not None:
        raise CommandFailed("--json and --requests need --dry-run. Nothing was sent.")
    path, out = Path(options.file), Path(options.results) if options.results else None
    connection = opened.connection_named(options.connection)
    understood = column_options.understand(
        path, ColumnOptions.of(options), options.reading, results_of=opened.results_of(connection)
    )
    accepted = [*options.allow_currency, *understood.accepted]
    if out is not None:
        output.writable(out, instead_of=path)
    for note_ in understood.notes:
        say(note_)
    import_ = _found_or_uploaded(opened, path, connection, understood.mapping, accepted, options)
    with Progress(options.progress, opened, import_.id):
        import_ = _checked(opened, import_, connection)
    if import_.state is ImportState.DRAFT:
        import_ = _confirmed(opened, import_, connection, options)
    elif import_.state is ImportState.CANCELLED:
        raise CommandFailed(f"The draft {import_.id} was discarded in the meantime. Nothing was sent.")
    if wait_for_approval.asks_or_waits(opened, import_):
        return ExitCode.WAITS_FOR_APPROVAL
    _resume(opened, import_)
    with Progress(options.progress, opened, import_.id):
        import_ = see_through(opened, import_, connection)
    if wait_for_approval.waits(opened, import_):
        return ExitCode.WAITS_FOR_APPROVAL
    # A running app writes them itself. If one cannot be written now, it stays due.
    with suppress(SQLAlchemyError, OSError):
        receipts.write_owed(opened.store, files_of(opened.store, opened.settings), import_.number)
    return output.report(opened, import_, out)


def _found_or_uploaded(
    opened: Session,
    path: Path,
    connection: Connection,
    mapping: Mapping,
    accepted: Sequence[str],
    options: Namespace,
) -> Import:
    """The unfinished import of the same file, or a new draft."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            with opened.store.read() as tx:
                found = unfinished.of_file(
                    tx,
                    connection.instance,
                    digest,
                    mapping,
                    options=options.reading,
                    accepted_currencies=accepted,
                    drafts_of=opened.who,
                )
            if found is not None:
                state = about_imports.STATE[found.state].lower()
                say(f"Import {found.id} of this file is unfinished ({state}). Continuing it.")
                return found
            Unserved(opened, connection.instance).refuse()
            id = imports.new_id()
            drafts.upload(
                opened.store,
                opened.settings,
                id=id,
                connection=connection,
                who=opened.who,
                file_name=output.name_of(path),
                data=file,
                mapping=mapping,
                options=options.reading,
                accepted_currencies=accepted,
            )
    except drafts.UploadRejected as reason:
        raise CommandFailed(str(reason)) from None
    except OSError as problem:
        raise CommandFailed(
            f"{shown(str(path), 200)} cannot be read, or not copied: {problem.strerror}. Nothing was sent."
        ) from None
    return opened.find(id)


def _checked(opened: Session, import_: Import, connection: Connection) -> Import:
    if import_.state is not ImportState.DRAFT:
        return import_
    with _or_discarded(opened, import_):
        draft = check(opened, import_.id, connection)
    if draft.state is ImportState.DRAFT and draft.stage in (Stage.MATCHING, Stage.UNREADABLE):
        _discard(opened, draft)
        raise CommandFailed(draft.problem or "The file cannot be used.")
    return draft


def _confirmed(opened: Session, draft: Import, connection: Connection, options: Namespace) -> Import:
    """The import to follow: this draft, or the same file's import that another command confirmed first."""
    output.say_totals(draft, connection)
    say_stops(opened, connection.instance)
    _print_other_desks(opened, connection)
    count = drafts.to_create(draft)
    _print_plan_room(opened, connection, count)
    with _or_discarded(opened, draft):
        if quicker := _overlapping(opened, draft):
            return quicker
        if count:
            _make_sure(draft, count, connection, options)
            if quicker := _overlapping(opened, draft):
                return quicker
        else:
            say("There is nothing to create. Balances that already exist are compared with Blnk.")
        return _hand_over(opened, draft, count)


def _print_other_desks(opened: Session, connection: Connection) -> None:
    """Prints nothing if Blnk does not answer: this is only information, and delays nothing."""
    with suppress(BlnkError), opened.client(connection) as client:
        if found := other_desks_today.others_today(opened.store, client):
            say(other_desks_today.sentence(found, opened.settings.time_zone))


def _print_plan_room(opened: Session, connection: Connection, count: int) -> None:
    """Prints nothing without a plan in the secrets, and delays nothing."""
    if connection.records_included is not None and count:
        found = None
        with suppress(BlnkError), opened.client(connection) as client:
            found = plan_room.room(client, connection.records_included)
        say(plan_room.sentence(found, count) if found else plan_room.UNKNOWN)


def _overlapping(opened: Session, draft: Import) -> Import | None:
    """An import of the same file that was confirmed meanwhile. Raises CommandFailed for any other overlap."""
    with opened.store.read() as tx:
        found = unfinished.overlap(tx, draft)
        quicker = unfinished.same(tx, draft)
    if quicker is not None:
        say(f"Another command is importing the same file. Following its import {quicker.id}.")
        _discard(opened, draft)
        return quicker
    if found is not None:
        raise CommandFailed(f"{unfinished.sentence(found)} Nothing was sent.")
    return None


def _make_sure(draft: Import, count: int, connection: Connection, options: Namespace) -> None:
    """Raises CommandFailed unless a person confirms exactly this."""
    is_unchecked = connection.is_production and bool(drafts.missing_checks(draft))
    if options.count is not None and options.count != count:
        raise CommandFailed(
            f"--count is {options.count:,}, but {count:,} would be created. Nothing was sent."
        )
    if options.yes:
        if connection.is_production and options.count is None:
            raise CommandFailed(f"In production, --yes needs --count {count}. Nothing was sent.")
        if is_unchecked and not options.accept_unchecked:
            raise CommandFailed(
                "Some checks could not be made; the warnings name them. In production, add "
                "--accept-unchecked "
                "to create the balances without these checks. Nothing was sent."
            )
        return
    if not sys.stdin.isatty():
        raise CommandFailed(
            "There is no terminal to ask for confirmation. Add --yes to create them. Nothing was sent."
        )
    wanted = str(count) if connection.is_production else "yes"
    if _typed(f"Type {wanted} to create {phrases.plural(count, 'balance')}: ").replace(",", "") != wanted:
        raise CommandFailed("Nothing was sent.")
    asks_again = is_unchecked and not options.accept_unchecked
    if asks_again and _typed("Some checks could not be made. Type yes to create them anyway: ") != "yes":
        raise CommandFailed("Nothing was sent.")


def _typed(question: str) -> str:
    try:
        return input(question).strip().lower()
    except EOFError:
        return ""


def _hand_over(opened: Session, draft: Import, count: int) -> Import:
    try:
        if count:
            drafts.confirm(
                opened.store,
                opened.settings,
                id=draft.id,
                who=opened.who,
                version=draft.version,
                typed=str(count),
                accept_unchecked=True,  # asked in _make_sure
            )
        else:
            with opened.store.write() as tx:
                import_acts.confirm(tx, draft, who=opened.who, version=draft.version)
    except NotConfirmed as problem:
        raise CommandFailed(str(problem)) from None
    now = opened.find(draft.id)
    if now.state is ImportState.DRAFT:
        raise CommandFailed(
            "The draft has changed since it was shown. Nothing was sent. Run the command again."
        )
    return now


@contextmanager
def _or_discarded(opened: Session, draft: Import) -> Iterator[None]:
    """Discards a draft that is given up inside. Ctrl-C raises CommandFailed."""
    try:
        yield
    except (CommandFailed, StoreUnavailable):
        _discard(opened, draft)
        raise
    except KeyboardInterrupt:
        _discard(opened, draft)
        raise CommandFailed("Interrupted. Nothing was sent.", ExitCode.INTERRUPTED) from None


def _discard(opened: Session, draft: Import) -> None:
    """So that nobody confirms an abandoned draft of this command by mistake."""
    with opened.store.write() as tx:
        if move_import(tx, draft.number, from_=[ImportState.DRAFT], to=ImportState.CANCELLED):
            note(tx, draft.number, who=opened.who, what=EventKind.CANCELLED)


def _resume(opened: Session, import_: Import) -> None:
    """Resumes a paused import: running the command again means that."""
    with opened.store.write() as tx:
        import_acts.resume(tx, import_.number, who=opened.who)
