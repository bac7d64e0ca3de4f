"""Reads a file in a separate, watched process: for the web server, and for a command that needs a preview.

python -m blnk_api.files.reading_process     (what to read comes through standard input, as a JSON object)
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import orjson

from blnk_api import files
from blnk_api.common import watched_process
from blnk_api.common.warm_process import Child, WarmProcess
from blnk_api.common.watched_process import ProcessWatch
from blnk_api.facts.file_shape import FileShape, Flaw, ReadOptions, Record
from blnk_api.files import FileProblem

_DETECT = ReadOptions()

Line = Any
"""A JSON value written by the process: first the shape, then records."""
_readers = WarmProcess("blnk_api.files.reading_process")


fork_here = _readers.fork_here


def detect(path: Path, name: str, options: ReadOptions = _DETECT) -> FileShape:
    """Like `files.detect`. Raises FileProblem, or OSError if the file cannot be opened."""
    with _reading(path, name, options, with_records=False) as lines:
        return _shape(lines)


@contextmanager
def opened(
    path: Path, name: str, options: ReadOptions = _DETECT
) -> Iterator[tuple[FileShape, Iterator[Record]]]:
    """The shape and the records, as from `files.detect` and `files.records`. Raises FileProblem, also while
    the records are read, and OSError if the file cannot be opened."""
    with _reading(path, name, options, with_records=True) as lines:
        yield _shape(lines), _records(lines)


def _shape(lines: Iterator[Line]) -> FileShape:
    return FileShape.model_validate(next(lines))


def _records(lines: Iterator[Line]) -> Iterator[Record]:
    for number, cells, flaws in lines:
        yield Record(number, cells, tuple(Flaw(*one) for one in flaws))


@contextmanager
def _reading(path: Path, name: str, options: ReadOptions, *, with_records: bool) -> Iterator[Iterator[Line]]:
    """The lines that the process writes."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
    read_stdout, write_stdout = os.pipe()
    stdout = os.fdopen(read_stdout, "rb")
    try:
        process = _readers.start(stdout=write_stdout)
    finally:
        os.close(write_stdout)
    ended = _Ended(process, ProcessWatch(process.pid, watched_process.for_file(size)))
    try:
        request = {"path": str(path.absolute()), "name": name, "with_records": with_records}
        request_json = json.dumps({**request, "options": options.model_dump()})  # names may be any bytes
        with suppress(BrokenPipeError):
            process.stdin.write(request_json.encode())
            process.stdin.close()
        with closing(_lines(stdout, ended)) as lines:
            yield lines
    finally:
        process.kill()
        process.wait()
        stdout.close()


class _Ended:
    """Ends a process that uses too much, and remembers why."""

    def __init__(self, process: Child, watch: ProcessWatch) -> None:
        self._process = process
        self._watch = watch
        self.why = watched_process.FAILED
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while self._process.returncode is None:
            if why := self._watch.exceeded():
                self.why = why
                self._process.kill()
                return
            try:
                self._process.wait(watched_process.LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                continue


def _lines(stdout: IO[bytes], ended: _Ended) -> Generator[Line]:
    for line in stdout:
        if not line.endswith(b"\n"):
            break
        line_value = orjson.loads(line)
        if line_value is None:
            return
        if isinstance(line_value, dict) and "problem" in line_value:
            raise FileProblem(*line_value["problem"])
        yield line_value
    raise FileProblem("not_read", ended.why)


def main() -> None:
    """Writes a JSON line for the shape, one for each record, and null at the end; or one for the problem."""
    request = json.loads(sys.stdin.buffer.read())
    path = Path(request["path"])
    out = sys.stdout.buffer
    try:
        shape = files.detect(path, request["name"], ReadOptions.model_validate(request["options"]))
        out.write(_line(shape.model_dump()))
        if request["with_records"]:
            for record in files.records(path, shape):
                out.write(_line((record.number, record.cells, record.problems)))
        out.write(_line(None))
    except FileProblem as problem:
        out.write(_line({"problem": (problem.kind, problem.message)}))
    out.flush()


def _line(what: Any) -> bytes:
    return orjson.dumps(what, default=list, option=orjson.OPT_APPEND_NEWLINE)


if __name__ == "__main__":
    main()
