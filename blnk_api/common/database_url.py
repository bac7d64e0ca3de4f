"""BLNK_DATABASE_URL: the address of the import database, checked before connecting."""

import re

from blnk_api.errors import SettingsProblem

_SHOULD = "BLNK_DATABASE_URL should look like postgresql://user:password@host/desk"
_POSTGRES = ("postgresql", "postgres", "postgresql+psycopg")
_HOST = re.compile(r"[A-Za-z0-9._:%-]*")


def checked(text: str, *, password: str | None = None) -> str:
    """The same address, with this password if one is given.

    Raises SettingsProblem, which never repeats the address: it may contain a password.
    """
    # Imported here, because scripts that use only the client need no database.
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
        # Everything before the last @ is user and password; earlier @ signs are part of them.
        raise SettingsProblem(f"{_SHOULD}. In a user name or password, write @ as %40 and / as %2F.")
    return text if password is None else url.set(password=password).render_as_string(hide_password=False)
