"""A person's changes to the mapping. Each function returns a new mapping. Pure."""

from collections.abc import Sequence

from blnk_api.drafts.mapping import stored_name
from blnk_api.facts.file_shape import FileShape
from blnk_api.facts.mapping import ONE_COLUMN_EACH, ColumnUse, ForAllRows, Mapping, Use

_ONE_COLUMN_EACH = (*ONE_COLUMN_EACH, Use.REFERENCE)
_STORED = (Use.METADATA, Use.REFERENCE)
_SAMPLES = 3


def with_use(mapping: Mapping, position: int, use: Use, name: str | None = None) -> Mapping:
    """Changes a column's use. Another column with the same use becomes metadata.

    `name` is the metadata name. Without it the column gets its default name.
    """
    columns = []
    for column in mapping.columns:
        if column.position == position:
            column = column.model_copy(update={"use": use, "name": (name or "").strip() or None})
        elif column.use is use and use in _ONE_COLUMN_EACH:
            column = column.model_copy(update={"use": Use.METADATA, "name": column.name})
        columns.append(column)
    return _settled(mapping.model_copy(update={"columns": named(columns)}))


def with_name(mapping: Mapping, position: int, name: str) -> Mapping:
    """Changes the metadata name of a column, if the column is still stored."""
    at = next((one for one in mapping.columns if one.position == position and one.use in _STORED), None)
    return with_use(mapping, position, at.use, name) if at else mapping


def named(columns: Sequence[ColumnUse]) -> tuple[ColumnUse, ...]:
    """Gives stored columns without a name their default name."""
    taken = {one.name: one.header for one in columns if one.name and one.use in _STORED}
    return tuple(
        one.model_copy(update={"name": one.name or stored_name(one.header, taken)})
        if one.use in _STORED
        else one.model_copy(update={"name": None})
        for one in columns
    )


def _settled(mapping: Mapping) -> Mapping:
    """Drops key columns that are no longer stored."""
    if mapping.match_columns is None:
        return mapping
    there = {column.name for column in mapping.metadata_columns}
    kept = tuple(name for name in mapping.match_columns if name in there)
    return mapping.model_copy(update={"match_columns": kept or None})


def for_all_rows(mapping: Mapping, *, ledger_id: str | None, currencies: Sequence[str]) -> Mapping:
    """Sets the ledger and the currencies that the file has no column for."""
    chosen = ForAllRows(ledger_id=ledger_id or None, currencies=tuple(currencies))
    return mapping.model_copy(update={"for_all_rows": chosen})


def with_match(mapping: Mapping, names: Sequence[str]) -> Mapping:
    """Sets the key columns by their metadata names. None: everything that is sent."""
    return mapping.model_copy(update={"match_columns": tuple(names) or None})


def with_identity_key(mapping: Mapping, key: str) -> Mapping:
    """Sets the metadata key whose values the identity column contains. Empty: id, email or name."""
    return mapping.model_copy(update={"identity_key": key.strip() or None})


def samples_of(shape: FileShape, position: int) -> list[str]:
    """The first distinct values of a column."""
    values = (record.cells[position].strip() for record in shape.samples if position < len(record.cells))
    return list(dict.fromkeys(filter(None, values)))[:_SAMPLES]
