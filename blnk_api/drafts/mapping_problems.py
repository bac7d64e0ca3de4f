"""Problems and notes about a mapping, before any row is checked."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from blnk_api.common.quoting import shown
from blnk_api.currencies import Severity
from blnk_api.drafts.mapping import FINDABLE
from blnk_api.facts.file_shape import FileShape
from blnk_api.facts.mapping import ONE_COLUMN_EACH, ColumnUse, Mapping, Use
from blnk_api.facts.problems import Problem, clip
from blnk_api.files.amount_names import names_an_amount
from blnk_api.files.column_names import is_formula_error, metadata_name, plain, recognise
from blnk_api.files.csv import encodings
from blnk_api.models import IMPORT_ID, IMPORT_REF

_UNSTORABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")


def problems(mapping: Mapping, shape: FileShape) -> list[Problem]:
    """Errors that prevent the check, and notes. All have row 0."""
    found = [
        _problem(
            "error",
            f"no_{what}_column",
            "",
            f"No column is mapped to the {what}. Choose a column, or one {what} for all rows.",
        )
        for use, chosen, what in (
            (Use.LEDGER, mapping.for_all_rows.ledger_id, "ledger"),
            (Use.CURRENCY, mapping.for_all_rows.currencies, "currency"),
        )
        if mapping.column(use) is None and not chosen
    ]
    found += [_problem(flaw.severity, flaw.kind, "", flaw.message) for flaw in shape.remarks]
    if shape.encoding_guessed:
        found.append(_guessed(shape))
    found += _used_twice(mapping)
    names = {column.name for column in mapping.metadata_columns}
    for match in mapping.match_columns or ():
        if match not in names:
            message = f"The key column “{shown(match)}” was chosen, but no column is stored under that name."
            found.append(_problem("error", "no_match_column", match, message))
    for column in mapping.columns:
        found += _about(column, [record.cells[column.position] for record in shape.samples])
    return found


def _guessed(shape: FileShape) -> Problem:
    encoding = encodings.display_name(shape.encoding or "")
    message = (
        f"The file does not state its character encoding. It is read as {encoding}, which is a guess: "
        f"“{shown(shape.letters)}”. If that looks wrong, choose another encoding."
    )
    return Problem("encoding_guessed", 0, "", "", clip(shape.letters), message, "warning")


def _used_twice(mapping: Mapping) -> Iterator[Problem]:
    used: dict[tuple[Use, str], list[ColumnUse]] = defaultdict(list)
    for column in mapping.columns:
        if column.use is not Use.IGNORE:
            key = Use.METADATA if column.use is Use.REFERENCE else column.use
            used[key, (column.name or "").casefold()].append(column)
    for (use, name), columns in used.items():
        if len(columns) < 2:
            continue
        headers = [
            f"“{shown(column.header)}”" if column.header else f"Column {column.position + 1}"
            for column in columns
        ]
        if len({plain(column.header) for column in columns}) == 1:
            places = " and ".join(str(column.position + 1) for column in columns)
            message = f"The column {headers[0]} appears {_times(len(columns))} (columns {places}). Keep one."
        else:
            what = f"stored as “{shown(name)}”" if name else f"mapped to {use.value.replace('_', ' ')}"
            message = f"{' and '.join(headers)} are all {what}. Keep one."
        yield _problem("error", "duplicate_column", columns[0].header, message, columns[0].position)


def _times(count: int) -> str:
    return "twice" if count == 2 else f"{count} times"


def _about(column: ColumnUse, samples: Sequence[str]) -> Iterator[Problem]:
    header, name, at = column.header, column.name, column.position
    quoted = f"“{shown(header)}”"
    if column.use is Use.IGNORE:
        if not header and any(map(str.strip, samples)):
            message = f"Column {column.position + 1} has no name and is skipped, although it has values."
            yield _problem("warning", "nameless_column", header, message, at)
        elif is_formula_error(header):
            message = (
                f"Column {column.position + 1} is called {quoted}, which is a formula error, and is skipped. "
                "Correct the name in the file, or choose what the column is."
            )
            yield _problem("warning", "nameless_column", header, message, at)
        return
    if column.use not in (Use.METADATA, Use.REFERENCE):
        return
    if not name:
        message = f"Enter the name that {quoted} is stored under."
        yield _problem("error", "no_metadata_name", header, message, at)
        return
    if name in (IMPORT_REF, IMPORT_ID):
        message = f"{name} is reserved for Balance Desk. Choose another name for {quoted}."
        yield _problem("error", "reserved_name", header, message, at)
    elif _UNSTORABLE.search(name):
        message = (
            f"The name “{shown(name)}” has characters that cannot be stored or were lost. Choose another "
            "name."
        )
        yield _problem("error", "bad_name", header, message, at)
    elif not FINDABLE.fullmatch(name):
        message = (
            f"Blnk cannot search for the name “{shown(name)}”. Start with a letter, then use only "
            "letters A to Z, digits and _."
        )
        yield _problem("warning", "unfindable_name", header, message, at)
    elif name != (metadata_name(header) or header):
        message = f"{quoted} is stored as {name}, a name that Blnk can search for."
        yield _problem("note", "renamed", header, message, at)
    if names_an_amount(header):
        message = (
            f"{quoted} is stored as metadata only. Amounts are not posted: every new balance starts at zero."
        )
        yield _problem("warning", "amount_column", header, message, at)
    known = recognise(header)
    if column.use is Use.METADATA and known and known[0] in ONE_COLUMN_EACH:
        message = (
            f"{quoted} is stored as metadata, although it looks like the {known[0].value.replace('_', ' ')}."
        )
        yield _problem("warning", "second_column", header, message, at)
    if column.use is Use.REFERENCE:
        message = (
            f"{quoted} is used as your unique key, so two rows with the same key are an error. If "
            "it is not a unique key, map the column as metadata."
        )
        yield _problem("note", "reference_column", header, message, at)


def _problem(
    severity: Severity, kind: str, column: str, message: str, position: int | None = None
) -> Problem:
    return Problem(kind, 0, "", column, clip(column), message, severity, position=position)
