"""One pass over the records of a file: checks each, and writes its rows into the store in chunks."""

from collections.abc import Iterator, Sequence

from blnk_api.drafts.changed_meanwhile import refuse_changed
from blnk_api.drafts.checking import Checker
from blnk_api.drafts.edits.edited_records import RecordEdits
from blnk_api.drafts.fixes.fix_checker import FixChecker
from blnk_api.drafts.writing import new_rows
from blnk_api.drafts.writing.merging import Merger
from blnk_api.drafts.writing.row_writers import ROWS_PER_WRITE, InThread, RowWriter, insert
from blnk_api.drafts.writing.writer_process import WriterProcess
from blnk_api.facts.file_shape import Record
from blnk_api.facts.problems import Problem
from blnk_api.store import Store, import_changes
from blnk_api.store.checking.checked_rows import NewRow, values_of
from blnk_api.store.import_changes import Facts
from blnk_api.store.imports import Import
from blnk_api.store.states import Stage

_FEWEST_ROWS = 1_000
"""So many are written at once if the writer has nothing to do: a file of some thousand rows then need not be
checked before it begins."""
MOST_LOOKED_AT_AGAIN = 20_000
"""If more rows than this changed, all are looked up again."""


class OnePass:
    """One pass over the records: stores rows in chunks, and yields problems as a stream."""

    def __init__(
        self,
        store: Store,
        import_: Import,
        checker: Checker | FixChecker,
        overlay: RecordEdits,
        writer: WriterProcess | None = None,
    ) -> None:
        """`writer` is for many rows. It does not compare them with those of an earlier check."""
        self._store = store
        self._import = import_
        self._checker = checker
        self._overlay = overlay
        self._skips_hidden = bool(import_.options.skip_hidden_rows)
        self._merger = None if import_.look_again is None else Merger(import_.number)
        self._look_again = import_.look_again
        self._waiting: list[NewRow] = []
        self._process = None if self._merger else writer
        self.records = 0

    def run(self, records: Iterator[Record], about_columns: Sequence[Problem]) -> Iterator[Problem]:
        yield from about_columns
        enough = _FEWEST_ROWS
        writer = self._begun()
        try:
            for in_file in records:
                self.records += 1
                record, flaws = self._overlay.of_record(in_file), in_file.problems
                if skipped := new_rows.skipped(
                    record, flaws, by_hand=self._overlay.left_out, skips_hidden=self._skips_hidden
                ):
                    self._waiting.append(skipped)
                else:
                    for checked in self._checker.check(record):
                        self._waiting.append(new_rows.new_row(self._import.id, record.cells, checked, flaws))
                        yield from checked.problems
                if len(self._waiting) >= enough:
                    if enough >= ROWS_PER_WRITE or writer.is_free():
                        self._hand_over(writer)
                        enough = 0
                    enough += _FEWEST_ROWS
            self._hand_over(writer)
            writer.finish()
        finally:
            writer.give_up()
        late = self._checker.finish()
        yield from late
        with self._store.write() as tx:
            refuse_changed(tx, self._import, Stage.CHECKING)
            if self._merger is not None:
                self._merger.end(tx)
            new_rows.invalidate(tx, self._import.number, [one for one in late if one.severity == "error"])

    def _begun(self) -> RowWriter:
        if self._process is None:
            return InThread(self._write)
        self._process.begin(self._import)
        return self._process

    def _hand_over(self, writer: RowWriter) -> None:
        """A chunk is written while the next is checked. Raises what writing an earlier one raised."""
        if self._waiting:
            writer.write(self._waiting, self.records)
            self._waiting = []

    def _write(self, new: list[NewRow], records: int) -> None:
        if self._merger is None:
            insert(self._store, self._import, list(map(values_of, new)), records)
            return
        with self._store.write() as tx:
            refuse_changed(tx, self._import, Stage.CHECKING)
            facts = Facts(stage_progress=records)
            if changed := self._merger.write(tx, new):
                facts["look_again"] = self._to_look_at(changed)
            import_changes.set_facts(tx, self._import.number, **facts)

    def _to_look_at(self, changed: list[int]) -> list[int] | None:
        """Stored in the same transaction as the rows, so that a check that dies half-way forgets none of
        them."""
        if self._look_again is not None:
            self._look_again = [*self._look_again, *changed]
            if len(self._look_again) > MOST_LOOKED_AT_AGAIN:
                self._look_again = None
        return self._look_again
