"""What every command starts with: settings, store, Practice if it is used, the user's name."""

import os
import pwd
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from blnk_api import settings as settings_module
from blnk_api.access.actors import Actor
from blnk_api.cli.exit_codes import CommandFailed, ExitCode
from blnk_api.common.quoting import shown
from blnk_api.desk.desk import open_desk
from blnk_api.drafts import results_file as results_of
from blnk_api.facts.file_shape import FileShape
from blnk_api.facts.mapping import Mapping
from blnk_api.practice import launch
from blnk_api.practice.launch import PracticeNotStarted
from blnk_api.settings import Connection, Settings
from blnk_api.store import Store, imports
from blnk_api.store.imports import Import

if TYPE_CHECKING:
    from blnk_api.client import BlnkClient

_END_SECONDS = 5.0


class Session:
    """Use it in a `with` statement, which ends Practice if it was started here.

    Raises SettingsProblem, StoreUnavailable or CommandFailed on construction.
    """

    def __init__(self) -> None:
        try:
            self._desk = open_desk()
        except OSError as problem:
            raise CommandFailed(
                f"The data folder cannot be used: {problem.strerror} ({problem.filename})."
            ) from None
        self.failure: str | None = None
        """A sentence that says why the import database cannot be used at the moment, shown with the
        progress."""
        self._practice: subprocess.Popen[bytes] | None = None
        self.who = unix_account()

    @property
    def settings(self) -> Settings:
        return self._desk.settings

    @property
    def store(self) -> Store:
        return self._desk.store

    def client(self, connection: Connection) -> "BlnkClient":
        return self._desk.client(connection)

    def find(self, id: str) -> Import:
        with self.store.read() as tx:
            found = imports.find(tx, id)
        if found is None:
            raise CommandFailed(f"There is no import {shown(id)}. `status` lists the newest ones.")
        return found

    def results_of(self, connection: Connection) -> Callable[[Mapping, FileShape], Import | None]:
        """Returns a function that finds the import, into this connection's instance, whose results a file
        is."""

        def find(guessed: Mapping, shape: FileShape) -> Import | None:
            with self.store.read() as tx:
                return results_of.import_of(tx, connection.instance, guessed, shape)

        return find

    def connection_named(self, name: str | None) -> Connection:
        """The connection that --connection names; without a name, the only one there is."""
        known = self.settings.connections
        names = ", ".join(known)
        if name is None and len(known) != 1:
            raise CommandFailed(
                f"Name the connection with --connection NAME. These are set up: {names or 'none'}. "
                "Nothing was sent."
            )
        if name is not None and name not in known:
            raise CommandFailed(
                f"There is no connection “{shown(name)}”. These are set up: {names or 'none'}."
            )
        chosen = next(iter(known)) if name is None else name
        if known[chosen].is_practice:
            self._run_practice()
        return self.settings.connections[chosen]

    def connection_of(self, import_: Import) -> Connection:
        """The connection to an import's instance."""
        if (
            import_.instance.environment == "practice"
            and settings_module.PRACTICE in self.settings.connections
        ):
            self._run_practice()
        connection = self.settings.connection_of(import_.instance)
        if connection is None:
            raise CommandFailed(
                f"This import belongs to {import_.instance.base_url}, instance "
                f"{import_.instance.instance_id} "
                f"({import_.instance.environment}), and no connection points to it now. Add one to the "
                "secrets "
                "file. Nothing was sent.",
                ExitCode.STOPPED,
            )
        return connection

    def _run_practice(self) -> None:
        wait_seconds = self.settings.waits.practice_start
        try:
            _, started = launch.find_or_start(self.settings.data_dir, wait_seconds)
        except PracticeNotStarted as problem:
            raise CommandFailed(f"{problem}. Nothing was sent.", ExitCode.STOPPED) from None
        self._practice = self._practice or started
        self._desk = replace(self._desk, settings=settings_module.load())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._practice is None:
            return
        assert self._practice.stdin is not None
        self._practice.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._practice.wait(_END_SECONDS)
            return
        self._practice.kill()
        self._practice.wait()


def unix_account() -> Actor:
    """The operating system's user, regardless of environment variables."""
    try:
        return Actor.machine(pwd.getpwuid(os.getuid()).pw_name)
    except KeyError:
        return Actor.machine(f"user {os.getuid()}")
