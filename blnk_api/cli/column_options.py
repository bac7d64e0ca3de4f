"""Applies a command's options for columns (--ledger, --currency, --map, --key) to what was detected."""

import re
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from blnk_api.cli.exit_codes import CommandFailed
from blnk_api.cli.import_options import FIELDS
from blnk_api.common.quoting import shown
from blnk_api.drafts import mapping as mappings
from blnk_api.drafts import mapping_changes, mapping_problems
from blnk_api.facts.file_shape import FileShape, ReadOptions
from blnk_api.facts.mapping import ONE_COLUMN_EACH, ColumnUse, ForAllRows, Mapping, Use
from blnk_api.files import FileProblem, reading_process
from blnk_api.store.imports import Import

_PLACE = re.compile(r"#([0-9]{1,3})")


@dataclass(frozen=True)
class ColumnOptions:
    """The options as typed. `map` has "Column=field", `key` column names."""

    ledger: str | None = None
    currency: str | None = None
    map: Sequence[str] = ()
    key: Sequence[str] = ()

    @classmethod
    def of(cls, options: Namespace) -> Self:
        return cls(options.ledger, options.currency, options.map, options.key)


class BadFile(CommandFailed):
    """The file cannot be imported this way. `kind` is one word for programs; `shape` is what was read of
    it."""

    def __init__(self, kind: str, sentence: str, shape: FileShape | None = None) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.shape = shape


@dataclass(frozen=True)
class ResolvedColumns:
    """The mapping; `notes` are sentences about options that have no effect."""

    mapping: Mapping
    notes: list[str]
    accepted: Sequence[str] = ()
    """Custom currencies that were accepted in the import whose results file this is."""


_DETECT = ReadOptions()


def understand(
    path: Path,
    wishes: ColumnOptions,
    options: ReadOptions = _DETECT,
    *,
    results_of: Callable[[Mapping, FileShape], Import | None] = lambda *_: None,
) -> ResolvedColumns:
    """Determines the mapping. Raises BadFile, and CommandFailed for an option that cannot be applied.

    `results_of` finds the import whose results file this is, so that its columns keep their meaning.
    """
    try:
        shape = reading_process.detect(path, path.name, options)
    except FileProblem as problem:
        raise BadFile(problem.kind, problem.message) from None
    except OSError as problem:
        message = f"{shown(str(path), 200)} cannot be read: {problem.strerror}."
        raise BadFile("not_found", message) from None
    mapping = mappings.guess(shape)
    earlier = results_of(mapping, shape)
    if earlier is not None and earlier.mapping is not None:
        mapping = mappings.adopt(earlier.mapping, shape)
    for wish in wishes.map:
        mapping = _mapped(mapping, wish)
    mapping = mapping.model_copy(update={"columns": mapping_changes.named(mapping.columns)})
    notes = []
    for option, chosen, use in (
        ("ledger", wishes.ledger, Use.LEDGER),
        ("currency", wishes.currency, Use.CURRENCY),
    ):
        column = mapping.column(use)
        if chosen is not None and column is not None:
            notes.append(
                f"The file has a {option} column, “{shown(column.header)}”, so --{option} is not used."
            )
    typed = tuple(code.strip() for code in (wishes.currency or "").split(";") if code.strip())
    for_all = ForAllRows(
        ledger_id=wishes.ledger or mapping.for_all_rows.ledger_id,
        currencies=typed or mapping.for_all_rows.currencies,
    )
    keys = tuple(_key(mapping, header) for header in wishes.key) or mapping.match_columns
    mapping = mapping.model_copy(update={"for_all_rows": for_all, "match_columns": keys})
    wrong = [one for one in mapping_problems.problems(mapping, shape) if one.severity == "error"]
    if wrong:
        message = " ".join(one.message for one in wrong)
        twice = next((one.position for one in wrong if one.kind == "duplicate_column"), None)
        if twice is not None:
            message += f' To ignore one of them: --map "#{twice + 1}=ignore".'
        raise BadFile(wrong[0].kind, message + _how_to_choose(mapping), shape)
    return ResolvedColumns(mapping, notes, earlier.accepted.currencies if earlier else ())


def _how_to_choose(mapping: Mapping) -> str:
    """The option to type if a column was not recognized."""
    options = [
        option
        for option, use, chosen in (
            ("--ledger ID", Use.LEDGER, mapping.for_all_rows.ledger_id),
            ("--currency CODE", Use.CURRENCY, mapping.for_all_rows.currencies),
        )
        if mapping.column(use) is None and not chosen
    ]
    if not options:
        return ""
    return f' Use --map "COLUMN=FIELD", or for all rows {" and ".join(options)}.'


def _mapped(mapping: Mapping, wish: str) -> Mapping:
    """Applies one "Column=field". Another column with that field becomes metadata."""
    header, _, field = wish.rpartition("=")
    word, _, name = field.strip().partition(":")
    use = FIELDS.get(word.strip().lower())
    if not header or use is None or (name and use is not Use.METADATA):
        raise CommandFailed(
            f"“{shown(wish)}” after --map should be COLUMN=FIELD. The fields are {', '.join(FIELDS)} and "
            "metadata:NAME. Nothing was sent."
        )
    meant = {column.position for column in _columns(mapping, header)}
    columns = []
    for column in mapping.columns:
        if column.position in meant:
            column = column.model_copy(update={"use": use, "name": name.strip() or None})
        elif column.use is use and use in ONE_COLUMN_EACH:
            column = column.model_copy(update={"use": Use.METADATA, "name": None})
        columns.append(column)
    return mapping.model_copy(update={"columns": tuple(columns)})


def _key(mapping: Mapping, header: str) -> str:
    """The metadata name of a key column, one of those that decide whether two rows are the same balance."""
    found = _columns(mapping, header)
    names = [one.name for one in found if one.name is not None]
    if len(names) > 1:
        places = " or ".join(f"#{one.position + 1}" for one in found if one.name is not None)
        raise CommandFailed(
            f"{len(names)} columns are named “{shown(header)}”. Name one of them by its place after --key: "
            f"{places}. Nothing was sent."
        )
    if names:
        return names[0]
    if found[0].use is Use.IGNORE:
        raise CommandFailed(
            f"The column “{shown(header)}” is ignored, so it cannot be a key column. Nothing was sent."
        )
    raise CommandFailed(
        f"The column “{shown(header)}” is always compared. Only metadata columns can be named after --key. "
        "Nothing was sent."
    )


def _columns(mapping: Mapping, header: str) -> list[ColumnUse]:
    """The columns with this header, in exact spelling or else in any case. "#3" is the file's third
    column."""
    wanted = " ".join(header.split())
    for fold in (str, str.casefold):
        found = [one for one in mapping.columns if fold(" ".join(one.header.split())) == fold(wanted)]
        if found:
            return found
    if (place := _PLACE.fullmatch(wanted)) and 0 < int(place[1]) <= len(mapping.columns):
        return [mapping.columns[int(place[1]) - 1]]
    known = ", ".join(shown(one.header) for one in mapping.columns if one.header)
    raise CommandFailed(f"The file has no column “{shown(header)}”. Its columns are: {known}.")
