"""Imports as tests make them: a store in a folder, a real sender for it, and functions that wait for a
condition."""

import asyncio
import io
import json
import resource
import subprocess
import sys
import threading
import time
from collections import abc
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import pytest
from sqlalchemy import select, update

from blnk_api import settings as settings_module
from blnk_api.access.actors import Actor
from blnk_api.blnk import endpoints
from blnk_api.drafts import drafts
from blnk_api.facts.file_shape import FileShape
from blnk_api.facts.mapping import Mapping
from blnk_api.lookup import refs
from blnk_api.models import BalanceRequest
from blnk_api.sending import engine
from blnk_api.sending.import_being_sent import Lane
from blnk_api.sending.in_doubt.absence import Resolver
from blnk_api.settings import Connection, Instance
from blnk_api.store import Store, events, import_acts, import_changes, imports, rows, tables
from blnk_api.store.checking import checked_rows
from blnk_api.store.checking.checked_rows import NewRow
from blnk_api.store.imports import Import
from blnk_api.store.kept_files import Files, files_of
from blnk_api.store.rows import StoredRow
from blnk_api.store.sending import late_records, senders
from blnk_api.store.states import ImportState, PausedBy, RowState, Stage
from blnk_api.worker.main import Worker
from tests.support.actors import actor
from tests.support.json_object import JsonObject
from tests.support.practice import PracticeBlnk
from tests.support.waiting import WaitedInVain

T = TypeVar("T")

LEDGER = "ldg_11111111-1111-4111-8111-111111111111"
WAIT_SECONDS = 180.0
"""For what has to happen, even on a slow machine that is busy."""

ANSWER_SECONDS = 120.0
"""No answer by then is a fault; a slow answer on a busy machine is not."""
SETTLE_SECONDS = 0.8
APART_SECONDS = 0.4
"""How long a sender in this process waits before it calls a row absent, however long an answer may take."""

BOTH_DATABASES = ("sqlite", "postgres")

SHORT_WAITS = {
    "SETTLE_LEAST": "0.5",
    "BREAKER_FIRST": "0.2",
    "BREAKER_MOST": "0.5",
    "JOURNAL_RETRY": "0.05",
    "WORKER_NOTICES": "0.1",
    "RESOLVE": "0.1",
    "RESCAN": "0.1",
    "LOCK_RETRY": "0.05",
    "CLAIM_GOOD": "5",
    "LATE_LOOKS": "0.3",
    "CONNECT": "120",
}
MOST_AT_ONCE = "32"
"""Practice gives this many answers in a moment on any machine."""


def wait_until(
    what: Callable[[], T | None],
    why: Callable[[], str],
    *,
    seconds: float = WAIT_SECONDS,
    pause: Callable[[], object] | None = None,
) -> T:
    """Returns the first true value of `what`, or raises WaitedInVain with `why`.

    It is called less often the longer it takes, so that waiting does not slow down what is waited for.
    """
    begun = time.monotonic()
    while not (value := what()):
        waited = time.monotonic() - begun
        if waited > seconds:
            raise WaitedInVain(f"waited {seconds:g} s: {why()}")
        if pause is None:
            time.sleep(min(max(waited / 10, 0.01), 0.1))
        else:
            pause()
    return value


def limited_to(soft: int, hard: int) -> Callable[[], None]:
    """For `preexec_fn`: how many files and connections a process may have open."""
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def requests_for(n: int, **fields: Any) -> list[BalanceRequest]:
    """n different balances."""
    same = {"ledger_id": LEDGER, "currency": "NGN", **fields}
    return [BalanceRequest(**same, meta_data={"customer": str(at)}) for at in range(n)]


def make_draft(
    store: Store,
    instance: Instance,
    requests: Sequence[BalanceRequest],
    *,
    connection: str = "here",
    who: str | Actor = "Ada",
) -> Import:
    """A checked draft of these balances in a store, as a file would create it."""
    id = imports.new_id()
    occurrences: dict[str, int] = {}
    new = []
    for number, request in enumerate(requests, start=2):
        hash_ = refs.content_hash(request.model_dump(exclude_none=True))
        n = occurrences[hash_] = occurrences.get(hash_, -1) + 1
        ref = refs.make_ref(hash_, n)
        new.append(
            NewRow(
                number=number,
                part="",
                state=RowState.READY,
                cells=[request.ledger_id, request.currency],
                ledger_id=request.ledger_id,
                currency=request.currency,
                body=endpoints.create_balance(request, ref=ref, import_id=id),
                ref=ref,
            )
        )
    with store.write() as tx:
        import_changes.create(
            tx,
            id,
            kind="file",
            instance=instance,
            connection=connection,
            who=actor(who) if isinstance(who, str) else who,
            file_name="test.csv",
            stage=Stage.CHECKED,
        )
        made = imports.find(tx, id)
        assert made is not None
        checked_rows.insert_rows(tx, made.number, made.instance_number, new)
        found = imports.find(tx, id)
    assert found is not None
    return found


class Importer:
    """The sender runs in a thread (`start`) or as the real process (`start_process`)."""

    def __init__(
        self,
        blnk: PracticeBlnk,
        data_dir: Path,
        monkeypatch: pytest.MonkeyPatch,
        *,
        database_url: str | None = None,
    ) -> None:
        self.blnk = blnk
        self.data_dir = data_dir
        self._monkeypatch = monkeypatch
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, value in SHORT_WAITS.items():
            monkeypatch.setenv(f"BLNK_WAIT_{name}", value)
        monkeypatch.setenv("BLNK_MOST_AT_ONCE", MOST_AT_ONCE)
        monkeypatch.setattr(senders, "BEAT_SECONDS", 0.2)
        self._timeout = ANSWER_SECONDS
        self._connected: JsonObject = {}
        self.settle()
        monkeypatch.setenv("BLNK_DATA_DIR", str(data_dir))
        monkeypatch.setenv("BLNK_SECRETS_FILE", str(data_dir / "secrets.toml"))
        if database_url:
            monkeypatch.setenv("BLNK_DATABASE_URL", database_url)
        self._thread: _SenderThread | None = None
        self.later_seconds = 0.0
        """How far the sender's time of day is ahead, in seconds: look-ups that are due in hours are then due
        now."""
        self.connect()
        self.store = Store(self.settings.database_url)
        self.store.migrate()
        self.processes: list[subprocess.Popen[bytes]] = []

    def connect(self, *, token: str | None = None, name: str = "here", more: str = "", **keys: Any) -> None:
        """Writes the secrets file: one connection, to Practice as if it were a sandbox. `more` is the rest of
        the file."""
        self._connected = {"token": token, "name": name, "more": more, **keys}
        credentials = {} if "client_id" in keys else {"access_token": token or self.blnk.token}
        table = {
            **{"base_url": self.blnk.url, "instance_id": self.blnk.instance_id, "environment": "sandbox"},
            **{"request_timeout_seconds": self._timeout, "requests_per_minute": 600_000},
            **credentials,
            **keys,
        }
        lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
        lines = ["practice = false", f"[connections.{name}]", *lines]
        file = self.data_dir / "secrets.toml"
        file.touch(mode=0o600)
        file.write_text("\n".join([*lines, more]))
        if self._thread is not None:
            thread, connections = self._thread, self.settings.connections
            wait_until(lambda: thread.serves(connections), lambda: "the sender does not read its secrets")

    @property
    def database_url(self) -> str:
        return self.store.url.render_as_string(hide_password=False)

    def hurry(self, request_timeout_seconds: float = 0.4) -> None:
        """A shorter timeout than secrets allow, for a sender in this process that waits in vain."""
        load = settings_module.load

        def hurried() -> settings_module.Settings:
            found = load()
            connections = {
                name: replace(one, request_timeout_seconds=request_timeout_seconds)
                for name, one in found.connections.items()
            }
            return replace(found, connections=connections)

        self._monkeypatch.setattr(settings_module, "load", hurried)

    def hurry_processes(self) -> None:
        """The shortest timeout that secrets allow: a sender in its own process settles for twice as long."""
        if self._timeout == ANSWER_SECONDS:
            self._timeout = 1
            self.connect(**self._connected)

    def settle(self, seconds: float = SETTLE_SECONDS, *, apart: float = APART_SECONDS) -> None:
        """The settle time of a sender in this process, and the time between look-ups that prove an absence.

        In the product both follow from how long an answer may take (test_engine_rules, test_resolving).
        """

        def resolver(*, settle_seconds: float, request_timeout_seconds: float) -> Resolver:
            return Resolver(settle_seconds=settle_seconds, request_timeout_seconds=apart)

        # Nothing is looked up late by itself, however slow the machine: tests move the clock.
        self._monkeypatch.setattr(late_records, "SETTLES_BEFORE_FIRST", 1_000)
        self._monkeypatch.setattr(engine, "Resolver", resolver)
        self._monkeypatch.setattr(settings_module.Settings, "settle_seconds", lambda *_: seconds)

    @property
    def settings(self) -> settings_module.Settings:
        return settings_module.load()

    @property
    def files(self) -> Files:
        """Uploads and saved results, wherever this store keeps them."""
        return files_of(self.store, self.settings)

    @property
    def connection(self) -> settings_module.Connection:
        return next(iter(self.settings.connections.values()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        for process in self.processes:
            process.kill()
            process.wait()
        self.store.close()

    def draft(self, requests: Sequence[BalanceRequest], *, who: str = "Ada") -> Import:
        """A checked draft of these balances, as a file would create it."""
        connection = self.connection
        return make_draft(self.store, connection.instance, requests, connection=connection.name, who=who)

    def upload(
        self, text: str, *, name: str = "customers.csv", until: Callable[[Import], bool] | None = None
    ) -> Import:
        """The draft of a file, checked by the running sender (or as far as `until`)."""
        draft = self.upload_alone(text, name=name)
        self.start()
        return self.wait_until_checked(draft, until=until)

    def upload_alone(
        self, data: str | bytes, *, name: str = "customers.csv", id: str | None = None, **chosen: Any
    ) -> Import:
        """The draft of a file that no sender in this process checks. `chosen` is what a person chose."""
        id = id or imports.new_id()
        raw = data.encode(errors="surrogateescape") if isinstance(data, str) else data
        drafts.upload(
            self.store,
            self.settings,
            id=id,
            connection=self.connection,
            who=actor(),
            file_name=name,
            data=io.BytesIO(raw),
            **chosen,
        )
        return self.find(id)

    def wait_until_checked(self, draft: Import, *, until: Callable[[Import], bool] | None = None) -> Import:
        is_enough = until or (lambda one: one.stage in (Stage.CHECKED, Stage.MATCHING, Stage.UNREADABLE))
        wait_until(
            lambda: self._alive() and is_enough(self.find(draft.id)),
            lambda: f"the draft is not checked: {self.find(draft.id)}",
        )
        return self.find(draft.id)

    def spoil(self, draft: Import, *, number: int) -> None:
        """As if the ledger of a row vanished between the check and the sending: Blnk will reject it."""
        mine = (tables.rows.c.import_ == draft.number, tables.rows.c.number == number)
        with self.store.write() as tx:
            body = tx.execute(select(tables.rows.c.body).where(*mine)).scalar_one()
            tx.execute(
                update(tables.rows).where(*mine).values(body=body.replace(LEDGER.encode(), b"ldg_gone"))
            )

    def give_ref(self, draft: Import, *, number: int, of: int) -> None:
        """As if a row had brought the import_ref of another row from a results file."""
        mine = tables.rows.c.import_ == draft.number
        one, other = (row for row in self.rows(draft) if row.number in (number, of))
        same = (
            {"ref": other.ref, "body": other.body}
            if other.number == of
            else {"ref": one.ref, "body": one.body}
        )
        with self.store.write() as tx:
            tx.execute(update(tables.rows).where(mine, tables.rows.c.number == number).values(**same))

    def finish(self, draft: Import) -> Import:
        """Confirms a checked draft and waits until it is done."""
        self.confirm(draft)
        return self.wait_for(draft, ImportState.DONE)

    def import_file(self, text: str) -> Import:
        return self.finish(self.upload(text))

    def confirm(self, import_: Import) -> None:
        with self.store.write() as tx:
            assert import_acts.confirm(tx, import_, who=actor(), version=import_.version)

    def run(
        self, requests: Sequence[BalanceRequest], *, until: Sequence[ImportState] | None = None
    ) -> Import:
        """Imports these balances, from confirmation to done (or to one of the states in `until`)."""
        draft = self.draft(requests)
        self.confirm(draft)
        self.start()
        return self.wait_for(draft, *(until or [ImportState.DONE]))

    def begin(self, requests: Sequence[BalanceRequest], *, created: int) -> Import:
        """Imports these balances until at least this many of them are created."""
        draft = self.draft(requests)
        self.confirm(draft)
        self.start()
        self.wait_for_count(draft, RowState.CREATED, created)
        return draft

    def pause(self, import_: Import) -> None:
        with self.store.write() as tx:
            assert import_acts.pause(tx, import_.number, by=PausedBy.PERSON, who=actor(), reason="Lunch.")

    def resume(self, import_: Import) -> None:
        with self.store.write() as tx:
            assert import_acts.resume(tx, import_.number, who=actor())

    def cancel(self, import_: Import) -> None:
        with self.store.write() as tx:
            assert import_acts.cancel(tx, import_.number, who=actor())

    def find(self, id: str) -> Import:
        with self.store.read() as tx:
            found = imports.find(tx, id)
        assert found is not None
        return found

    def wait_for(self, import_: Import, *states: ImportState, seconds: float = WAIT_SECONDS) -> Import:
        wanted = " or ".join(states)
        wait_until(
            lambda: self._alive() and self.find(import_.id).state in states,
            lambda: f"the import is not {wanted}: {self.find(import_.id)}",
            seconds=seconds,
        )
        return self.find(import_.id)

    def rows(self, import_: Import) -> list[StoredRow]:
        with self.store.read() as tx:
            return rows.page(tx, import_.number, limit=100_000)

    def states(self, import_: Import) -> list[RowState]:
        return [row.state for row in self.rows(import_)]

    def counts(self, import_: Import) -> dict[RowState, int]:
        return self.find(import_.id).counts

    def wait_for_count(self, import_: Import, state: RowState, least: int) -> None:
        """Waits until this many rows are in this state. Checks often, so that the test continues while the
        other rows are still on their way."""
        wait_until(
            lambda: self._alive() and self.counts(import_).get(state, 0) >= least,
            lambda: f"fewer than {least} rows are {state}: {self.find(import_.id)}",
            pause=lambda: time.sleep(0.01),
        )

    def wait_until_at_work(self, import_: Import) -> None:
        """Waits until the sender works on this import."""

        def is_at_work() -> bool:
            with suppress(ValueError):  # it has not begun this import
                return self.lane(import_).runs_since is not None
            return False

        wait_until(is_at_work, lambda: "the sender does not care for the import")

    def events(self, import_: Import) -> list[str]:
        """All events, oldest first."""
        with self.store.read() as tx:
            return [event.what for event in reversed(events.of_import(tx, import_.number, limit=1000))]

    def start(self) -> None:
        """Starts the sender in a thread, once."""
        if self._thread is None:
            wall = lambda: time.time() + self.later_seconds  # noqa: E731
            settings = self.settings
            self._thread = _SenderThread(lambda: Worker(settings, self.store, "test", wall=wall))
            self._thread.start()

    @property
    def failure(self) -> str | None:
        """Why the sender in the thread cannot use its database at this moment, or None."""
        assert self._thread is not None
        return self._thread.failure

    def lane(self, import_: Import) -> Lane:
        """The import as the sender in the thread sees it at this moment."""
        assert self._thread is not None
        return self._thread.lane(import_)

    def stop(self) -> None:
        """Stops the sender in the thread as SIGTERM would: requests in flight are left to the next sender."""
        if self._thread is not None:
            self._thread.stop()
            self._thread = None

    def start_process(self, *, limits: tuple[int, int] | None = None) -> subprocess.Popen[bytes]:
        """The sender as the app starts it; killed at the end of the test. `limits` are of open files."""
        self.hurry_processes()
        with (self.data_dir / "worker.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "blnk_api.worker.main", "--stop-with-stdin"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                preexec_fn=limited_to(*limits) if limits else None,
            )
        self.processes.append(process)
        return process

    def _alive(self) -> bool:
        if self._thread is not None and self._thread.problem is not None:
            raise self._thread.problem
        return True


class _SenderThread(threading.Thread):
    """Makes the sender itself: SQLite tells nobody but the thread that asked whether it was written, and any
    other would look again and again."""

    def __init__(self, make: Callable[[], Worker]) -> None:
        super().__init__(daemon=True)
        self._make = make
        self._ready = threading.Event()
        self._worker: Worker
        self._loop: asyncio.AbstractEventLoop
        self._task: asyncio.Task[None] | None = None
        self.problem: BaseException | None = None

    def run(self) -> None:
        async def work() -> None:
            self._loop = asyncio.get_running_loop()
            try:
                self._worker = self._make()
                self._task = asyncio.create_task(self._worker.run())
                self._ready.set()
                await self._task
            except asyncio.CancelledError:
                pass
            except BaseException as problem:
                self.problem = problem
            finally:
                self._ready.set()

        asyncio.run(work())

    def start(self) -> None:
        super().start()
        self._ready.wait()

    def serves(self, connections: abc.Mapping[str, Connection]) -> bool:
        """Whether its engines are those of these connections by now."""
        return self.problem is not None or self._worker._engines._seen == connections

    @property
    def failure(self) -> str | None:
        if self.problem is not None:
            raise self.problem
        return self._worker._thread.failure

    def lane(self, import_: Import) -> Lane:
        lanes = [running.engine.lanes for running in self._worker._engines.running]
        (found,) = (each[import_.number] for each in lanes if import_.number in each)
        return found

    def stop(self) -> None:
        if self._task is not None:  # else it could not be made, for the reason in `problem`
            self._loop.call_soon_threadsafe(self._task.cancel)
        self.join(WAIT_SECONDS)


def newest(importer: Importer) -> Import:
    with importer.store.read() as tx:
        return imports.newest(tx, limit=1)[0]


def mapping_of(import_: Import) -> Mapping:
    assert import_.mapping is not None
    return import_.mapping


def shape_of(import_: Import) -> FileShape:
    assert import_.shape is not None
    return import_.shape
