"""Explains why a column has its use, and how certain that is, by its values if they were checked. Pure."""

from blnk_api.facts.file_shape import FileShape
from blnk_api.facts.mapping import ColumnUse, Use
from blnk_api.facts.totals import Totals
from blnk_api.files.column_names import recognise

_KNOWN = {
    Use.LEDGER: ("a ledger of your Blnk instance", "ledgers of your Blnk instance"),
    Use.CURRENCY: ("a currency", "currencies"),
    Use.IDENTITY: ("an identity of your Blnk instance", "identities of your Blnk instance, or empty"),
}


def reason(column: ColumnUse, shape: FileShape, totals: Totals) -> str:
    """ "All 60 values are ledgers of your Blnk instance.", or "" if there is nothing to say."""
    # Skipped rows were not checked.
    checked = (totals.records or 0) - totals.left_out - totals.hidden_rows
    if column.use in _KNOWN and checked > 0:
        return _by_values(column, checked, totals)
    found = recognise(column.header)
    if found is not None and found[0] is column.use:
        return "Recognized by its name."
    if column.use in _KNOWN:
        return "Recognized by its values, or chosen."
    if column.use is Use.IGNORE and any(
        column.position < len(record.cells) and record.cells[column.position].strip()
        for record in shape.samples
    ):
        return "Not sent, although it has values."
    return ""


def _by_values(column: ColumnUse, records: int, totals: Totals) -> str:
    one, many = _KNOWN[column.use]
    wrong = sum(
        each.count
        for each in totals.problems
        if each.severity == "error" and each.position == column.position and each.rows != ("0",)
    )
    right = max(0, records - wrong)
    if not wrong:
        return f"The only value is {one}." if records == 1 else f"All {records:,} values are {many}."
    if not right:
        return f"None of the {records:,} values is {one}. Is this the right column?"
    return f"{right:,} of {records:,} values are {many}."
