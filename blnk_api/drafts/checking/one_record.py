"""The meaning of a single record, regardless of other records."""

import json
import re
from collections.abc import Callable, Collection, Iterable

from blnk_api.common.quoting import shown
from blnk_api.currencies import Finding
from blnk_api.drafts.checking import cells as rules
from blnk_api.drafts.checking import garbled_text, total_rows
from blnk_api.drafts.checking.cells import Answer, Kept
from blnk_api.drafts.checking.checked_row import CheckedRow
from blnk_api.drafts.checking.known_in_blnk import Known
from blnk_api.facts.file_shape import FileShape, Flaw, Record
from blnk_api.facts.mapping import Mapping, Use
from blnk_api.facts.problems import Problem, clip
from blnk_api.files.column_names import is_formula_error
from blnk_api.files.csv.unclosed_quotes import LINES, SEPARATORS, inner_cells, takes_in
from blnk_api.models import GENERAL_LEDGER_ID, RequestFields

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_HALF = re.compile("[\ud800-\udfff]")
_CUT_DIGITS = re.compile(r"-?[0-9](?:[.,][0-9]{1,14})?[Ee]\+[0-9]{2,3}")
_TOO_NARROW = re.compile("#{3,255}")
_LONGEST_FORMULA_ERROR = 20
_SPREADSHEET_CELL = 32_767
_MAX_BODY_BYTES = 4_900_000
"""Blnk rejects a body over 5 MB, and our two metadata keys are added to it."""


_NOT_SENT = (Use.IGNORE, Use.STATUS, Use.MESSAGE)


class RecordReader:
    """Interprets records under one mapping. Each distinct cell is interpreted once."""

    def __init__(
        self,
        shape: FileShape,
        mapping: Mapping,
        known: Known,
        custom_currencies: Iterable[str],
        accepted_currencies: Collection[str],
        may_hold_totals: bool,
    ) -> None:
        self._may_hold_totals = may_hold_totals
        self._headers = shape.headers
        self._separators = shape.delimiter or SEPARATORS  # a workbook does not tell its text file's
        self._at = {use: column.position for use in Use if (column := mapping.column(use))}
        self._left_out = {column.position for column in mapping.columns if column.use in _NOT_SENT}
        self._needs_no_cell = not {Use.LEDGER, Use.CURRENCY} <= self._at.keys()
        self._metadata = [(column.position, column.name or "") for column in mapping.metadata_columns]
        self._match_names = mapping.match_columns
        reference = mapping.column(Use.REFERENCE)
        self._reference = (reference.position, reference.name or "") if reference else None
        self.names = {"ledger": rules.ledgers(known), "identity": rules.identities(known)}
        money = rules.Currencies(custom_currencies, accepted_currencies)
        self._ledgers: Kept[Answer[str]] = Kept(_required(self.names["ledger"].find, "ledger"))
        self._currencies: Kept[Answer[tuple[str, ...]]] = Kept(money.find)
        answers: tuple[tuple[Use, str, Callable[[str], Answer[object]]], ...] = (
            (Use.IDENTITY, "identity_id", _optional(self.names["identity"].find)),
            (Use.INDICATOR, "indicator", rules.indicator),
            (Use.LINEAGE, "track_fund_lineage", rules.lineage),
            (Use.ALLOCATION_STRATEGY, "allocation_strategy", rules.strategy),
        )
        self._optional: list[tuple[int, str, Kept[Answer[object]]]] = [
            (self._at[use], field, Kept(answer)) for use, field, answer in answers if use in self._at
        ]
        self._for_all_ledger = mapping.for_all_rows.ledger_id or ""
        self._for_all_currencies = ";".join(mapping.for_all_rows.currencies)

    def rows(self, record: Record, cells: list[str]) -> list[CheckedRow]:
        """One row for each currency of the record, with these cells: its own, or as they were before we
        guarded them. One without a request when the record is invalid."""
        number = record.number
        found: list[Problem] = []
        if record.problems:
            found = [self._flaw(record, flaw) for flaw in record.problems if self._counts(flaw)]
        flaws = len(found)
        if flaws and any(flaw.column is None and flaw.severity == "error" for flaw in record.problems):
            return [CheckedRow(number, "", None, found)]  # no cell is sure to stand under its column
        joined = "".join(cells)
        if (
            not joined.isprintable()
            or len(joined) > _SPREADSHEET_CELL
            or "\ufffd" in joined
            or "E+" in joined
            or "e+" in joined
            or "#" in joined
            or (not joined.isascii() and garbled_text.may_be_garbled(joined))
        ):
            self._look_at_characters(number, cells, found)
        ledger_at, currency_at = self._at.get(Use.LEDGER), self._at.get(Use.CURRENCY)
        text = self._for_all_ledger if ledger_at is None else cells[ledger_at]
        ledger, findings = self._ledgers[text]
        if findings:
            self._add(found, number, ledger_at, text, findings)
        text = self._for_all_currencies if currency_at is None else cells[currency_at]
        currencies, findings = self._currencies[text]
        if findings:
            self._add(found, number, currency_at, text, findings)
        request: RequestFields = {"ledger_id": ledger, "currency": ""}
        for column, field, answers in self._optional:
            if text := cells[column]:
                value, findings = answers[text]
                if findings:
                    self._add(found, number, column, text, findings)
                if value:
                    request[field] = value  # type: ignore[literal-required]
        if "indicator" in request or "track_fund_lineage" in request:
            self._look_between(number, cells, request, found)
        metadata = {name: text for column, name in self._metadata if (text := cells[column])}
        if metadata:
            request["meta_data"] = metadata
        if len(joined) > 1_000_000 and _bytes(request) > _MAX_BODY_BYTES:
            message = "This row is larger than 5 MB, which Blnk does not accept."
            found.append(Problem("row_too_long", number, "", "", "", message, "error"))
        key = cells[self._reference[0]].strip() if self._reference else ""
        match: dict[str, str] | None = None
        if self._match_names is not None:
            match = {name: metadata[name] for name in self._match_names if name in metadata}
        elif key and self._reference:
            match = {self._reference[1]: metadata[self._reference[1]]}
        if flaws:
            found = _flaws_first(found, flaws)
        is_wrong = bool(found) and any(problem.severity == "error" for problem in found)
        may_be_total = self._may_hold_totals and (is_wrong or self._needs_no_cell)
        if may_be_total and (total := total_rows.finding(self._headers, cells, is_wrong)):
            found, is_wrong = [Problem(total.kind, number, "", "", "", total.message, "error")], True
        if is_wrong or not currencies:
            return [CheckedRow(number, "", None, found, None, key)]
        if len(currencies) == 1:
            request["currency"] = currencies[0]
            return [CheckedRow(number, "", request, found, match, key)]
        return [
            CheckedRow(number, code, {**request, "currency": code}, found, match, key) for code in currencies
        ]

    def _counts(self, flaw: Flaw) -> bool:
        """Whether a flaw matters. In an ignored column, only a flaw that affects other rows does."""
        return flaw.column not in self._left_out or flaw.kind == "bad_quotes"

    def _flaw(self, record: Record, flaw: Flaw) -> Problem:
        if flaw.kind == "several_lines" and self._holds_rows(record, flaw):
            flaw = flaw._replace(
                kind="bad_quotes", severity="error", message=takes_in(record.cells[flaw.column or 0])
            )
        column, value = "", ""
        if flaw.column is not None:
            column, value = self._headers[flaw.column], clip(flaw.value or record.cells[flaw.column])
        return Problem(
            *(flaw.kind, record.number, "", column, value),
            *(flaw.message, flaw.severity, flaw.repair, flaw.column),
        )

    def _holds_rows(self, record: Record, flaw: Flaw) -> bool:
        """Whether a line of the cell has an existing ledger or currency where a row would have one."""
        at = flaw.column or 0
        lines = LINES.split(record.cells[at])
        return any(self._are_rows([line.split(one) for line in lines], at) for one in self._separators)

    def _are_rows(self, found: list[list[str]], at: int) -> bool:
        return any(
            (column == self._at.get(Use.LEDGER) and piece and self._ledgers[piece][0])
            or (column == self._at.get(Use.CURRENCY) and piece and self._currencies[piece][0])
            for place, pieces in enumerate(found)
            for column, piece in inner_cells(pieces, at, place, len(found))
        )

    def _add(
        self, found: list[Problem], number: int, at: int | None, text: str, findings: Iterable[Finding]
    ) -> None:
        column = "" if at is None else self._headers[at]
        for kind, severity, message, repair in findings:
            found.append(Problem(kind, number, "", column, clip(text), message, severity, repair, at))

    def _look_between(
        self, number: int, cells: list[str], request: RequestFields, found: list[Problem]
    ) -> None:
        """Checks the rules between fields."""
        if "indicator" in request and request["ledger_id"] not in (GENERAL_LEDGER_ID, None):
            at, message = self._at[Use.INDICATOR], "Indicators are only allowed in the General Ledger."
            wrong = Finding("indicator_outside_general_ledger", "error", message)
            self._add(found, number, at, cells[at], (wrong,))
        identity_at = self._at.get(Use.IDENTITY)
        if "track_fund_lineage" in request and (identity_at is None or not cells[identity_at].strip()):
            at, message = self._at[Use.LINEAGE], "To track fund lineage, the balance needs an identity."
            self._add(found, number, at, cells[at], (Finding("lineage_without_identity", "error", message),))

    def _look_at_characters(self, number: int, cells: list[str], found: list[Problem]) -> None:
        """Finds text that Blnk cannot store, or that is probably not intended."""
        for at, cell in enumerate(cells):
            if at in self._left_out:
                continue
            if "\0" in cell:
                message = f"“{shown(cell)}” contains a NUL character, which Blnk cannot store."
                finding = Finding("control_character", "error", message, cell.replace("\0", ""))
            elif "\ufffd" in cell:
                message = (
                    f"“{shown(cell)}” contains the character \ufffd, which stands for a lost letter. "
                    "Restore the letter."
                )
                finding = Finding("undecodable_text", "error", message)
            elif _HALF.search(cell):
                message = (
                    f"“{shown(cell)}” contains an incomplete character, which Blnk cannot store. Enter the "
                    "complete character."
                )
                finding = Finding("undecodable_text", "error", message)
            elif not cell.isascii() and (meant := garbled_text.as_meant(cell)):
                message = (
                    f"“{shown(cell)}” looks like “{shown(meant)}”, read in the wrong encoding by the program "
                    "that saved the file. It is sent as is."
                )
                finding = Finding("garbled_text", "warning", message, meant)
            elif _CONTROL.search(cell):
                message = f"“{shown(cell)}” contains an invisible control character. It is sent as is."
                finding = Finding("control_character", "warning", message, _CONTROL.sub("", cell))
            elif "#" in cell and (said := _no_value(cell.strip())):
                finding = Finding("no_value", "warning", said)
            elif ("E+" in cell or "e+" in cell) and _CUT_DIGITS.fullmatch(cell.strip()):
                message = (
                    f"“{shown(cell)}” looks like a long number that Excel has cut short. Format the "
                    "column as "
                    "text and export the file again."
                )
                finding = Finding("cut_digits", "warning", message)
            elif len(cell) > _SPREADSHEET_CELL:
                message = f"The cell has {len(cell):,} characters, more than a spreadsheet can show (32,767)."
                finding = Finding("long_cell", "warning", message)
            else:
                continue
            self._add(found, number, at, cell, (finding,))


def _no_value(text: str) -> str | None:
    """What to tell of a text that a spreadsheet displays because it has no value to display."""
    if _TOO_NARROW.fullmatch(text):
        return (
            f"“{shown(text)}” is what a spreadsheet displays if a column is too narrow. The value is lost. "
            "Widen the column and export the file again."
        )
    is_said = text in ("#N/A", "#NV")  # a value too: that there is none
    if len(text) <= _LONGEST_FORMULA_ERROR and is_formula_error(text) and not is_said:
        return f"“{shown(text)}” is a formula error, not a value. Correct the formula, or enter the value."
    return None


def _bytes(request: RequestFields) -> int:
    """The size of the request's body. The fast encoder rejects lone surrogates, which are reported
    elsewhere."""
    return len(json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode(errors="replace"))


def _required(find: Callable[[str], Answer[str]], what: str) -> Callable[[str], Answer[str]]:
    missing: Answer[str] = (None, (Finding(f"missing_{what}", "error", f"The {what} is missing."),))
    return lambda text: find(text) if text.strip() else missing


def _optional(find: Callable[[str], Answer[str]]) -> Callable[[str], Answer[str]]:
    return lambda text: find(text) if text.strip() else ("", ())


def _flaws_first(found: list[Problem], flaws: int) -> list[Problem]:
    """If reading found a flaw in a cell, other problems of the cell would only repeat it."""
    flawed = {problem.position for problem in found[:flaws]}
    return found[:flaws] + [problem for problem in found[flaws:] if problem.position not in flawed]
