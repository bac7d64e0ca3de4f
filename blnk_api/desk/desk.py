"""What every page starts with: settings, store, and the connection that a link names."""

import math
import threading
import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from blnk_api import settings as settings_
from blnk_api.blnk.auth import token_source
from blnk_api.desk import links_key, sign_in_required
from blnk_api.desk.links import Links
from blnk_api.errors import SettingsProblem
from blnk_api.settings import Connection, Instance, Settings
from blnk_api.store import Store, StoreUnavailable, failures, imports, instance_numbers
from blnk_api.store.imports import Import
from blnk_api.store.kept_files import Files, files_of
from blnk_api.store.sending import senders
from blnk_api.store.token_store import TokenStore

if TYPE_CHECKING:
    from blnk_api.client import BlnkClient
    from blnk_api.drafts.rechecking.change_and_check import AtOnce

_PAGE_PATIENCE_SECONDS = 5.0
"""Meanwhile someone is looking at an empty page."""

_PAGES_READ_SECONDS = 20.0
"""How often the sender is notified that pages are reading. It then reserves part of the rate limit for a
minute."""


class LinkProblem(Exception):
    """A link that cannot be followed. The text says why; `right_connection` is the one that it should
    name."""

    def __init__(self, message: str, *, right_connection: str | None = None) -> None:
        super().__init__(message)
        self.right_connection = right_connection


@dataclass(frozen=True)
class Desk:
    """Everything that pages work with. The settings are read again for each page."""

    settings: Settings
    store: Store

    @cached_property
    def links(self) -> Links:
        key = links_key.of(self.store, self.settings.data_dir)
        return Links(key, valid_seconds=self.settings.waits.download_link)

    @cached_property
    def files(self) -> Files:
        """Stores uploaded files and saved results."""
        return files_of(self.store, self.settings)

    @cached_property
    def at_once(self) -> "AtOnce":
        """For functions that change a draft: the change is checked at once."""
        # Imported here: no command needs it.
        from blnk_api.drafts.rechecking.change_and_check import AtOnce

        return AtOnce(self.settings, self.client)

    def client(self, connection: Connection) -> "BlnkClient":
        """Reads for pages. The sender reserves part of the rate limit for them for a while."""
        # Imported here: most commands leave requests to other processes.
        from blnk_api.client import BlnkClient

        self._pages_read(connection)
        waits = self.settings.waits
        token_store = TokenStore(self.store.engine, self.settings.data_dir)
        return BlnkClient(
            connection,
            tokens=token_source(connection, token_store, connect_seconds=waits.connect),
            connect_seconds=waits.connect,
            read_again_seconds=waits.read_again,
            patience_seconds=_PAGE_PATIENCE_SECONDS,
        )

    def _pages_read(self, connection: Connection) -> None:
        now = time.monotonic()
        if now - _pages_read_at.get(connection.instance, -math.inf) > _PAGES_READ_SECONDS:
            _pages_read_at[connection.instance] = now
            with self.store.write() as tx:
                senders.pages_read(tx, instance_numbers.number_for(tx, connection.instance))


_pages_read_at: dict[Instance, float] = {}
_stores: dict[str, Store] = {}
_opening = threading.Lock()


def open_desk() -> Desk:
    """Raises SettingsProblem or StoreUnavailable."""
    settings = settings_.load()
    sign_in_required.refuse_without(settings)
    desk = Desk(settings, open_store(settings))
    try:
        with desk.store.read() as tx:
            desk.store.refuse_later(tx)
            used = instance_numbers.with_imports(tx)
    except (SQLAlchemyError, OSError) as problem:
        raise StoreUnavailable(failures.explain(problem), may_pass=True) from problem
    _refuse_to_slip_into_practice(settings, list(used.values()))
    links_key.refuse_bad(desk.store, settings.data_dir)  # here rather than in the middle of a page
    return desk


def open_store(settings: Settings) -> Store:
    """Returns the store of these settings, opened once. Raises StoreUnavailable."""
    with _opening:
        opened = _stores.get(settings.database_url)
        if opened is not None and not opened.is_in_place():
            _stores.pop(settings.database_url).close()  # the database at this place was replaced
        if settings.database_url not in _stores:
            store = Store(settings.database_url)
            store.migrate()
            _stores[settings.database_url] = store
        return _stores[settings.database_url]


def _refuse_to_slip_into_practice(settings: Settings, known: list[Instance]) -> None:
    where = f"Put a [connections.NAME] table into {settings.secrets_path}; secrets.toml.example shows one."
    if not settings.connections:
        raise SettingsProblem(f"No connection to Blnk is set up, and Practice is off. {where}")
    if any(not connection.is_practice for connection in settings.connections.values()):
        return
    real = [instance for instance in known if instance.environment != "practice"]
    if real:
        raise SettingsProblem(
            f"There are imports for a live Blnk instance ({real[0].base_url}, instance "
            f"{real[0].instance_id}), "
            f"and no connection to it is set up anymore. {where} If the file already exists, check "
            "that the app was started in the right folder, or set BLNK_SECRETS_FILE."
        )


def connection_named(settings: Settings, name: str | None) -> Connection | None:
    """The connection that a link names, or the only one if it names none. None if a person must choose."""
    if name is None:
        return next(iter(settings.connections.values())) if len(settings.connections) == 1 else None
    found = settings.connections.get(name)
    if found is None:
        raise LinkProblem(
            f"There is no connection named “{name}”. It may have been renamed in the secrets file."
        )
    return found


def import_linked(desk: Desk, id: str, name: str | None) -> tuple[Import, Connection | None]:
    """The import in a link, and its instance's connection, if there is one."""
    with desk.store.read() as tx:
        import_ = imports.find(tx, id)
    if import_ is None:
        raise LinkProblem("This link does not lead to an import. Check that the whole link was copied.")
    connection = desk.settings.connection_of(import_.instance)
    if connection is not None and name is not None and name != connection.name:
        raise LinkProblem(
            f"The link names the connection “{name}”, but this import belongs to “{connection.name}”.",
            right_connection=connection.name,
        )
    return import_, connection
