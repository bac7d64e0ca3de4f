"""Which import a file is the results of, if it is a results file."""

from sqlalchemy import Connection

from blnk_api.facts.file_shape import FileShape
from blnk_api.facts.mapping import Mapping, Use
from blnk_api.files.row_marks import Mark
from blnk_api.settings import Instance
from blnk_api.store import imports, instance_numbers
from blnk_api.store.imports import Import
from blnk_api.store.search import balance_origins


def import_of(tx: Connection, instance: Instance, guessed: Mapping, shape: FileShape) -> Import | None:
    """Recognized by the marks of its first rows, or by their refs, which earlier versions wrote alone.

    None for any other file, or if the import is not in this desk or went into another instance.
    """
    marks = (Mark.read(text) for text in _texts(guessed, shape, Use.IMPORT_ROW))
    for id in dict.fromkeys(mark.import_id for mark in marks if mark is not None):
        found = imports.find(tx, id)
        if found is not None and found.instance == instance and found.mapping is not None:
            return found
    refs = _texts(guessed, shape, Use.IMPORT_REF)
    number = next(
        (number for number, one in instance_numbers.with_imports(tx).items() if one == instance), None
    )
    return balance_origins.with_refs(tx, number, sorted(set(refs))) if refs and number is not None else None


def _texts(guessed: Mapping, shape: FileShape, use: Use) -> list[str]:
    column = guessed.column(use)
    if column is None:
        return []
    return [text for record in shape.samples if (text := record.cells[column.position].strip())]
