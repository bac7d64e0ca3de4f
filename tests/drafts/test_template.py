"""The empty file: it has the columns that we know, offers what this Blnk has, and can be filled in."""

import re
import zipfile
from pathlib import Path

import pytest

from blnk_api import files
from blnk_api.drafts import mapping, mapping_problems, template
from blnk_api.facts.file_shape import ReadOptions
from blnk_api.facts.mapping import Use
from blnk_api.files import FileProblem
from blnk_api.models import Ledger
from tests.support.importer import LEDGER

LEDGERS = [
    Ledger(ledger_id=LEDGER, name="Customer wallets"),
    Ledger(ledger_id="ldg_2", name="savings"),
    Ledger(ledger_id="ldg_3", name="Savings "),
    Ledger(ledger_id="ldg_4", name="=Fees <r> & co"),
    Ledger(ledger_id="ldg_5", name=""),
]


def write(path: Path, ledgers: list[Ledger] = LEDGERS) -> Path:
    with template.template_xlsx(ledgers, ["POINTS"], path.parent) as made:
        path.write_bytes(made.read())
    return path


def column(path: Path, sheet: str) -> list[str]:
    shape = files.detect(path, path.name, ReadOptions(sheet=sheet, header_row=1))
    return [record.cells[0] for record in files.records(path, shape)]


def test_a_completed_template_needs_no_mapping(tmp_path: Path) -> None:
    path = tmp_path / "filled.csv"
    path.write_bytes(template.template_csv() + b"Customer wallets,USD,,007\r\n")
    found = mapping.guess(files.detect(path, path.name))
    assert [one.use for one in found.columns] == [Use.LEDGER, Use.CURRENCY, Use.IDENTITY, Use.METADATA]
    assert found.columns[3].name == "customer_number"
    assert mapping_problems.problems(found, files.detect(path, path.name)) == []


def test_an_empty_one_is_a_file_without_rows_and_no_other_sheet_is_taken_for_it(tmp_path: Path) -> None:
    path = write(tmp_path / "template.xlsx")
    with pytest.raises(FileProblem, match="no rows below them"):
        files.detect(path, path.name)


def test_the_ledgers_of_the_instance_and_all_currencies_can_be_chosen(tmp_path: Path) -> None:
    path = write(tmp_path / "template.xlsx")
    ledgers = column(path, "Ledgers")
    # A name that two have means neither of them.
    assert sorted(ledgers) == sorted(["ldg_5", "=Fees <r> & co", "Customer wallets", "ldg_2", "ldg_3"])
    codes = column(path, "Currencies")
    assert codes[0] == "POINTS"
    assert {"USD", "NGN", "EUR"} <= set(codes)
    sheet = zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml").decode()
    lists = dict(
        re.findall(
            r'<dataValidation type="list"[^>]*sqref="(\w+:\w+)"[^>]*><formula1>([^<]*)</formula1>', sheet
        )
    )
    assert lists == {
        "A2:A1048576": "Ledgers!$A$2:$A$6",
        "B2:B1048576": f"Currencies!$A$2:$A${len(codes) + 1}",
    }


def test_without_permission_to_read_there_is_no_list_of_ledgers(tmp_path: Path) -> None:
    path = write(tmp_path / "template.xlsx", [])
    sheet = zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml").decode()
    assert sheet.count("<dataValidation ") == 1
    assert "Ledgers" not in zipfile.ZipFile(path).read("xl/workbook.xml").decode()
