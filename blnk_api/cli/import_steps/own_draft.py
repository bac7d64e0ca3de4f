"""Discards the draft of a command that ends before anything was confirmed."""

from collections.abc import Iterator
from contextlib import contextmanager

from blnk_api.cli.exit_codes import CommandFailed, ExitCode
from blnk_api.cli.session import Session
from blnk_api.store import StoreUnavailable
from blnk_api.store.events import EventKind, note
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState
from blnk_api.store.transitions import move_import


@contextmanager
def or_discarded(opened: Session, draft: Import) -> Iterator[None]:
    """Discards a draft that is given up inside. Ctrl-C raises CommandFailed."""
    try:
        yield
    except (CommandFailed, StoreUnavailable):
        discard(opened, draft)
        raise
    except KeyboardInterrupt:
        discard(opened, draft)
        raise CommandFailed("Interrupted. Nothing was sent.", ExitCode.INTERRUPTED) from None


def discard(opened: Session, draft: Import) -> None:
    """So that nobody confirms an abandoned draft of this command by mistake."""
    with opened.store.write() as tx:
        if move_import(tx, draft.number, from_=[ImportState.DRAFT], to=ImportState.CANCELLED):
            note(tx, draft.number, who=opened.who, what=EventKind.CANCELLED)
