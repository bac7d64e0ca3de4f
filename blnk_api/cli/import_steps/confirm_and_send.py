"""What follows the check of a file: its draft is confirmed, sent, verified and reported.

Loaded while the file is checked: the check needs none of it.
"""

import sys
from argparse import Namespace
from contextlib import suppress
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from blnk_api.cli import output, unfinished
from blnk_api.cli.approvals import wait_for_approval
from blnk_api.cli.exit_codes import CommandFailed, ExitCode
from blnk_api.cli.import_steps.own_draft import discard, or_discarded
from blnk_api.cli.output import say
from blnk_api.cli.progress_line import Progress
from blnk_api.cli.run_import import see_through
from blnk_api.cli.session import Session
from blnk_api.cli.whole_desk.stop_command import say_stops
from blnk_api.desk import other_desks_today, plan_room
from blnk_api.drafts import drafts
from blnk_api.drafts.drafts import NotConfirmed
from blnk_api.errors import BlnkError
from blnk_api.reports import receipts
from blnk_api.settings import Connection
from blnk_api.store import import_acts
from blnk_api.store.imports import Import
from blnk_api.store.kept_files import files_of
from blnk_api.store.states import ImportState
from blnk_api.wording import phrases


def confirm_and_send(
    opened: Session, import_: Import, connection: Connection, options: Namespace, out: Path | None
) -> ExitCode:
    """Of a draft that was checked, or of an import that is unfinished."""
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


def _confirmed(opened: Session, draft: Import, connection: Connection, options: Namespace) -> Import:
    """The import to follow: this draft, or the same file's import that another command confirmed first."""
    output.say_totals(draft, connection)
    say_stops(opened, connection.instance)
    _print_other_desks(opened, connection)
    count = drafts.to_create(draft)
    _print_plan_room(opened, connection, count)
    with or_discarded(opened, draft):
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
        discard(opened, draft)
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


def _resume(opened: Session, import_: Import) -> None:
    """Resumes a paused import: running the command again means that."""
    with opened.store.write() as tx:
        import_acts.resume(tx, import_.number, who=opened.who)
