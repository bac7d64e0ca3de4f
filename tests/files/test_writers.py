"""The two writers of all that goes out: what stands in a CSV and an XLSX, and that nothing in them runs."""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from blnk_api import files
from blnk_api.files import csv_writer, xlsx_writer
from blnk_api.files.table import Cell

EVIL = ["=1+1", "+1", "-1", "@x", "<r>a</r>", "007", "Zoë", "{{ 7 * 7 }}", "a\ud800"]
NOON = datetime(2026, 11, 22, 12, 30, 15, tzinfo=timezone(timedelta(hours=1)))


def as_csv(header: Sequence[str], records: Iterable[Sequence[Cell]]) -> bytes:
    return b"".join(csv_writer.stream(header, records))


def as_xlsx(folder: Path, header: Sequence[str], records: Iterable[Sequence[Cell]], name: str = "A") -> Path:
    path = folder / "list.xlsx"
    with xlsx_writer.made(folder, lambda book: book.add_table(name, header, records)) as made:
        path.write_bytes(made.read())
    return path


def part(path: Path, name: str) -> str:
    with zipfile.ZipFile(path) as parts:
        return parts.read(name).decode()


def cells(path: Path) -> list[list[str]]:
    """The records of a workbook, as a spreadsheet shows them."""
    return [list(one.cells) for one in files.records(path, files.detect(path, path.name))]


def test_a_csv_is_the_same_to_the_byte_as_before() -> None:
    data = as_csv(["Größe", "n", "=h"], [["a;=1", -5, NOON], ['"x"\n', 10**20, ""]])
    assert data == (
        b"\xef\xbb\xbfGr\xc3\xb6\xc3\x9fe,n,'=h\r\na;'=1,-5,2026-11-22 12:30:15\r\n"
        b'"""x""\n",100000000000000000000,\r\n'
    )


def test_no_cell_of_a_csv_runs_and_numbers_stay_numbers() -> None:
    read = list(csv.reader(io.StringIO(as_csv(EVIL, [[*EVIL, -5]]).decode("utf-8-sig"), newline="")))
    for line in read:
        assert [cell for cell in line[: len(EVIL)] if cell[:1] in ("=", "+", "-", "@")] == []
    assert read[1][5:] == ["007", "Zoë", "{{ 7 * 7 }}", "a?", "-5"]


def test_a_csv_is_written_while_its_records_are_still_read() -> None:
    taken = 0

    def records() -> Iterable[Sequence[Cell]]:
        nonlocal taken
        for taken in range(1, 10_001):
            yield [str(taken)]

    pieces = csv_writer.stream(["n"], records())
    assert (next(pieces), taken) == (b"\xef\xbb\xbfn\r\n", 0)
    assert next(pieces).count(b"\r\n") == taken == 1_000


def test_a_workbook_has_text_to_the_letter_and_no_formula(tmp_path: Path) -> None:
    names = [f"column {at}" for at in range(len(EVIL) - 1)]
    path = as_xlsx(tmp_path, names, [EVIL[:-1]], "a [b]: c/d")
    assert "<f>" not in part(path, "xl/worksheets/sheet1.xml")
    assert cells(path) == [EVIL[:-1]]
    assert files.detect(path, path.name).sheets == ["a  b   c d"]


def test_an_incomplete_character_is_marked_as_lost(tmp_path: Path) -> None:
    assert cells(as_xlsx(tmp_path, ["a"], [["a\ud800"]])) == [["a\ufffd"]]


def test_money_of_any_size_keeps_its_digits_and_small_numbers_can_be_summed(tmp_path: Path) -> None:
    path = as_xlsx(tmp_path, ["m"], [[10**20 + 1], [7], [-(10**15)], [0]])
    assert cells(path) == [["100000000000000000001"], ["7"], ["-1000000000000000"], ["0"]]
    sheet = part(path, "xl/worksheets/sheet1.xml")
    assert re.findall(r'<c r="A\d" s="\d"><v>([^<]*)</v></c>', sheet) == ["7", "-1000000000000000", "0"]


def test_a_time_is_one_that_a_spreadsheet_can_calculate_with(tmp_path: Path) -> None:
    path = as_xlsx(tmp_path, ["When", "Who"], [[NOON, "Ada"], [NOON.replace(hour=0, second=59), "Ada"]])
    assert cells(path) == [["2026-11-22T12:30:15", "Ada"], ["2026-11-22T00:30:59", "Ada"]]
    assert 'formatCode="yyyy-mm-dd hh:mm:ss"' in part(path, "xl/styles.xml")


def test_what_is_typed_below_text_stays_text_and_below_numbers_is_calculated(tmp_path: Path) -> None:
    path = as_xlsx(tmp_path, ["Who", "Rows"], [["Ada", 5]])
    columns = dict(re.findall(r'<col min="(\d)"([^>]*)>', part(path, "xl/worksheets/sheet1.xml")))
    assert ' style="' in columns["1"]
    assert ' style="' not in columns["2"]


def test_a_text_that_no_cell_can_hold_is_cut_and_says_so(tmp_path: Path) -> None:
    assert cells(as_xlsx(tmp_path, ["a"], [["x" * 50_000]])) == [["x" * 32_766 + "\ufffd"]]


def test_a_list_longer_than_a_sheet_continues_on_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xlsx_writer, "MAX_ROWS", 11)
    path = as_xlsx(tmp_path, ["n"], [[n] for n in range(25)], "A name of more than thirty-one signs")
    shape = files.detect(path, path.name)
    assert shape.sheets == [
        "A name of more than thirty-one ",
        "A name of more than thirty-on 2",
        "A name of more than thirty-on 3",
    ]
    assert sum(part(path, f"xl/worksheets/sheet{n}.xml").count("<v>") for n in (1, 2, 3)) == 25
