"""`backup` and `restore`: a desk in one file, while it runs; and back, without anything being sent."""

from argparse import Namespace
from datetime import UTC
from pathlib import Path

from blnk_api import settings as settings_module
from blnk_api.cli.exits import CommandFailed, ExitCode
from blnk_api.cli.output import say
from blnk_api.cli.session import unix_account
from blnk_api.desk.backup import BackupFailed, back_up
from blnk_api.desk.restore import restore as bring_back
from blnk_api.store import Store
from blnk_api.wording import phrases


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
    say(f"{path} was written: {phrases.size(size)}. Keep the secrets file too; it is not in there.")
    if not store.is_sqlite:
        # Without the password: this may be printed into a log.
        database = store.url.set(drivername="postgresql")._replace(password=None).render_as_string()
        say(
            "The import database is on Postgres and is not in this file. Back it up before the files, so "
            f"that it names none that is missing: pg_dump --format=custom --file={path}.dump '{database}'"
        )
    return ExitCode.FINE


def restore(options: Namespace) -> ExitCode:
    settings = settings_module.load()
    try:
        found = bring_back(settings, Path(options.file), who=unix_account())
    except BackupFailed as problem:
        raise CommandFailed(str(problem)) from None
    are = "is" if found.imports == 1 else "are"
    say(
        f"{phrases.plural(found.imports, 'import')} {are} back in {settings.data_dir}, as of "
        f"{phrases.when_in_zone(found.at, UTC)}. {found.unfinished:,} of them had not finished."
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
