"""Writes checked rows in a process of its own, so that a processor checks while another one writes: in one
process, the thread that checks keeps the thread that writes from working.

The process is forked before the store is opened, because SQLite's locks and a server's connections break in
a fork. It ends with the process that checks. If that one is killed, the transaction that has begun is the
last one, and refused if another check has begun or the draft was given up.
"""

import gc
import marshal
import os
import pickle
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from queue import Queue
from typing import NoReturn

from sqlalchemy.exc import OperationalError

from blnk_api.common import log
from blnk_api.drafts.changed_meanwhile import Changed
from blnk_api.drafts.writing.row_writers import ROWS_PER_WRITE, insert
from blnk_api.store import Store
from blnk_api.store.checking.checked_rows import NewRow, RowValues, values_of
from blnk_api.store.imports import Import

_LENGTH_BYTES = 8
_MOST_WAITING = 8
"""Chunks of about a thousand rows, a megabyte each, that were checked and are not being written yet."""
_ALL_SENT = b""


class WriterProcess:
    """The side that checks: a `row_writers.RowWriter`, for one pass over a file."""

    def __init__(self, pid: int, line: socket.socket) -> None:
        self._pid = pid
        self._line = line

    def begin(self, import_: Import) -> None:
        """Before the rows of an import."""
        self._send(pickle.dumps(import_))

    def is_free(self) -> bool:
        return True  # it collects chunks until a transaction is worth it

    def write(self, new: list[NewRow], records: int) -> None:
        waiting = select.poll()
        waiting.register(self._line, select.POLLIN)
        if waiting.poll(0):
            self._raise_answer()
        self._send(marshal.dumps((list(map(values_of, new)), records)))

    def finish(self) -> None:
        self._send(_ALL_SENT)
        self._raise_answer()
        self.give_up()

    def give_up(self) -> None:
        if self._line.fileno() >= 0:
            self._line.close()
            os.waitpid(self._pid, 0)

    def _send(self, what: bytes) -> None:
        try:
            _send(self._line, what)
        except OSError as problem:
            raise _ended() from problem

    def _raise_answer(self) -> None:
        """Raises why nothing more is written. Returns if everything was."""
        answer = _receive(self._line)
        if answer is None:
            raise _ended()
        problem: Exception | None = pickle.loads(answer)
        if problem is not None:
            raise problem


def fork(database_url: str) -> WriterProcess | None:
    """Only for a process that has neither opened the store nor begun a thread. None with one processor, on
    which a thread is as good."""
    if len(os.sched_getaffinity(0)) < 2:
        return None
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        _serve(theirs, database_url)
    theirs.close()
    return WriterProcess(pid, ours)


def _ended() -> RuntimeError:
    return RuntimeError("The process that writes rows has ended.")


def _serve(line: socket.socket, database_url: str) -> NoReturn:
    """In the fork, until the line is closed."""
    code = 1
    gc.disable()  # rows refer to nothing that refers to them
    try:
        if (about := _receive(line)) is not None:
            store = Store(database_url, for_drafts=True)
            _Writing(line, store, pickle.loads(about)).run()
            store.close()
        code = 0
    except BrokenPipeError:
        pass  # the process that checks is gone
    except BaseException:
        log.log_unexpected()
    finally:
        os._exit(code)


class _Writing:
    """The process's own side. A thread receives chunks while others are written."""

    def __init__(self, line: socket.socket, store: Store, import_: Import) -> None:
        self._line = line
        self._store = store
        self._import = import_
        self._chunks: Queue[bytes | None] = Queue(_MOST_WAITING)
        self._is_given_up = False

    def run(self) -> None:
        """Answers with what stopped it, or with None once everything is written."""
        threading.Thread(target=self._receive_all, daemon=True).start()
        problem: Exception | None = None
        try:
            for new, records in self._transactions():
                if self._is_given_up:
                    return
                insert(self._store, self._import, new, records)
        except (Changed, OperationalError, OSError) as stopped_by:  # OSError: the disk is full
            problem = stopped_by
        if not self._is_given_up:
            _send(self._line, pickle.dumps(problem))
            while problem is not None and self._chunks.get() is not None:
                pass  # a line that is closed with chunks in it would lose the answer

    def _transactions(self) -> Iterator[tuple[list[RowValues], int]]:
        """The rows, and how many records of the file were checked by then."""
        waiting: list[RowValues] = []
        records = 0
        while chunk := self._chunks.get():
            new, records = marshal.loads(chunk)
            waiting += new
            if len(waiting) >= ROWS_PER_WRITE:
                yield waiting, records
                waiting = []
        if waiting:
            yield waiting, records

    def _receive_all(self) -> None:
        chunk = None
        while True:
            last, chunk = chunk, _receive(self._line)
            self._is_given_up = chunk is None and last != _ALL_SENT
            self._chunks.put(chunk)
            if chunk is None:
                return


def _send(line: socket.socket, what: bytes) -> None:
    line.sendall(len(what).to_bytes(_LENGTH_BYTES, "big"))
    line.sendall(what)


def _receive(line: socket.socket) -> bytes | None:
    """None once the other side is gone."""
    with suppress(ConnectionResetError):
        length = line.recv(_LENGTH_BYTES, socket.MSG_WAITALL)
        if len(length) == _LENGTH_BYTES:
            wanted = int.from_bytes(length, "big")
            what = line.recv(wanted, socket.MSG_WAITALL) if wanted else b""
            return what if len(what) == wanted else None
    return None
