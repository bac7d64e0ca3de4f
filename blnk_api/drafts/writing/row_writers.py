"""Writes checked rows into the store in chunks, each while the next one is checked."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from blnk_api.drafts.changed_meanwhile import refuse_changed
from blnk_api.store import Store, import_changes
from blnk_api.store.checking import checked_rows
from blnk_api.store.checking.checked_rows import NewRow, RowValues
from blnk_api.store.imports import Import
from blnk_api.store.states import Stage

ROWS_PER_WRITE = 5_000


class RowWriter(Protocol):
    """Writes chunks in their order. Each method raises what writing an earlier chunk raised."""

    def is_free(self) -> bool:
        """Whether it would begin with another chunk at once."""
        ...

    def write(self, new: list[NewRow], records: int) -> None:
        """Takes a chunk. `records` of the file were checked by then."""
        ...

    def finish(self) -> None:
        """Returns once everything is written."""
        ...

    def give_up(self) -> None:
        """Returns once nothing more is written. Raises nothing."""
        ...


class InThread:
    """For a few rows, and for those that are compared with what is in the store."""

    def __init__(self, act: Callable[[list[NewRow], int], None]) -> None:
        self._act = act
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._written: Future[None] = Future()
        self._written.set_result(None)

    def is_free(self) -> bool:
        return self._written.done()

    def write(self, new: list[NewRow], records: int) -> None:
        self._written.result()
        self._written = self._thread.submit(self._act, new, records)

    def finish(self) -> None:
        self._written.result()
        self.give_up()

    def give_up(self) -> None:
        self._thread.shutdown()


def insert(store: Store, import_: Import, new: Sequence[RowValues], records: int) -> None:
    """One chunk of rows that the store does not have yet. Raises Changed."""
    with store.write() as tx:
        refuse_changed(tx, import_, Stage.CHECKING)
        checked_rows.insert_values(tx, import_.number, import_.instance_number, new)
        import_changes.set_facts(tx, import_.number, stage_progress=records)
