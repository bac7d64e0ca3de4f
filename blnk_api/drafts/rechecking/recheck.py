"""Checks a change in a draft in the transaction that records it: the changed records, and those that have a
key in common with them, before or after.

It runs where the change is made, in the app's own process: the cells come from the database, are few and
short, and the work grows only with their length. Changes of many or long cells are left to the watched
process that reads the file. So is anything that might come out differently in a check of the whole file:
therefore it first checks the records as they were, and continues only if that reproduces their stored result.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from blnk_api.access.actors import CHECK
from blnk_api.common.invisible_characters import bare
from blnk_api.drafts import confirmed_totals
from blnk_api.drafts.checking import Checker, Known, Wanted
from blnk_api.drafts.checking.checker import nameless_columns
from blnk_api.drafts.edits.edited_records import RecordEdits
from blnk_api.drafts.rechecking import affected_records, group_changes, last_check, records
from blnk_api.drafts.rechecking.last_check import LastCheck
from blnk_api.drafts.rechecking.records import Checked
from blnk_api.drafts.rechecking.whole_check_needed import NotSure
from blnk_api.facts.file_shape import FileShape, Record
from blnk_api.facts.mapping import Mapping, Use
from blnk_api.facts.problems import Problem
from blnk_api.facts.totals import Accepted
from blnk_api.lookup import refs
from blnk_api.settings import Connection as BlnkConnection
from blnk_api.store import import_changes, imports, rows
from blnk_api.store.checking import checked_rows
from blnk_api.store.checking.checked_rows import NewRow
from blnk_api.store.import_changes import Facts
from blnk_api.store.imports import Import
from blnk_api.store.people import edits
from blnk_api.store.people.edits import RecordedEdit
from blnk_api.store.rows import StoredRow
from blnk_api.store.states import RowState, Stage

MOST_RECORDS = 200
MOST_CHARACTERS = 200_000
_MOST_SUGGESTIONS = 300
"""Only this many wrong values get a suggestion; which ones, only the whole file shows."""
_ROWS_PER_READ = 500
_MOST_READS = 10
_OF_RESULTS = frozenset({Use.IMPORT_REF, Use.IMPORT_ROW, Use.BALANCE_ID})
_MAY_BE_HIDDEN = frozenset({"total_row", "repeated_header"})
"""Problems of a whole row that are reported instead of its other problems."""

Change = tuple[int, int | None, str, str]
"""A record's number, the column or None for the whole record, the old text, the new text."""


class AskFirst(Exception):
    """These values must be looked up in Blnk before the records can be checked."""

    def __init__(self, connection: BlnkConnection, wanted: Wanted, mapping: Mapping) -> None:
        super().__init__()
        self.connection, self.wanted, self.mapping = connection, wanted, mapping


@dataclass(frozen=True)
class Answer:
    """What Blnk answered; `known` is None if it did not answer."""

    wanted: Wanted
    known: Known | None


def check_changed(
    tx: Connection,
    import_: Import,
    changes: Sequence[Change],
    connection: BlnkConnection,
    *,
    accepted: Accepted | None = None,
    answer: Answer | None = None,
) -> None:
    """Writes the new state of the rows and the draft's new version: CHECKED, or LOOKING if new rows must be
    looked up in Blnk. The caller records the changes themselves afterwards.

    Raises NotSure, after which nothing was written, or AskFirst.
    """
    shape, mapping = import_.shape, import_.mapping
    if import_.stage is not Stage.CHECKED or shape is None or mapping is None or import_.totals.not_checked:
        raise NotSure
    if any(column.use in _OF_RESULTS for column in mapping.columns):
        raise NotSure  # the number of a row that comes back depends on all rows before it
    last = last_check.of(tx, import_.number, connection)
    touched = {number for number, *_ in changes}
    if accepted is not None:
        if mapping.column(Use.CURRENCY) is None:
            raise NotSure
        touched |= affected_records.with_problems(tx, import_.number, most=MOST_RECORDS)
    check = _Check(tx, import_, shape, mapping, connection, last, changes, accepted or import_.accepted)
    check.run(touched, answer)


class _Check:
    def __init__(
        self,
        tx: Connection,
        import_: Import,
        shape: FileShape,
        mapping: Mapping,
        connection: BlnkConnection,
        last: LastCheck,
        changes: Sequence[Change],
        accepted: Accepted,
    ) -> None:
        self._tx = tx
        self._import = import_
        self._shape = shape
        self._mapping = mapping
        self._connection = connection
        self._last = last
        self._changes = [RecordedEdit(number, at, old, new, CHECK, 0.0) for number, at, old, new in changes]
        self._accepted = accepted

    def run(self, touched: Collection[int], answer: Answer | None) -> None:
        known = self._known(touched, answer)
        stored, before, after = self._reached(touched, known)
        if [(row.number, row.part) for row in stored] != [(row.number, row.part) for row in after.rows]:
            raise NotSure  # a record makes more or fewer balances than before
        for row, was in zip(stored, before.rows, strict=True):
            if row.state is RowState.CREATED or not records.is_explained(row, was):
                raise NotSure
        self._refuse_other_suggestions(before, after, known, touched)
        self._write(stored, before, after, known)

    def _known(self, touched: Collection[int], answer: Answer | None) -> Known:
        """What Blnk has of what these records refer to. Raises AskFirst."""
        stored = self._rows_of(touched)
        old, new = self._overlays(touched)
        of_file = records.in_file(stored)
        was, now = [old.of_record(one) for one in of_file], [new.of_record(one) for one in of_file]
        asked = last_check.still_to_ask(self._last, self._mapping, was, now)
        if not (asked.ledgers or asked.identities or asked.indicators):
            return self._last.known
        if answer is None:
            raise AskFirst(self._connection, asked, self._mapping)
        if answer.known is None or answer.wanted != asked:
            raise NotSure  # Blnk did not answer, or someone else changed the same rows meanwhile
        return last_check.with_answers(self._last, asked, answer.known)

    def _rows_of(self, numbers: Collection[int]) -> list[StoredRow]:
        if len(numbers) > MOST_RECORDS:
            raise NotSure
        stored = rows.of_records(self._tx, self._import.number, numbers)
        if sum(len(cell) for row in stored for cell in row.cells) > MOST_CHARACTERS:
            raise NotSure
        return stored

    def _overlays(self, numbers: Collection[int]) -> tuple[RecordEdits, RecordEdits]:
        """The edits of these records before, and including the new changes."""
        earlier = edits.of_records(self._tx, self._import.number, numbers)
        return RecordEdits.of(earlier), RecordEdits.of([*earlier, *self._changes])

    def _reached(self, touched: Collection[int], known: Known) -> tuple[list[StoredRow], Checked, Checked]:
        """The rows of all records that affect each other, with their old and new check results."""
        numbers = set(touched)
        while True:
            stored = self._rows_of(numbers)
            old, new = self._overlays(numbers)
            of_file = records.in_file(stored)
            both = [overlay.of_record(one) for overlay in (old, new) for one in of_file]
            last_check.refuse_long_search(known, self._mapping, both)
            self._refuse_nameless(both)
            was = last_check.of_customers(self._last.known, self._mapping, both[: len(of_file)])
            now = last_check.of_customers(known, self._mapping, both[len(of_file) :])
            before = records.check(self._import, self._checker(was, self._import.accepted), of_file, old)
            after = records.check(self._import, self._checker(now, self._accepted), of_file, new)
            further = self._in_common(stored, after.rows) - numbers
            if not further:
                return stored, before, after
            numbers |= further

    def _checker(self, known: Known, accepted: Accepted) -> Checker:
        custom = self._connection.custom_currencies
        return Checker(self._shape, self._mapping, known, custom, accepted.currencies)

    def _refuse_nameless(self, some: Iterable[Record]) -> None:
        """Rows with text in a nameless column are counted over the whole file."""
        nameless = nameless_columns(self._shape, self._mapping)
        if any(record.cells[at].strip() for record in some for at in nameless):
            raise NotSure

    def _in_common(self, stored: Iterable[StoredRow], after: Iterable[NewRow]) -> set[int]:
        """The records that have a key in common with these, before or after."""
        some: list[StoredRow | NewRow] = [*stored, *after]
        number, most = self._import.number, MOST_RECORDS
        own = {row.own_key for row in some if row.own_key is not None}
        twin = {row.twin_key for row in some if row.twin_key is not None}
        content = {
            ref.hash
            for row in some
            if row.ref and row.twin_key is None and (ref := refs.parse_ref(row.ref)) is not None
        }
        return (
            affected_records.with_own_keys(self._tx, number, own, most=most)
            | affected_records.with_twin_keys(self._tx, number, twin, most=most)
            | affected_records.with_content(self._tx, number, content, most=most)
        )

    def _refuse_other_suggestions(
        self, before: Checked, after: Checked, known: Known, touched: Collection[int]
    ) -> None:
        """Suggestions for a wrong value may depend on other rows: on how many are wrong, and which customers
        they name."""
        both = [*before.problems, *after.problems]
        for use, kind in (
            (Use.LEDGER, "unknown_ledger"),
            (Use.IDENTITY, "unknown_identity"),
            (Use.CURRENCY, ""),
        ):
            column = self._mapping.column(use)
            if column is None:
                continue
            is_affected = any(
                one.position == column.position and (one.kind == kind or not kind) for one in both
            )
            if is_affected and self._wrong_values(column.position) + len(touched) >= _MOST_SUGGESTIONS:
                raise NotSure
        self._refuse_other_customers(both, known, touched)

    def _wrong_values(self, position: int) -> int:
        """How many different wrong values a column has, at most."""
        return sum(
            1 if one.position == position and one.value is not None and len(one.value) < 200 else one.count
            for one in self._import.totals.problems
            if one.position == position or one.kind in _MAY_BE_HIDDEN
        )

    def _refuse_other_customers(
        self, both: Sequence[Problem], known: Known, touched: Collection[int]
    ) -> None:
        column = self._mapping.column(Use.IDENTITY)
        if column is None:
            return
        unknown = {one.value for one in both if one.kind == "unknown_identity"}
        if unknown and not self._last.knows_customers:
            raise NotSure
        unknown_of_all = unknown | {
            one.value for one in self._import.totals.problems if one.kind == "unknown_identity"
        }
        old, new = self._overlays(touched)
        named: set[str] = set()
        for one in records.in_file(self._rows_of(touched)):
            was, now = (overlay.of_record(one).cells[column.position] for overlay in (old, new))
            if was != now:
                named |= {bare(was), bare(now)}
        last_check.refuse_other_suggestions(unknown_of_all, named - {""}, known)

    def _write(self, stored: Sequence[StoredRow], before: Checked, after: Checked, known: Known) -> None:
        import_, tx = self._import, self._tx
        changed = [
            (old, new) for old, new in zip(stored, after.rows, strict=True) if not records.stands(old, new)
        ]
        checked_rows.rewrite(tx, import_.number, changed)
        groups = group_changes.changed(
            import_.totals.problems, before.problems, after.problems, self._rows_from
        )
        look = [old.id for old, new in changed if new.state is RowState.READY]
        facts = Facts(
            stage=Stage.LOOKING if look else Stage.CHECKED,
            look_again=look or None,
            version=import_.version + 1,
            problem=None,
            accepted=self._accepted,
            totals=import_.totals.model_copy(update={"problems": groups}),
        )
        import_changes.set_facts(tx, import_.number, **facts)
        now = imports.by_number(tx, import_.number)
        totals = confirmed_totals.totals_changed(now, stored, self._as_written(stored, changed))
        totals = totals.model_copy(update={"but_for_changed": bool(look)})
        import_changes.set_facts(tx, import_.number, totals=totals)
        if known is not self._last.known:
            last_check.add(tx, import_.number, self._last, known)

    @staticmethod
    def _as_written(
        stored: Sequence[StoredRow], changed: Sequence[tuple[StoredRow, NewRow]]
    ) -> list[StoredRow | NewRow]:
        """The rows as they are now in the store."""
        new = {old.id: now for old, now in changed}
        return [new.get(row.id, row) for row in stored]

    def _rows_from(self, number: int) -> Iterator[tuple[int, Sequence[Problem]]]:
        """At most so many rows with problems. Raises NotSure beyond that."""
        first = number
        for _ in range(_MOST_READS):
            part = rows.with_problems(self._tx, self._import.number, first, limit=_ROWS_PER_READ)
            if len(part) < _ROWS_PER_READ:
                yield from part
                return
            # The last record's other rows may be on the next page.
            first = part[-1][0]
            yield from (row for row in part if row[0] != first)
        raise NotSure
