"""The key that signs download links: one for all processes of a desk, made when it is first needed.

In the data folder, readable by its owner alone; on Postgres in the database, so that each page server opens
the links of the others.
"""

import os
import secrets
import stat
from pathlib import Path

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql

from blnk_api.errors import SettingsProblem
from blnk_api.store import Store
from blnk_api.store.tables import desk_keys

FILE = "links.key"
_NAME = "links"
_LEAST_CHARACTERS = 32


def of(store: Store, data_dir: Path) -> str:
    """Raises SettingsProblem where what lies in the data folder is no key."""
    return in_folder(data_dir) if store.is_sqlite else _in_database(store)


def refuse_bad(store: Store, data_dir: Path) -> None:
    """Raises SettingsProblem where what signs links is no key; a missing one is made when it is needed."""
    if store.is_sqlite and (data_dir / FILE).exists():
        in_folder(data_dir)


def keep(tx: Connection, key: str) -> bool:
    """Whether it is the desk's key from now on: not where there is one already."""
    first = postgresql.insert(desk_keys).values(name=_NAME, value=key).on_conflict_do_nothing()
    return tx.execute(first.returning(desk_keys.c.name)).first() is not None


def _in_database(store: Store) -> str:
    """Made once for all processes: the first one stays."""
    asked = select(desk_keys.c.value).where(desk_keys.c.name == _NAME)
    with store.read() as tx:
        key: str | None = tx.execute(asked).scalar()
    if key is not None:
        return key
    with store.write() as tx:
        keep(tx, secrets.token_hex(32))
        made: str = tx.execute(asked).scalar_one()
    return made


def in_folder(data_dir: Path) -> str:
    """Made once for all processes: it is written whole under another name first, and the first one stays."""
    path = data_dir / FILE
    try:
        if not path.exists():
            _make(path)
        secret = path.read_text("ascii").strip()
    except OSError as problem:
        raise SettingsProblem(f"{path} cannot be read or written: {problem.strerror}.") from None
    except UnicodeDecodeError:
        secret = ""
    if len(secret) < _LEAST_CHARACTERS:
        raise SettingsProblem(
            f"{path} signs download links, but it is too short. Restore it from a backup, or "
            "delete it: a new "
            "one is created, and links that were sent before stop working."
        )
    return secret


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    own = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(
        os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR), "w"
    ) as file:
        file.write(secrets.token_hex(32))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(own, path)
    except FileExistsError:
        pass
    finally:
        own.unlink()
