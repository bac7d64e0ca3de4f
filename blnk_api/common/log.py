"""What the app and its processes print for operators: our own lines, and the warnings of libraries.

With BLNK_LOG=json each line is one JSON object, for log collectors. Exceptions are then reduced to their type
and their place in the code, because their text may quote a cell.
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
_NOT_EXPECTED = "Unexpected error."

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the HTTP request that is being answered, if any."""


def is_json() -> bool:
    """Whether lines are JSON. The settings reject any other value, but are read after the first lines are
    printed."""
    return os.environ.get("BLNK_LOG") == "json"


def to_stderr() -> None:
    """Sets up logging, once in each process. Otherwise Alembic would log ten lines about plugins at the first
    start."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    for name in _OURS:
        logging.getLogger(name).setLevel(logging.INFO)
    if is_json():
        _use_json_everywhere()


class JsonLines(logging.Formatter):
    """Formats one record as one line."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage().strip(),
        }
        if (id := request_id.get()) is not None:
            entry["request_id"] = id
        if record.exc_info and record.exc_info[0] is not None:
            kind, _, where = record.exc_info
            entry["error"] = kind.__name__
            entry["trace"] = _places(where)
        return json.dumps(entry, ensure_ascii=False)


def _places(where: TracebackType | None) -> list[str]:
    return [f"{one.filename}:{one.lineno} {one.name}" for one in traceback.extract_tb(where)]


def _use_json_everywhere() -> None:
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
    """A library that adds a handler of its own, as Streamlit does for each logger, keeps the handler's stream
    but not its format."""

    def addHandler(self, hdlr: logging.Handler) -> None:
        hdlr.setFormatter(JsonLines())
        super().addHandler(hdlr)


def end(why: str) -> NoReturn:
    """Ends the process with code 1 and a sentence for whoever started it."""
    if not is_json():
        sys.exit(why)
    logging.getLogger("blnk").error("%s", why)
    sys.exit(1)


def log_unexpected() -> None:
    """Logs the exception that is being handled, for a process that ends because of it."""
    if is_json():
        to_stderr()
        logging.getLogger("blnk").critical(_NOT_EXPECTED, exc_info=True)
    else:
        traceback.print_exc()


def _log_end(kind: type[BaseException], problem: BaseException, where: TracebackType | None) -> None:
    logging.getLogger("blnk").critical(_NOT_EXPECTED, exc_info=(kind, problem, where))
