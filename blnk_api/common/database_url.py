"""BLNK_DATABASE_URL: which import database, checked before anything connects to it."""

import re

from blnk_api.errors import SettingsProblem

_SHOULD = "BLNK_DATABASE_URL should look like postgresql://user:password@host/desk"
_POSTGRES = ("postgresql", "postgres", "postgresql+psycopg")
_HOST = re.compile(r"[A-Za-z0-9._:%-]*")


def checked(text: str, *, password: str | None = None) -> str:
    """The same text, with this password where one is given.

    Raises SettingsProblem, which never repeats it: it may hold a password.
    """
    # Imported here: scripts that use the client alone have no database.
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise SettingsProblem(f"{_SHOULD}, with a numeric port if there is one.") from None
    if url.drivername == "sqlite":
        if not url.database or url.database == ":memory:" or url.host:
            raise SettingsProblem(
                "BLNK_DATABASE_URL should name a file, like sqlite:////srv/desk/journal.db."
            )
        return text
    if url.drivername not in _POSTGRES:
        raise SettingsProblem(f"{_SHOULD}. Only Postgres and SQLite (sqlite:////path/to/file) are supported.")
    if not _HOST.fullmatch(url.host or ""):
        # What stands before the last @ is the user and the password; any other one is part of them.
        raise SettingsProblem(f"{_SHOULD}. In a user name or password, write @ as %40 and / as %2F.")
    return text if password is None else url.set(password=password).render_as_string(hide_password=False)
