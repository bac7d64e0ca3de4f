"""`backup` and `restore`: saves a running desk to one file, and restores it without sending anything.

`take-over`: copies the files of a data folder into a desk on Postgres, which keeps them in its database.
"""

from argparse import Namespace
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

from blnk_api import settings as settings_module
from blnk_api.cli.exit_codes import CommandFailed, ExitCode
from blnk_api.cli.output import remark, say
from blnk_api.cli.session import unix_account
from blnk_api.desk import files_to_postgres as desk_take_over
from blnk_api.desk.backup import BackupFailed, back_up
from blnk_api.desk.restore import restore as bring_back
from blnk_api.store import Store
from blnk_api.store.kept_files import files_of
from blnk_api.wording import phrases

_NAMED = 20


def backup(options: Namespace) -> ExitCode:
    settings = settings_module.load()
    store = Store(settings.database_url)
    path = Path(options.file)
    try:
        size = back_up(settings, store, path)
    except BackupFailed as problem:
        raise CommandFailed(str(problem)) from None
    finally:
        store.close()
    say(f"{path} was written: {phrases.size(size)}. Back up the secrets file too: it is not included.")
    return ExitCode.FINE


def restore(options: Namespace) -> ExitCode:
    settings = settings_module.load()
    try:
        found = bring_back(settings, Path(options.file) if options.file else None, who=unix_account())
    except BackupFailed as problem:
        raise CommandFailed(str(problem)) from None
    were = "was" if found.imports == 1 else "were"
    as_of = f", as of {phrases.when_in_zone(found.at, UTC)}" if found.at is not None else ""
    say(
        f"{phrases.plural(found.imports, 'import')} {were} restored to {found.where}{as_of}. "
        f"{found.unfinished:,} of them had not finished."
    )
    say(
        "Sending is stopped. What was sent after the backup is not in it: rows are looked up in Blnk before "
        "they are sent."
    )
    if found.has_renewed_tokens:
        say(
            "Renewed OAuth tokens are in the backup, and Blnk may have replaced them since. If it rejects "
            "the credentials, put a new refresh_token into the secrets file."
        )
    say("Make sure that the desk that was backed up is off, then start sending: python -m blnk_api start")
    return ExitCode.FINE


def take_over(options: Namespace) -> ExitCode:
    """Exit code 0, or 3 if some files were not found anywhere."""
    settings = settings_module.load()
    folder = Path(options.folder)
    if not folder.is_dir():
        raise CommandFailed(f"{folder} is not a folder. Nothing was changed.")
    store = Store(settings.database_url)
    if store.is_sqlite:
        raise CommandFailed(
            "The import database is SQLite, which keeps files in the data folder. Set BLNK_DATABASE_URL to "
            "the desk on Postgres. Nothing was changed."
        )
    try:
        store.migrate()
        found = desk_take_over.take_over(store, files_of(store, settings), folder)
    finally:
        store.close()
    were = "was" if found.files == 1 else "were"
    say(
        f"{phrases.plural(found.files, 'file')} ({phrases.size(found.bytes)}) {were} copied from {folder} "
        f"into the import database. Already there: {found.were_there:,}. The folder is unchanged."
    )
    if found.has_key:
        say("Download links that were sent before keep working.")
    _name(found.others, "in the folder with contents that do not match the import database, and not copied")
    _name(found.missing, "neither in the import database nor in the folder")
    if found.others or found.missing:
        return ExitCode.LEFT_OVER
    say("The import database has every file now. Back it up, then delete the folder.")
    return ExitCode.FINE


def _name(files: Sequence[str], where: str) -> None:
    if files:
        are = "is" if len(files) == 1 else "are"
        more = f" and {len(files) - _NAMED:,} more" if len(files) > _NAMED else ""
        remark(f"{phrases.plural(len(files), 'file')} {are} {where}: {', '.join(files[:_NAMED])}{more}.")
