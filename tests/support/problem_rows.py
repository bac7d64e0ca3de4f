"""The workbook of rows to fix: downloaded, changed and read back."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

from blnk_api import files
from blnk_api.drafts.edits import problem_workbook
from blnk_api.facts.file_shape import ReadOptions
from blnk_api.store.imports import Import
from blnk_api.store.people.edits import Edit
from tests.support.importer import Importer

Change = Callable[[list[list[str]]], object]


def sent_out(importer: Importer, draft: Import, folder: Path) -> Path:
    path = folder / "rows.xlsx"
    with problem_workbook.workbook(importer.store, draft, folder) as made:
        path.write_bytes(made.read())
    return path


def table(path: Path) -> list[list[str]]:
    shape = files.detect(path, path.name, ReadOptions(header_row=1))
    return [shape.headers, *(record.cells for record in files.records(path, shape))]


def as_csv(path: Path, change: Change) -> Path:
    """The workbook after a person has changed and saved it."""
    cells = table(path)
    change(cells)
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows(cells)
    changed = path.with_suffix(".csv")
    changed.write_text(text.getvalue(), newline="")
    return changed


def read_back(importer: Importer, draft: Import, path: Path) -> list[Edit]:
    return problem_workbook.read_back(importer.store, importer.find(draft.id), path, path.name)
