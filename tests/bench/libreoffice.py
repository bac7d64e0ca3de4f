"""Whether results say in LibreOffice what they said when they were written, cell by cell.

    python -m tests.bench.libreoffice [--quick]

Needs `soffice` (apt-get install --no-install-recommends libreoffice-calc). Each result, XLSX and CSV, is
opened by LibreOffice and saved again as CSV, and compared with what was sent. Prints a table and writes it to
tests/bench/RESULTS.md. Takes half a minute (`--quick`: as long, and nothing is written).
"""

import argparse
import csv
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from blnk_api import files as reading
from blnk_api.drafts.edits import problem_workbook
from blnk_api.facts.file_shape import FileShape
from blnk_api.facts.mapping import Mapping as ColumnMapping
from blnk_api.files.formula_guard import guard_cell
from blnk_api.reports import results
from blnk_api.reports.results import Variant
from blnk_api.settings import Instance
from blnk_api.store import Store, import_changes, imports
from blnk_api.store.checking import checked_rows
from blnk_api.store.checking.checked_rows import NewRow
from blnk_api.store.imports import Import
from blnk_api.store.states import RowState
from tests.bench.sending import write_results
from tests.support.actors import actor
from tests.support.verdicts import EXPECTED, SAMPLES

_TO_CSV = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,0"
"""Commas, quotation marks, UTF-8; cells as they are displayed, the first sheet."""
_AS_TEXT = 2
_SECONDS = 120
_MOST_SHOWN = 5

TROUBLE = [
    "007",
    "1e5",
    "123456789012345678",
    "2026-01-02",
    "NA",
    "TRUE",
    "0.10",
    "1,5",
    "1/2",
    "10:30",
    "50%",
    "=1+1",
    "+1",
    "-1",
    "@cmd",
    "'=1",
    "'",
    '=HYPERLINK("http://x","y")',
    "http://example.com",
    "#N/A",
    "<r>x</r>",
    "a & b",
    "_x0041_",
    "  spaces  ",
    "two\nlines",
    "Zoë \U0001f600",
    "é" * 1000,
    "\u202e",
]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if shutil.which("soffice") is None:
        sys.exit("There is no soffice here: apt-get install --no-install-recommends libreoffice-calc")
    with tempfile.TemporaryDirectory() as folder:
        lines = _compared(Path(folder))
    table = "\n".join(["| what | measured |", "| --- | --- |", *lines])
    print(table)
    if not options.quick:
        write_results("LibreOffice", "python -m tests.bench.libreoffice", table)


def _compared(folder: Path) -> list[str]:
    store = Store(f"sqlite:///{folder / 'journal.db'}")
    store.migrate()
    sent = {"trouble": (["ledger_id", "currency", "note"], [["l", "USD", one] for one in TROUBLE])}
    for expected in EXPECTED:
        if expected["verdict"] != "file_error":
            path = SAMPLES / expected["file"]
            shape = reading.detect(path, path.name)
            cells = [record.cells for record in reading.records(path, shape)]
            if all(len(cell) <= 30_000 for record in cells for cell in record):
                sent[path.name] = (shape.headers, cells)
    made: dict[str, Import] = {}
    files: list[Path] = []
    for at, (name, (headers, cells)) in enumerate(sent.items()):
        import_ = made[name] = _import(store, headers, cells)
        files += [folder / f"{at}-csv.csv", folder / f"{at}-xlsx.xlsx"]
        files[-2].write_bytes(b"".join(results.stream(store, import_, Variant.ALL)))
        with results.workbook(store, import_, Variant.ALL, folder) as book:
            files[-1].write_bytes(book.read())
    _save_again(folder, files)
    told = []
    for kind, guard in (("XLSX", str), ("CSV", guard_cell)):
        cells_seen, wrong = 0, []
        for at, (name, (headers, cells)) in enumerate(sent.items()):
            shown = _read(folder / "again" / f"{at}-{kind.lower()}.csv")
            for number, record in enumerate([headers, *cells]):
                for position, cell in enumerate(record):
                    cells_seen += 1
                    found = shown[number][position] if position < len(shown[number]) else ""
                    if found != _seen(guard(cell), is_csv=kind == "CSV"):
                        wrong.append(f"{name}: {cell[:40]!r} became {found[:40]!r}")
        told.append(
            f"| {kind} of {len(sent)} results, {cells_seen:,} cells | {len(wrong)} differ"
            f"{': ' + '; '.join(wrong[:_MOST_SHOWN]) if wrong else ''} |"
        )
    told.append(_put_right(store, folder, sent))
    store.close()
    return told


def _put_right(store: Store, folder: Path, sent: Mapping[str, tuple[list[str], list[list[str]]]]) -> str:
    """Rows to fix that LibreOffice saved again, unchanged: no cell may look changed."""
    made: list[tuple[Import, Path]] = []
    for at, (headers, cells) in enumerate(sent.values()):
        import_ = _import(store, headers, cells, RowState.INVALID)
        made.append((import_, folder / f"rows-{at}.xlsx"))
        with problem_workbook.workbook(store, import_, folder) as book:
            made[-1][1].write_bytes(book.read())
    _soffice(folder, "xlsx", [path for _, path in made])
    edits = [
        edit
        for import_, path in made
        for edit in problem_workbook.read_back(store, import_, folder / "again" / path.name, path.name)
    ]
    return f"| rows to fix of {len(made)} files, saved again as XLSX | {len(edits)} cells seem changed |"


def _import(
    store: Store, headers: Sequence[str], cells: Sequence[list[str]], state: RowState = RowState.READY
) -> Import:
    id = imports.new_id()
    shape = FileShape(kind="csv", header_row=1, headers=list(headers))
    with store.write() as tx:
        import_changes.create(
            tx,
            id,
            kind="file",
            instance=Instance("https://blnk.example", "i", "sandbox"),
            connection="here",
            who=actor("bench"),
            shape=shape,
            mapping=ColumnMapping(columns=()),
        )
        import_ = imports.find(tx, id)
        assert import_ is not None
        new = [NewRow(number=at, part="", state=state, cells=one) for at, one in enumerate(cells, start=2)]
        checked_rows.insert_rows(tx, import_.number, import_.instance_number, new)
        return import_


def _save_again(folder: Path, files: Sequence[Path]) -> None:
    """CSV is opened as by a person who says that all columns are text."""
    columns = "/".join(f"{at}/{_AS_TEXT}" for at in range(1, 401))
    as_text = f"--infilter=CSV:44,34,76,1,{columns}"
    _soffice(folder, _TO_CSV, [path for path in files if path.suffix == ".csv"], as_text)
    _soffice(folder, _TO_CSV, [path for path in files if path.suffix == ".xlsx"])


def _soffice(folder: Path, to: str, files: Sequence[Path], *how: str) -> None:
    command = ["soffice", f"-env:UserInstallation=file://{folder}/profile", "--headless", *how]
    command += ["--convert-to", to, "--outdir", str(folder / "again"), *map(str, files)]
    subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)


def _read(path: Path) -> list[list[str]]:
    csv.field_size_limit(2_000_000)
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def _seen(text: str, *, is_csv: bool) -> str:
    """A spreadsheet has only one kind of line break in a cell, and reads no NUL from a text file."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\0", "") if is_csv else text


if __name__ == "__main__":
    main()
