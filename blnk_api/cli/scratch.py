"""A temporary store and data folder for a dry run."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from blnk_api.blnk.auth import token_source
from blnk_api.cli.session import Session
from blnk_api.desk.desk import Desk
from blnk_api.settings import Connection, OAuth, Settings
from blnk_api.store import Store
from blnk_api.store.token_store import TokenStore


class ScratchSession(Session):
    """A session with one connection, on an empty store in `folder`."""

    def __init__(self, opened: Session, connection: Connection, folder: Path) -> None:
        self.who = opened.who
        self._practice = None
        self.failure = None
        self._connection = connection
        # Renewing invalidates the old refresh token for everyone, so the new one is stored for everyone.
        self._tokens = TokenStore(opened.store.engine, opened.settings.data_dir)
        url = f"sqlite:///{folder / 'journal.db'}"
        self._desk = Desk(
            replace(opened.settings, data_dir=folder, database_url=url), Store(url, for_drafts=True)
        )
        self.store.migrate()

    @property
    def settings(self) -> Settings:
        """With a token that is valid now. Raises a BlnkError if there is none."""
        return replace(self._desk.settings, connections=self._connections())

    def _connections(self) -> Mapping[str, Connection]:
        connection = self._connection
        if isinstance(connection.credentials, OAuth):
            token = token_source(connection, self._tokens).current()
            connection = replace(connection, credentials=token.value)
        return {connection.name: connection}


@contextmanager
def aside(opened: Session, connection: Connection) -> Iterator[ScratchSession]:
    with tempfile.TemporaryDirectory(prefix="balance-desk-") as folder:
        # The store is not closed: SQLite would first copy all its rows into a file that is deleted next.
        yield ScratchSession(opened, connection, Path(folder))
