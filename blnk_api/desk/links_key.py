"""The key that signs download links: one for all processes of a desk, created when it is first needed.

With SQLite it is in the data folder, readable only by its owner. With Postgres it is in the database, so that
each page server can open the others' links.
"""

import os
import secrets
import stat
from pathlib import Path

from sqlalchemy import Connection, select

from blnk_api.errors import SettingsProblem
from blnk_api.store import Store
from blnk_api.store.inserts import insert_or
from blnk_api.store.tables import desk_keys

FILE = "links.key"
_NAME = "links"
_LEAST_CHARACTERS = 32


def of(store: Store, data_dir: Path) -> str:
    """Raises SettingsProblem if the file in the data folder is not a key."""
    return in_folder(data_dir) if store.is_sqlite else _in_database(store)


def refuse_bad(store: Store, data_dir: Path) -> None:
    """Raises SettingsProblem if the key is not valid. A missing key is created when it is needed."""
    if store.is_sqlite and (data_dir / FILE).exists():
        in_folder(data_dir)


def keep(tx: Connection, key: str) -> bool:
    """Stores the desk's key. Returns False if there already is one."""
    first = insert_or(tx, desk_keys).values(name=_NAME, value=key).on_conflict_do_nothing()
    return tx.execute(first.returning(desk_keys.c.name)).first() is not None


def _in_database(store: Store) -> str:
    """Created once for all processes: the first one is kept."""
    query = select(desk_keys.c.value).where(desk_keys.c.name == _NAME)
    with store.read() as tx:
        key: str | None = tx.execute(query).scalar()
    if key is not None:
        return key
    with store.write() as tx:
        keep(tx, secrets.token_hex(32))
        made: str = tx.execute(query).scalar_one()
    return made


def in_folder(data_dir: Path) -> str:
    """Created once for all processes: it is written completely under another name, and the first one is
    kept."""
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
