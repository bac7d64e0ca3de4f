"""Checks records in order, considering those that came before."""

from collections.abc import Collection, Iterable

from blnk_api.common.quoting import shown
from blnk_api.common.row_key_hash import kept_key
from blnk_api.common.row_key_hash import own_key as own_key_of
from blnk_api.currencies import Severity
from blnk_api.drafts.checking.checked_row import CheckedRow
from blnk_api.drafts.checking.duplicates import Earlier, Keys, Occurrences, Repeats
from blnk_api.drafts.checking.known_in_blnk import Known
from blnk_api.drafts.checking.one_record import RecordReader
from blnk_api.drafts.checking.reimported import UNSETTLED, ReimportedRow, ReimportedRows
from blnk_api.facts.file_shape import FileShape, Record
from blnk_api.facts.mapping import ColumnUse, Mapping, Use
from blnk_api.facts.problems import Problem, clip
from blnk_api.lookup import refs
from blnk_api.models import RequestFields
from blnk_api.store.states import WORDS, RowState

SUPERSEDED = WORDS[RowState.SUPERSEDED]


def nameless_columns(shape: FileShape, mapping: Mapping) -> list[int]:
    """The columns that have no name and seem empty. Rows with text in them are reported at the end."""
    return [
        column.position
        for column in mapping.columns
        if column.use is Use.IGNORE
        and not column.header
        and not any(record.cells[column.position].strip() for record in shape.samples)
    ]


class Checker:
    """Checks the records of one file in order, each once. `finish` then reports what the whole file shows."""

    def __init__(
        self,
        shape: FileShape,
        mapping: Mapping,
        known: Known,
        custom_currencies: Iterable[str] = (),
        accepted_currencies: Collection[str] = frozenset(),
        *,
        may_hold_totals: bool = True,
    ) -> None:
        """`may_hold_totals`: whether rows may be totals, or the column names once more, as in reports."""
        self._reader = RecordReader(
            shape, mapping, known, custom_currencies, accepted_currencies, may_hold_totals
        )
        self._own = ReimportedRows(shape, mapping)
        self._chosen_match = mapping.match_columns is not None
        self._columns = {use: column for use in Use if (column := mapping.column(use))}
        self._known_indicators = known.indicators
        self._twins, self._indicators, self._keys = Repeats(), Repeats(), Keys()
        self._marks = Repeats()
        self._occurrences = Occurrences()
        self._told: set[tuple[str, int]] = set()
        self._late: list[Problem] = []
        self._nameless = dict.fromkeys(nameless_columns(shape, mapping), 0)

    def know_keys(self, others: Iterable[tuple[str, int]]) -> None:
        """Adds the reference values of rows that are not checked here, with their numbers."""
        for key, number in others:
            self._keys.seen(key, number)

    def check(self, record: Record) -> list[CheckedRow]:
        """Returns one row for each currency of the record, or one without a request if it is invalid."""
        for at in self._nameless:
            self._nameless[at] += bool(record.cells[at].strip())
        if not self._own.are_possible:
            return self._beside_others(self._reader.rows(record, record.cells), None)
        brought = self._own.brought(record.cells)
        if twice := self._same_mark(record.number, brought):
            return [CheckedRow(record.number, "", None, [twice])]
        if brought.status == SUPERSEDED:
            return [self._fixed_elsewhere(record.number)]
        if brought.balance_id:
            return [self._existing(record, brought.balance_id)]
        if not brought.is_ours:
            return self._beside_others(self._reader.rows(record, record.cells), brought)
        ways = [self._reader.rows(record, cells) for cells in self._own.as_they_were(record.cells)]
        fitting = next((rows for rows in ways if brought.ref and _fits(brought.ref, rows)), ways[0])
        return self._beside_others(fitting, brought)

    def finish(self) -> list[Problem]:
        """Returns the problems that only the whole file shows. An error invalidates its row although `check`
        accepted it. Row 0 is the whole file."""
        late, self._late = self._late, []
        for what, names in self._reader.names.items():
            if names.unchecked:
                message = f"Not checked: without read permission, no {what} could be looked up in Blnk."
                late.append(Problem("not_checked", 0, "", "", "", message, "warning"))
        for at, count in self._nameless.items():
            if count:
                message = (
                    f"Column {at + 1} has no name and is skipped, although {count:,} rows have a value in it."
                )
                late.append(Problem("nameless_column", 0, "", "", "", message, "warning"))
        return late

    def _existing(self, record: Record, balance_id: str) -> CheckedRow:
        number, column = record.number, self._columns[Use.BALANCE_ID]
        if balance_id.startswith("bln_"):
            message = f"This row is already balance “{shown(balance_id)}” and is not sent again."
            note = _in_cell("already_created", number, "", column, balance_id, message, "note")
            return CheckedRow(number, "", None, [note], balance_id=balance_id)
        message = (
            f"“{shown(balance_id)}” is not a balance id. Clear the cell if the balance should be created."
        )
        wrong = _in_cell("malformed_balance_id", number, "", column, balance_id, message, "error", "")
        return CheckedRow(number, "", None, [wrong])

    def _fixed_elsewhere(self, number: int) -> CheckedRow:
        """Its balance may have been created from its fixed form, under another ref."""
        message = (
            "When this file was written, the row was being fixed in another import. Fix it there, or clear "
            "its status if the balance should be created from this file."
        )
        at = self._columns[Use.STATUS]
        return CheckedRow(
            number, "", None, [_in_cell("fixed_elsewhere", number, "", at, SUPERSEDED, message, "error")]
        )

    def _beside_others(self, rows: list[CheckedRow], brought: ReimportedRow | None) -> list[CheckedRow]:
        """The rows of a record, compared with those before it."""
        first = rows[0]
        if first.key:
            own_key, problems = own_key_of(first.key), first.problems
            if repeated := self._same_key(first.number, first.key):
                problems = [*problems, repeated]
                if repeated.severity == "error":
                    return [CheckedRow(first.number, "", None, problems, own_key=own_key)]
            for row in rows:
                row.own_key, row.problems = own_key, problems
        return rows if first.request is None else [self._beside(row, brought) for row in rows]

    def _beside(self, row: CheckedRow, brought: ReimportedRow | None) -> CheckedRow:
        request = row.request
        assert request is not None
        hash_ = row.hash = refs.content_hash(request, row.match)
        own: list[Problem] = []
        row.twin_key = kept_key(hash_) if self._chosen_match else None
        if "indicator" in request:
            row.twin_key = kept_key(request["indicator"], request["currency"])
            own += self._taken_indicator(row.number, row.part, request, hash_)
        elif self._chosen_match or row.match is None:
            earlier = self._twins.seen(hash_, row.number, bool(row.part))
            if earlier is not None:
                row.occurrence = earlier.before
                own.append(self._twin(row.number, row.part, earlier, request["currency"]))
        if brought is not None:
            row.keep_ref, ref_problems = self._kept_ref(row.number, row.part, brought, request, row.match)
            own += ref_problems
            if row.keep_ref is None:
                row.occurrence = self._occurrences.next(hash_)
        if own:
            row.problems = row.problems + own
            if any(problem.severity == "error" for problem in own):
                wrong = row.number, row.part, None, row.problems
                return CheckedRow(*wrong, own_key=row.own_key, twin_key=row.twin_key)
        return row

    def _same_mark(self, number: int, brought: ReimportedRow) -> Problem | None:
        """A row of an import that appears twice in its results file: it is unclear which copy is meant."""
        earlier = None if brought.mark is None else self._marks.seen(brought.mark, number)
        if earlier is None:
            return None
        column, text = self._columns[Use.IMPORT_ROW], brought.mark_text
        what = (
            "both are the same row of an earlier import. Remove one of them, or clear its import_row and "
            "import_ref"
        )
        if earlier.before == 1:
            message = f"This row has the same import_row as row {number:,}: {what} if it is another balance."
            self._late.append(_in_cell("duplicate_mark", earlier.number, "", column, text, message, "error"))
        message = (
            f"This row has the same import_row as row {earlier.number:,}: {what} if it is another balance."
        )
        return _in_cell("duplicate_mark", number, "", column, text, message, "error")

    def _same_key(self, number: int, key: str) -> Problem | None:
        found = self._keys.seen(key, number)
        if found is None:
            return None
        first, alike = found
        column, what = self._columns[Use.REFERENCE], f"“{shown(key)}”"
        if alike:
            return self._both("duplicate_reference", "error", number, first, column, key, f"{what} is also")
        what = f"{what} (apart from upper and lower case) is also"
        return self._both("duplicate_reference", "warning", number, first, column, key, what)

    def _both(
        self, kind: str, severity: Severity, number: int, first: int, column: ColumnUse, value: str, what: str
    ) -> Problem:
        """A problem of this row, reported at the end for the first row with the same value too."""
        if (kind + severity, first) not in self._told:
            self._told.add((kind + severity, first))
            message = f"{what} in row {number:,}."
            self._late.append(_in_cell(kind, first, "", column, value, message, severity))
        return _in_cell(kind, number, "", column, value, f"{what} in row {first:,}.", severity)

    def _twin(self, number: int, part: str, earlier: Earlier, currency: str) -> Problem:
        severity: Severity = "error" if self._chosen_match else "warning"
        kind, same, end = "twin_row", "Same", "each creates its own balance"
        if self._chosen_match:
            kind, same, end = "duplicate_match", "Same key columns", "both are the same balance"
        value = f"row {earlier.number}"
        if earlier.before == 1:
            message = f"{same} as row {number:,}: {end}."
            first_part = currency if earlier.has_part else ""
            self._late.append(Problem(kind, earlier.number, first_part, "", value, message, severity))
        message = f"{same} as row {earlier.number:,}: {end}."
        return Problem(kind, number, part, "", value, message, severity)

    def _taken_indicator(self, number: int, part: str, request: RequestFields, hash_: str) -> list[Problem]:
        """An indicator has one balance per currency: in the file, and in Blnk unless this row created it."""
        indicator, currency = request["indicator"], request["currency"]
        column = self._columns[Use.INDICATOR]
        earlier = self._indicators.seen((indicator, currency), number, bool(part))
        if earlier is not None:
            what = f"“{shown(indicator)}” in {currency} is also"
            return [
                self._both("duplicate_indicator", "error", number, earlier.number, column, indicator, what)
            ]
        known = self._known_indicators.get(f"{indicator} {currency}")
        if known is None:
            return []
        made = refs.parse_ref(known.import_ref or "")
        if made is not None and made.hash == hash_:
            return []
        message = f"“{shown(indicator)}” in {currency} already exists in Blnk as {known.balance_id}."
        return [_in_cell("indicator_exists", number, part, column, indicator, message, "error")]

    def _kept_ref(
        self,
        number: int,
        part: str,
        brought: ReimportedRow,
        request: RequestFields,
        match: dict[str, str] | None,
    ) -> tuple[str | None, list[Problem]]:
        """The ref under which a row from a results file continues, so that it remains the same balance."""
        text = brought.ref_text
        is_itself = brought.ref is not None and refs.fits(brought.ref, request, match)
        if brought.status in UNSETTLED and not is_itself:
            message = (
                f"When this file was written, the row was “{brought.status}”, so its balance may exist. The "
                "row has changed since then, or its columns now mean something else, so it "
                "cannot be looked up. Resolve the row in its original import first."
            )
            at = self._columns[Use.STATUS]
            return None, [_in_cell("unsettled", number, part, at, brought.status, message, "error")]
        if not text:
            return None, []
        column = self._columns[Use.IMPORT_REF]
        if brought.ref is None:
            message = (
                f"“{shown(text)}” is not an import_ref of Balance Desk. The row is identified by "
                "its contents instead."
            )
            return None, [_in_cell("unknown_ref", number, part, column, text, message, "warning")]
        if not is_itself:
            message = (
                "The row has changed since its import_ref was assigned, so it is now a different balance."
            )
            return None, [_in_cell("changed_since", number, part, column, text, message, "note")]
        if not self._occurrences.keep(*brought.ref):
            message = "A row above already has this import_ref, so this row is a different balance."
            return None, [_in_cell("repeated_ref", number, part, column, text, message, "warning")]
        return text, []


def _in_cell(
    kind: str,
    number: int,
    part: str,
    column: ColumnUse,
    value: str,
    message: str,
    severity: Severity,
    repair: str | None = None,
) -> Problem:
    where = column.header, clip(value)
    return Problem(kind, number, part, *where, message, severity, repair, column.position)


def _fits(ref: refs.Ref, rows: list[CheckedRow]) -> bool:
    return any(row.request is not None and refs.fits(ref, row.request, row.match) for row in rows)
