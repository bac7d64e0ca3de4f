"""Shows the progress of an import on stderr: one line rewritten, a line every few seconds, or nothing."""

import sys
import threading
from types import TracebackType
from typing import Literal, Self

from sqlalchemy.exc import SQLAlchemyError

from blnk_api.cli.output import remark
from blnk_api.cli.session import Session
from blnk_api.common import log
from blnk_api.store import failures
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState
from blnk_api.wording import about_imports

Kind = Literal["auto", "plain", "none"]

_REWRITE_SECONDS = 0.25
_PLAIN_SECONDS = 5.0
_ERASE_LINE = "\r\x1b[K"
_MOST_CHARACTERS = 100
"""Longer lines would wrap in a narrow window, and a wrapped line cannot be rewritten."""


class Progress:
    """A context manager that shows the progress of one import, in a thread, so that other work may block."""

    def __init__(self, kind: Kind, opened: Session, id: str) -> None:
        self._opened = opened
        self._id = id
        self._rewrites = kind == "auto" and sys.stderr.isatty() and not log.is_json()
        self._is_silent = kind == "none"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._last = ""

    def __enter__(self) -> Self:
        if not self._is_silent:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._rewrites and self._last:
            sys.stderr.write(_ERASE_LINE)
            sys.stderr.flush()

    def _run(self) -> None:
        wait_seconds = _REWRITE_SECONDS if self._rewrites else _PLAIN_SECONDS
        while not self._over.wait(wait_seconds):
            try:
                line = _line(self._opened.find(self._id))
                self._show(self._opened.failure or line)
            except (SQLAlchemyError, OSError) as problem:
                self._show(failures.explain(problem))

    def _show(self, line: str) -> None:
        if line == self._last:
            return
        self._last = line
        if not self._rewrites:
            remark(line)
            return
        sys.stderr.write(f"{_ERASE_LINE}{line[:_MOST_CHARACTERS]}")
        sys.stderr.flush()


def _line(import_: Import) -> str:
    headline = about_imports.headline(import_)
    if import_.state is ImportState.PAUSED and import_.paused_reason and not log.is_json():
        # The log gets only the headline: Blnk's text in the reason may quote a cell.
        return f"{headline} {import_.paused_reason}"
    return headline
