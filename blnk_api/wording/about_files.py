"""Sentences about a file and its check: how it was read, its mapping, totals by ledger."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson

from blnk_api.common.quoting import shown
from blnk_api.facts.file_shape import FileShape
from blnk_api.facts.mapping import OUR_OWN, Use
from blnk_api.facts.totals import LedgerTotal, Totals
from blnk_api.files.column_labels import distinct_labels
from blnk_api.files.csv import encodings
from blnk_api.models import GENERAL_LEDGER_ID
from blnk_api.settings import Settings
from blnk_api.store.imports import Import
from blnk_api.store.rows import StoredRow
from blnk_api.store.states import RowState, Stage
from blnk_api.wording.balance_fields import FIELDS
from blnk_api.wording.phrases import plural


def row_labels(labels: Sequence[object], count: int) -> str:
    """ "3, 17, 20 and 41 more" """
    listed = ", ".join(str(one) for one in labels[:_MOST_LABELS])
    more = count - min(len(labels), _MOST_LABELS)
    return f"{listed} and {more:,} more" if more > 0 and listed else listed


def missing(is_sqlite: bool) -> str:
    """For an uploaded file that is not in the file store; with SQLite that is the data folder."""
    if is_sqlite:
        return (
            "The uploaded file is no longer in the data folder. Nothing was sent. Restore it from a backup, "
            "or discard this draft and upload the file again."
        )
    return (
        "The uploaded file is not in the import database. Nothing was sent. If files were kept in a data "
        "folder until now, run the command take-over on it. Otherwise discard this draft and upload the "
        "file again."
    )


def gone(*, is_deleted: bool, is_sqlite: bool) -> str:
    """Why a file of an import cannot be downloaded. Continues a sentence after a colon."""
    if is_deleted:
        return "deleted, as the settings require."
    if is_sqlite:
        return "no longer in the data folder."
    return (
        "not in the import database. If files were kept in a data folder until now, run the command "
        "take-over on it."
    )


def kept_in(settings: Settings) -> tuple[str, str]:
    """Where imports and files are stored, as a label and its value: what must be backed up."""
    if settings.database_url.startswith("sqlite"):
        return "Data folder", str(settings.data_dir)
    # Only the host: the rest may contain a password.
    host = urlsplit(settings.database_url).hostname
    return "Import database", f"Postgres at {host or 'this machine'}, with all files"


@dataclass(frozen=True)
class LedgerPart:
    """The totals of one ledger. `balances` counts them, and must not look like an amount of money."""

    ledger_id: str
    name: str
    balances: str


def by_ledger(totals: Totals) -> list[LedgerPart]:
    """A check's totals by ledger, in the order of the check."""
    parts: dict[str, list[LedgerTotal]] = {}
    for one in totals.by_ledger:
        parts.setdefault(one.ledger_id, []).append(one)
    return [LedgerPart(id, found[0].name, _counted(found)) for id, found in parts.items()]


def by_currency(totals: Totals) -> str:
    """ "41 balances: 27 in USD, 14 in EUR", or "41 balances in USD" """
    return _counted(totals.by_ledger)


def _counted(totals: Iterable[LedgerTotal]) -> str:
    sums: dict[str, int] = {}
    for one in totals:
        sums[one.currency] = sums.get(one.currency, 0) + one.n
    most_first = sorted(sums.items(), key=lambda pair: -pair[1])
    if len(sums) == 1:
        return f"{plural(most_first[0][1], 'balance')} in {most_first[0][0]}"
    listed = ", ".join(f"{n:,} in {currency}" for currency, n in most_first)
    return f"{plural(sum(sums.values()), 'balance')}: {listed}"


_MOST_LABELS = 50

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes ( | )"}


def reading(import_: Import) -> str:
    """How a file was read: "A text file with columns separated by commas, in UTF-8; names in row 1." """
    shape = import_.shape
    assert shape is not None
    if shape.kind == "xlsx":
        what = f"A workbook, sheet {shown(shape.sheet or '')}"
    else:
        between = delimiter(shape.delimiter or ",")
        what = f"A text file with columns separated by {between}, in {_encoding(shape)}"
    row = shape.header_row
    names = f"the column names are in row {row}" if row else "there are no column names"
    # What an earlier check counted does not apply to the current reading.
    records = None if import_.stage is Stage.MATCHING else import_.totals.records
    return f"{what}; {names}." + ("" if records is None else f" {plural(records, 'row')}.")


def _encoding(shape: FileShape) -> str:
    name = encodings.display_name(shape.encoding or "utf-8")
    return f"{name} (a guess: check that accented letters look right)" if shape.encoding_guessed else name


def delimiter(sign: str) -> str:
    return _DELIMITERS.get(sign, shown(sign))


def columns(import_: Import, taken: Sequence[str] = ()) -> list[str]:
    """A distinct name for each column of the file, also different from those in `taken`."""
    return distinct_labels(import_.headers, taken)


def column(import_: Import, position: int) -> str:
    """The name of one column of the file; see `columns`."""
    return name_at(columns(import_), position)


def name_at(names: Sequence[str], position: int) -> str:
    """One of the names of `columns`. A row may have more cells than the file has columns."""
    return names[position] if position < len(names) else f"Column {position + 1}"


def problem_column(import_: Import, header: str, position: int | None) -> str:
    """The column of a problem, or "" for the whole row. Checks of earlier versions stored only the header."""
    return header if position is None else column(import_, position)


def row_counts(import_: Import) -> str:
    """ "60 rows · 54 ready · 6 invalid", and other counts. A row with two currencies is counted twice, so the
    number of balances is named where it is not that of rows."""
    counts = import_.counts
    balances = sum(counts.values())
    rows = import_.totals.records or balances
    counted = [plural(rows, "row")]
    if balances > rows:
        counted[0] += f", {plural(balances, 'balance')}"
    counted += [f"{counts.get(state, 0):,} {word}" for state, word in _ALWAYS_COUNTED.items()]
    counted += [f"{counts[state]:,} {word}" for state, word in _COUNTED.items() if counts.get(state)]
    return " · ".join(counted)


_ALWAYS_COUNTED = {RowState.READY: "ready", RowState.INVALID: "invalid"}
_COUNTED = {RowState.EXISTS: "already in Blnk", RowState.LEFT_OUT: "skipped"}


def no_values(shape: FileShape) -> str:
    """Of a column none of whose first values is known. Later rows may have some."""
    return f"Empty in the first {plural(len(shape.samples), 'row')}"


def wrong(row: StoredRow) -> str:
    """Why a row cannot be sent."""
    return row.wrong or row.message or ""


def as_in_file(import_: Import, found: Sequence[StoredRow]) -> dict[str, list[str]]:
    """Records with their cells, from the file or as edited."""
    names = columns(import_, taken=("Row",))
    cells = {name: [row.cells[at] for row in found] for at, name in enumerate(names)}
    return {"Row": [str(row.number) for row in found], **cells}


def as_planned(import_: Import, found: Sequence[StoredRow]) -> dict[str, list[str]]:
    """Rows as they will be created, in the words of the file: a ledger by its name, a customer as typed."""
    names = columns(import_, taken=("Row", "Ledger", "Currency"))
    ledgers = {GENERAL_LEDGER_ID: "General Ledger", **import_.totals.ledger_names}
    table: dict[str, list[str]] = {"Row": [row.label for row in found]}
    table["Ledger"] = [ledgers.get(row.ledger_id or "") or row.ledger_id or "" for row in found]
    table["Currency"] = [row.currency or "" for row in found]
    kept = [one for one in import_.columns if one.use not in _NOT_PLANNED]
    for column in sorted(kept, key=lambda one: one.use in (Use.METADATA, Use.REFERENCE)):
        table[names[column.position]] = [row.cells[column.position] for row in found]
    return table


_NOT_PLANNED = (Use.LEDGER, Use.CURRENCY, Use.IGNORE, *OUR_OWN)
"""Already shown, or not sent."""


def as_sent(found: Sequence[StoredRow]) -> dict[str, list[str]]:
    """Rows as they will be sent, with a column for each field and each metadata name."""
    bodies = [orjson.loads(row.body or b"{}") for row in found]
    table: dict[str, list[str]] = {"Row": [row.label for row in found]}
    for name in FIELDS:
        if any(name in body for body in bodies):
            table[name] = [str(body.get(name, "")) for body in bodies]
    for name in dict.fromkeys(name for body in bodies for name in body.get("meta_data", {})):
        table[f"meta_data.{name}"] = [str(body.get("meta_data", {}).get(name, "")) for body in bodies]
    return table


def how_long(count: int, per_minute: int) -> str:
    """ "About 2 minutes at this connection's limit of 6,000 requests a minute." """
    seconds = count * 60 / per_minute
    if seconds < 60:
        duration = "Less than a minute"
    elif seconds < 5_400:
        duration = f"About {plural(round(seconds / 60), 'minute')}"
    else:
        duration = f"About {seconds / 3600:.1f} hours"
    return f"{duration} at this connection's limit of {per_minute:,} requests a minute."


_USES = {
    Use.LEDGER: FIELDS["ledger_id"],
    Use.CURRENCY: FIELDS["currency"],
    Use.IDENTITY: FIELDS["identity_id"],
    Use.INDICATOR: FIELDS["indicator"],
    Use.LINEAGE: "Track fund lineage",
    Use.ALLOCATION_STRATEGY: FIELDS["allocation_strategy"],
    **dict.fromkeys(OUR_OWN, "Balance Desk's column from earlier results"),
    Use.IGNORE: "Ignored",
    Use.METADATA: "Metadata",
    Use.REFERENCE: "Metadata: your unique reference",
}


def use(chosen: Use) -> str:
    """What a column of the file becomes."""
    return _USES[chosen]
