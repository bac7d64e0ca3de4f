"""Starts our processes by forking one that has already imported what they need.

    python -m blnk_api.common.warm_process MODULE IDLE_SECONDS     (requests come through standard input)

Starting Python and importing our modules takes most of a second of processor time; a fork takes a hundredth
of that. A forked process behaves like `python -m MODULE`: it has its own process group, and the arguments,
environment, folder and standard streams of the caller.

The warm process ends with the process that started it, or after it has been idle for a while.
"""

import asyncio
import gc
import importlib
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, NoReturn

from blnk_api.common import log, watched_process
from blnk_api.common.process_start import loading

IDLE_SECONDS = 60.0
"""It uses about 50 MB, so it does not stay for longer."""
_LENGTH_BYTES = 8


class Child:
    """A process that was started this way, with the interface of `subprocess.Popen`. We own its standard
    input."""

    def __init__(self, pid: int, stdin: IO[bytes], status: IO[bytes]) -> None:
        self.pid = pid
        self.stdin = stdin
        self.returncode: int | None = None
        self._status = status  # stays open: several threads may wait for it
        self._reading = threading.Lock()

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Returns the exit code, or minus the signal. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            waiting = select.poll()
            waiting.register(self._status, select.POLLIN)
            if not waiting.poll(None if timeout is None else timeout * 1000):
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        with self._reading:
            if self.returncode is None:
                self.returncode = self._read_returncode()
            return self.returncode

    async def wait_async(self) -> int:
        """Like `wait`, on an event loop."""
        if self.returncode is None:
            ended = asyncio.Event()
            loop, status = asyncio.get_running_loop(), os.dup(self._status.fileno())
            loop.add_reader(status, ended.set)
            try:
                await ended.wait()
            finally:
                loop.remove_reader(status)
                os.close(status)
        return self.wait()

    def kill(self) -> None:
        """Ends it, if it is still running."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def _read_returncode(self) -> int:
        if line := self._status.readline():
            return int(line)
        # The process that would report the exit code is gone, so the process is no longer watched.
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        return -signal.SIGKILL


class WarmProcess:
    """Starts processes that run `main` of one module. Thread-safe."""

    def __init__(self, module: str, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._module = module
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | _Fork | None = None
        self._asks: socket.socket

    def fork_here(self) -> None:
        """Makes a fork of this process the one that is forked, so that nothing is imported once more.

        For a process that has imported the module and opened nothing yet. Where it has threads nothing is
        done: a lock that another thread holds would be held in the fork for ever.
        """
        if threading.active_count() > 1 or self._process is not None:
            return
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            _serve_as_fork(theirs.detach(), self._module, self._idle_seconds)
        theirs.close()
        self._process, self._asks = _Fork(pid), ours

    def start(
        self, arguments: Sequence[str] = (), *, stdout: int | None = None, stderr: int | None = None
    ) -> Child:
        """Returns once the process is running. Standard output and error are inherited by default."""
        with self._lock:
            for _ in range(2):  # it may have been about to end because it was idle
                self._begin_if_needed()
                with suppress(OSError, EOFError):
                    return self._ask(arguments, stdout or 1, stderr or 2)
                self._end()
        raise OSError(f"{self._module} could not be started.")

    def _begin_if_needed(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        self._end()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "blnk_api.common.warm_process", self._module, str(self._idle_seconds)],
                stdin=theirs.fileno(),
                env=watched_process.environment(),
                process_group=0,  # a terminal's Ctrl-C must reach only us; we end it
            )
        self._asks = ours

    def _end(self) -> None:
        if self._process is not None:
            self._asks.close()
            self._process.kill()
            self._process.wait()
            self._process = None

    def _ask(self, arguments: Sequence[str], stdout: int, stderr: int) -> Child:
        """Raises OSError or EOFError if the warm process does not answer. A process that was forked
        nevertheless ends with its input."""
        request = pickle.dumps((list(arguments), dict(os.environ), os.getcwd()))
        read_input, write_input = os.pipe()
        read_status, write_status = os.pipe()
        stdin, status = os.fdopen(write_input, "wb"), os.fdopen(read_status, "rb")
        try:
            try:
                streams = [read_input, stdout, stderr, write_status]
                socket.send_fds(self._asks, [len(request).to_bytes(_LENGTH_BYTES, "big")], streams)
                self._asks.sendall(request)
            finally:
                os.close(read_input)
                os.close(write_status)
            if line := status.readline():
                return Child(int(line), stdin, status)
            raise EOFError
        except BaseException:
            stdin.close()
            status.close()
            raise


class _Fork:
    """A fork of this process, as far as it is used as a `subprocess.Popen` is."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._has_ended = False

    def poll(self) -> int | None:
        """None while it runs."""
        self._has_ended = self._has_ended or os.waitpid(self._pid, os.WNOHANG)[0] != 0
        return 0 if self._has_ended else None

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self._pid, signal.SIGKILL)

    def wait(self) -> None:
        if self.poll() is None:
            os.waitpid(self._pid, 0)


def _serve_as_fork(asks: int, module: str, idle_seconds: float) -> NoReturn:
    """In the fork: asked by this socket, it holds nothing else of ours open."""
    try:
        os.setpgid(0, 0)  # a terminal's Ctrl-C is for who asks
        os.dup2(asks, 0)
        os.closerange(3, asks + 1)
        _serve(module, idle_seconds)
    finally:
        os._exit(0)


class _Forked:
    """The warm process's own side."""

    def __init__(self, module: str, idle_seconds: float) -> None:
        self._idle_seconds = idle_seconds
        self._asks = socket.socket(fileno=os.dup(0))
        self._module = module
        self._statuses: dict[int, int] = {}
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._wake)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def run(self) -> None:
        """Answers requests until the caller is gone or it has been idle for too long."""
        waiting = select.poll()
        waiting.register(self._asks, select.POLLIN)
        waiting.register(self._woken, select.POLLIN)
        while ready := waiting.poll(None if self._statuses else self._idle_seconds * 1000):
            ready_fds = [fd for fd, _ in ready]
            if self._woken in ready_fds:
                os.read(self._woken, 4096)
                self._report_ended()
            if self._asks.fileno() in ready_fds and not self._answer():
                return

    def _answer(self) -> bool:
        """Returns whether there was a request."""
        length, streams, *_ = socket.recv_fds(self._asks, _LENGTH_BYTES, 4)
        if not length:
            return False
        wanted = int.from_bytes(length, "big")
        request = self._asks.recv(wanted, socket.MSG_WAITALL)
        if len(request) < wanted:
            return False
        pid = os.fork()
        if pid == 0:
            self._become(streams, *pickle.loads(request))
        *others, status = streams
        for stream in others:
            os.close(stream)
        os.write(status, b"%d\n" % pid)
        self._statuses[pid] = status
        return True

    def _report_ended(self) -> None:
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                status = self._statuses.pop(ended[0])
                with suppress(BrokenPipeError):
                    os.write(status, b"%d\n" % os.waitstatus_to_exitcode(ended[1]))
                os.close(status)

    def _become(
        self, streams: list[int], arguments: list[str], environment: dict[str, str], folder: str
    ) -> NoReturn:
        code = 1
        try:
            os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            for at, stream in enumerate(streams[:3]):
                os.dup2(stream, at)
            ours = (self._asks.fileno(), self._woken, self._wake, *streams, *self._statuses.values())
            os.closerange(3, max(ours) + 1)
            sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
            sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
            os.environ.clear()
            os.environ.update(environment)
            os.chdir(folder)
            sys.argv = [self._module, *arguments]
            importlib.import_module(self._module).main()
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        except BaseException:
            log.log_unexpected()
        finally:
            with suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)


def _serve(module: str, idle_seconds: float) -> None:
    """Imports the module, and forks whenever it is asked to."""
    forked = _Forked(module, idle_seconds)
    loading.load(module)
    gc.freeze()  # otherwise the first collection in each fork would copy all of it
    forked.run()


if __name__ == "__main__":
    _serve(sys.argv[1], float(sys.argv[2]))
