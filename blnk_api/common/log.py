"""What the app and its helpers print for whoever runs them: our own lines, and the warnings of libraries.

With BLNK_LOG=json each line is one JSON object, for whatever collects a container's output. An exception is
then named by its type and its place in the code alone: its text may quote a cell.
"""

import json
import logging
import os
import sys
import threading
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import NoReturn

_OURS = ("blnk", "blnk_api")
_NOT_EXPECTED = "An error was not expected."

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Of the HTTP request that is being answered, where one is."""


def is_json() -> bool:
    """Whether lines are to be JSON. Settings refuse any other value; they are read after the first line."""
    return os.environ.get("BLNK_LOG") == "json"


def to_stderr() -> None:
    """Once for each process. Alembic alone would tell ten lines of its plugins at the first start."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    for name in _OURS:
        logging.getLogger(name).setLevel(logging.INFO)
    if is_json():
        _say_all_as_json()


class JsonLines(logging.Formatter):
    """One record as one line."""

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage().strip(),
        }
        if (id := request_id.get()) is not None:
            said["request_id"] = id
        if record.exc_info and record.exc_info[0] is not None:
            kind, _, where = record.exc_info
            said["error"] = kind.__name__
            said["trace"] = _places(where)
        return json.dumps(said, ensure_ascii=False)


def _places(where: TracebackType | None) -> list[str]:
    return [f"{one.filename}:{one.lineno} {one.name}" for one in traceback.extract_tb(where)]


def _say_all_as_json() -> None:
    logging.setLoggerClass(_JsonLogger)
    root = logging.getLogger()
    known = [one for one in root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    for logger in (root, *known):
        for handler in logger.handlers:
            handler.setFormatter(JsonLines())
    logging.captureWarnings(True)
    sys.excepthook = _log_end
    threading.excepthook = lambda ended: _log_end(
        ended.exc_type, ended.exc_value or ended.exc_type(), ended.exc_traceback
    )


class _JsonLogger(logging.Logger):
    """A library that brings a handler of its own, as Streamlit does for each of its loggers, keeps the place
    that it writes to, and not its form."""

    def addHandler(self, hdlr: logging.Handler) -> None:
        hdlr.setFormatter(JsonLines())
        super().addHandler(hdlr)


def end(why: str) -> NoReturn:
    """Ends the process with code 1, and with a sentence for whoever started it."""
    if not is_json():
        sys.exit(why)
    logging.getLogger("blnk").error("%s", why)
    sys.exit(1)


def say_unexpected() -> None:
    """For a process that ends by the exception that is being handled."""
    if is_json():
        to_stderr()
        logging.getLogger("blnk").critical(_NOT_EXPECTED, exc_info=True)
    else:
        traceback.print_exc()


def _log_end(kind: type[BaseException], problem: BaseException, where: TracebackType | None) -> None:
    logging.getLogger("blnk").critical(_NOT_EXPECTED, exc_info=(kind, problem, where))
