"""Results as CSV and XLSX: what a person gets back, and that a spreadsheet may open it."""

import csv
import io
import os
import re
import tracemalloc
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from blnk_api import files
from blnk_api.drafts import form_request
from blnk_api.drafts import mapping as mappings
from blnk_api.facts.file_shape import FileShape, ReadOptions
from blnk_api.facts.mapping import ColumnUse, Mapping, Use
from blnk_api.facts.problems import Problem
from blnk_api.files import xlsx_writer
from blnk_api.files.kinds import FileKind
from blnk_api.models import BalanceRequest
from blnk_api.reports import results
from blnk_api.reports.results import Variant
from blnk_api.settings import Environment, Instance
from blnk_api.store import Store, import_changes, imports
from blnk_api.store.checking import checked_rows
from blnk_api.store.checking.checked_rows import NewRow
from blnk_api.store.imports import Import
from blnk_api.store.people import edits
from blnk_api.store.states import WORDS, ImportState, RowState
from tests.support.actors import actor
from tests.support.importer import LEDGER, Importer

HEADERS = ["ledger_id", "currency", "note"]


def made(
    store: Store,
    new: Sequence[NewRow],
    *,
    headers: Sequence[str] = HEADERS,
    environment: Environment = "sandbox",
    file_name: str = "márch.csv",
    mapping: Mapping | None = None,
) -> Import:
    id = imports.new_id()
    with store.write() as tx:
        import_changes.create(
            tx,
            id,
            kind="file",
            instance=Instance("https://blnk.example", "i-1", environment),
            connection="acme",
            who=actor(),
            file_name=file_name,
            shape=FileShape(kind="csv", header_row=1, headers=list(headers)),
            mapping=mapping or Mapping(columns=()),
        )
        import_ = imports.find(tx, id)
        assert import_ is not None
        checked_rows.insert_rows(tx, import_.number, import_.instance_number, new)
        found = imports.find(tx, id)
    assert found is not None
    return found


def row(
    number: int, state: RowState = RowState.READY, *, cells: Sequence[str] = (LEDGER, "USD", ""), **facts: Any
) -> NewRow:
    return NewRow(number=number, part=facts.pop("part", ""), state=state, cells=cells, **facts)


def read(store: Store, import_: Import, variant: Variant = Variant.ALL) -> list[list[str]]:
    data = b"".join(results.stream(store, import_, variant))
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def workbook(store: Store, import_: Import, folder: Path, variant: Variant = Variant.ALL) -> list[list[str]]:
    """The XLSX as our own reader has it, header and rows."""
    path = folder / "results.xlsx"
    with results.workbook(store, import_, variant, folder) as made:
        path.write_bytes(made.read())
    shape = files.detect(path, path.name)
    return [shape.headers, *(record.cells for record in files.records(path, shape))]


def repaired(store: Store, import_: Import, *changes: tuple[int, int, str, str]) -> Import:
    with store.write() as tx:
        for number, at, old, new in changes:
            edits.add(tx, import_.number, [(number, at, old, new)], who=actor())
    return import_


def columns(*uses: str, headers: Sequence[str] = HEADERS, **more: Any) -> Mapping:
    listed = [
        {"position": at, "header": header, "use": use, "name": header if use == "metadata" else None}
        for at, (header, use) in enumerate(zip(headers, uses, strict=True))
    ]
    return Mapping.model_validate({"columns": listed, **more})


def test_the_persons_columns_come_first_in_their_order_then_ours(store: Store) -> None:
    import_ = made(
        store,
        [
            row(2, RowState.CREATED, cells=[LEDGER, "USD", "a"], balance_id="bln_1", ref="v1-x-0"),
            row(3, RowState.REFUSED, cells=[LEDGER, "EUR", "b"], message="Invalid ledger ID"),
        ],
    )
    assert read(store, import_) == [
        ["ledger_id", "currency", "note", "balance_id", "status", "message", "import_ref", "import_row"],
        [LEDGER, "USD", "a", "bln_1", "Created", "", "v1-x-0", f"{import_.id}:2"],
        [LEDGER, "EUR", "b", "", "Rejected", "Invalid ledger ID", "", f"{import_.id}:3"],
    ]


def test_it_opens_in_excel_as_utf_8_with_its_line_ends(store: Store) -> None:
    data = b"".join(results.stream(store, made(store, [row(2, cells=[LEDGER, "USD", "Zoë"])]), Variant.ALL))
    assert data.startswith(b"\xef\xbb\xbfledger_id,")
    assert data.count(b"\r\n") == data.count(b"\n") == 2


def test_no_cell_runs_as_a_formula(store: Store) -> None:
    dangerous = ["=1+1", "+1", "-1", "@cmd", "\t=1", "\r=1", "a;=1+1"]
    new = [
        row(n, RowState.REFUSED, cells=[LEDGER, "USD", text], message=text)
        for n, text in enumerate(dangerous, 2)
    ]
    import_ = made(store, new, headers=["ledger_id", "currency", "=note"])
    for record in read(store, import_):
        for cell in record:
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert [record[2] for record in read(store, import_)[1:]] == [
        "'=1+1",
        "'+1",
        "'-1",
        "'@cmd",
        "'\t'=1",
        "'\r'=1",
        "a;'=1+1",
    ]


def test_every_state_has_the_words_of_the_pages_and_the_three_files_have_what_they_promise(
    store: Store,
) -> None:
    states = list(RowState)
    import_ = made(store, [row(n, state) for n, state in enumerate(states, 2)])

    def words(variant: Variant) -> list[str]:
        said = [record[4] for record in read(store, import_, variant)[1:]]
        assert len(said) == results.count(import_, variant)
        return said

    assert words(Variant.ALL) == [WORDS[state] for state in states]
    assert words(Variant.CREATED) == ["Already exists", "Created"]
    # Rows that may have a balance are in neither: importing them again is not for a person to do blindly.
    assert words(Variant.NOT_CREATED) == ["Invalid", "Not sent", "Skipped", "Rejected"]


def test_an_invalid_row_says_why(store: Store) -> None:
    problems = [
        Problem("missing_currency", 2, "", "currency", "", "The currency is missing.", "error"),
        Problem("whitespace_trimmed", 2, "", "note", "a ", "Spaces are not sent.", "note"),
    ]
    [_, record] = read(store, made(store, [row(2, RowState.INVALID, problems=problems)]))
    assert record[5] == "The currency is missing."


def test_columns_of_earlier_results_are_replaced_by_the_current_ones(store: Store) -> None:
    headers = ["ledger_id", "balance_id", "Status", "note", "message", "import_ref"]
    cells = [LEDGER, "bln_old", "Refused", "n", "old words", "v1-old-0"]
    import_ = made(
        store,
        [row(2, RowState.CREATED, cells=cells, balance_id="bln_new", ref="v1-new-0")],
        headers=headers,
    )
    assert read(store, import_) == [
        ["ledger_id", "note", "balance_id", "status", "message", "import_ref", "import_row"],
        [LEDGER, "n", "bln_new", "Created", "", "v1-new-0", f"{import_.id}:2"],
    ]


def test_a_record_that_makes_several_balances_has_a_line_for_each_with_its_own_currency(
    store: Store,
) -> None:
    mapping = Mapping(columns=(ColumnUse(position=1, header="currency", use=Use.CURRENCY),))
    cells = [LEDGER, "USD;EUR", "n"]
    new = [
        row(2, RowState.CREATED, part="USD", cells=cells, balance_id="bln_1"),
        row(2, RowState.REFUSED, part="EUR", cells=cells),
    ]
    import_ = made(store, new, mapping=mapping)
    assert [record[1] for record in read(store, import_)] == ["currency", "USD", "EUR"]
    assert [record[1] for record in read(store, import_, Variant.NOT_CREATED)] == ["currency", "EUR"]


def test_odd_text_survives(store: Store) -> None:
    odd = ['say "hi"', "two\nlines", "comma, semicolon;", "\u202e", "é" * 1000, "007", "1e5"]
    import_ = made(store, [row(n, cells=[LEDGER, "USD", text]) for n, text in enumerate(odd, 2)])
    assert [record[2] for record in read(store, import_)[1:]] == odd


ODD = [
    "007",
    "1e5",
    "123456789012345678",
    "2026-01-02",
    "NA",
    "TRUE",
    "0.10",
    "1,5",
    "=1+1",
    "+1",
    "-1",
    "@cmd",
    "'=1",
    "'",
    "{=A1}",
    '=HYPERLINK("http://x","y")',
    "http://example.com",
    "<r>not markup</r>",
    "<r><t>x</t></r>",
    "a & b",
    "_x0041_",
    "_x005F_x0041_",
    "\x01\x1f",
    "\ufffe",
    "  spaces around  ",
    "two\nlines",
    "two\r\nlines",
    "tab\there",
    "Zoë \U0001f600",
    "é" * 1000,
]


def test_each_cell_of_a_workbook_is_the_text_that_was_sent(store: Store, tmp_path: Path) -> None:
    new = [row(n, cells=[LEDGER, "USD", text], message=text) for n, text in enumerate(ODD, 2)]
    import_ = made(store, new, headers=["ledger_id", "currency", "=note <r> & co"])
    header, *told = workbook(store, import_, tmp_path)
    assert header == ["ledger_id", "currency", "=note <r> & co", *results.OUR_COLUMNS]
    assert [record[2] for record in told] == ODD
    assert [record[5] for record in told] == ODD


def test_nothing_in_a_workbook_can_run_and_what_is_typed_into_it_stays_text(
    store: Store, tmp_path: Path
) -> None:
    import_ = made(store, [row(n, cells=[LEDGER, "USD", text]) for n, text in enumerate(ODD, 2)])
    with results.workbook(store, import_, Variant.ALL, tmp_path) as made_, zipfile.ZipFile(made_) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
        styles = parts.read("xl/styles.xml").decode()
        assert not [name for name in parts.namelist() if "external" in name.lower() or "link" in name.lower()]
    cells = re.findall(r"<c [^>]*>", sheet)
    assert len(cells) > len(ODD)
    assert all(' t="inlineStr"' in cell for cell in cells)
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet.replace("HYPERLINK", "")
    assert '<pane ySplit="1"' in sheet
    formats = re.findall(r'numFmtId="(\d+)"', styles[styles.index("<cellXfs") :])
    used = {int(style) for style in re.findall(r'<(?:c|col) [^>]*s(?:tyle)?="(\d+)"', sheet)}
    assert {formats[style] for style in used} == {"49"}  # text


def test_a_cell_that_no_spreadsheet_can_hold_is_cut_and_never_taken_for_the_whole(
    store: Store, tmp_path: Path
) -> None:
    fits, long = "é" * 32_767, "\U0001f600" * 20_000
    import_ = made(store, [row(2, cells=[LEDGER, "USD", fits]), row(3, cells=[LEDGER, "USD", long])])
    _, whole, cut = workbook(store, import_, tmp_path)
    assert whole[2] == fits
    assert cut[2] == long[:16_383] + "\ufffd"
    assert read(store, import_)[2][2] == long


def test_a_new_sheet_begins_when_one_is_full(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xlsx_writer, "MAX_ROWS", 11)
    import_ = made(store, [row(n, cells=[LEDGER, "USD", str(n)]) for n in range(2, 25)])
    path = tmp_path / "results.xlsx"
    with results.workbook(store, import_, Variant.ALL, tmp_path) as made_:
        path.write_bytes(made_.read())
    shape = files.detect(path, path.name)
    assert shape.sheets == ["Results", "Results 2", "Results 3"]
    found = []
    for name in shape.sheets:
        one = files.detect(path, path.name, ReadOptions(sheet=name))
        assert one.headers == [*HEADERS, *results.OUR_COLUMNS]
        found.append([int(record.cells[2]) for record in files.records(path, one)])
    assert found == [[*range(2, 12)], [*range(12, 22)], [*range(22, 25)]]


def test_a_workbook_without_rows_has_its_header(store: Store, tmp_path: Path) -> None:
    import_ = made(store, [row(2, RowState.CREATED)])
    with results.workbook(store, import_, Variant.NOT_CREATED, tmp_path) as made_:
        assert b"balance_id" in zipfile.ZipFile(made_).read("xl/worksheets/sheet1.xml")


def test_a_workbook_costs_no_memory_and_leaves_nothing_in_its_folder(importer: Any, tmp_path: Path) -> None:
    store: Store = importer.store
    folder = tmp_path / "made"
    folder.mkdir()
    cells = [[LEDGER, "USD", f"{n} " + "x" * 1_000] for n in range(2, 10_002)]
    import_ = made(store, [row(n, cells=cells[n - 2]) for n in range(2, 10_002)])
    tracemalloc.start()
    with results.workbook(store, import_, Variant.ALL, folder) as made_:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert made_.seek(0, 2) > 10_000
        assert list(folder.iterdir()) == []
    assert peak < 5_000_000


def test_a_workbook_that_fails_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    def failing() -> Any:
        yield ["a"]
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        xlsx_writer.made(tmp_path, lambda book: book.add_table("Results", ["x"], failing()))
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_behind_is_cleared_away_and_nothing_else(tmp_path: Path) -> None:
    for name in (".workbook-old", ".workbook-new", "uploads"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "part").touch()
    for name in (".workbook-old", "uploads"):
        os.utime(tmp_path / name, (1, 1))
    xlsx_writer.made(tmp_path, lambda book: book.add_table("Results", ["x"], [])).close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".workbook-new", "uploads"]


def test_a_fix_is_reported_beside_the_row_whose_cells_are_those_that_were_sent(store: Store) -> None:
    import_ = made(
        store,
        [
            row(2, RowState.CREATED, cells=["Customer wallets", "USD", "a"], balance_id="bln_1"),
            row(3, RowState.EXISTS, cells=["Customer wallets", "USD", ""], message="It is there."),
            row(4, RowState.CREATED, cells=["Customer wallets", "USD", "b"]),
        ],
        mapping=columns("ledger", "currency", "metadata"),
    )
    repaired(
        store,
        import_,
        (2, 0, "Custmer walets", "Customer walets"),
        (2, 0, "Customer walets", "Customer wallets"),
        (3, 2, "=1", ""),
        (3, 1, "", "USD"),
        (4, 2, "b", "c"),
        (4, 2, "c", "b"),
    )
    _, *told = read(store, import_)
    assert [record[0] for record in told] == ["Customer wallets"] * 3
    assert [record[5] for record in told] == [
        "ledger_id was “Custmer walets”.",
        "It is there. currency was empty. note was “=1”.",
        "",
    ]


def test_a_persons_own_column_called_status_is_theirs(store: Store) -> None:
    headers = ["ledger_id", "currency", "Status", "message"]
    mapping = columns("ledger", "currency", "metadata", "metadata", headers=headers)
    cells = [LEDGER, "USD", "active", "hello"]
    import_ = made(store, [row(2, cells=cells)], headers=headers, mapping=mapping)
    assert read(store, import_) == [
        [*headers, *results.OUR_COLUMNS],
        [*cells, "", "Not sent", "", "", f"{import_.id}:2"],
    ]


def test_metadata_of_the_form_called_status_is_a_persons_own(importer: Importer) -> None:
    request = BalanceRequest(ledger_id=LEDGER, currency="USD", meta_data={"status": "active"})
    form_request.make_draft(
        importer.store, id="imp_form", connection=importer.connection, who=actor(), request=request
    )
    header, told = read(importer.store, importer.find("imp_form"))
    assert header == ["ledger_id", "currency", "status", *results.OUR_COLUMNS]
    assert told[2] == "active"


def test_what_was_chosen_for_all_rows_is_added_so_that_the_file_stands_alone(
    store: Store, tmp_path: Path
) -> None:
    chosen = {"ledger_id": LEDGER, "currencies": ["USD", "EUR"]}
    import_ = made(
        store,
        [
            row(2, RowState.CREATED, part="USD", cells=["a"], ledger_id=LEDGER, currency="USD"),
            row(2, RowState.REFUSED, part="EUR", cells=["a"], ledger_id=LEDGER, currency="EUR"),
            row(3, RowState.INVALID, cells=["b"]),
        ],
        headers=["note"],
        mapping=columns("metadata", headers=["note"], for_all_rows=chosen),
    )
    header, *told = read(store, import_)
    assert header == ["note", "ledger_id", "currency", *results.OUR_COLUMNS]
    assert [record[:3] for record in told] == [
        ["a", LEDGER, "USD"],
        ["a", LEDGER, "EUR"],
        ["b", LEDGER, "USD;EUR"],
    ]
    workbook(store, import_, tmp_path)
    found = mappings.guess(files.detect(tmp_path / "results.xlsx", "results.xlsx"))
    assert [one.use for one in found.columns][:3] == [Use.METADATA, Use.LEDGER, Use.CURRENCY]


def test_an_added_column_has_a_name_that_the_file_does_not_use(store: Store) -> None:
    mapping = columns("metadata", "currency", "metadata", for_all_rows={"ledger_id": LEDGER})
    [header, _] = read(store, made(store, [row(2)], mapping=mapping))
    assert header == [*HEADERS, "ledger", *results.OUR_COLUMNS]


def test_what_the_file_has_a_column_for_is_not_added(store: Store) -> None:
    chosen = {"ledger_id": LEDGER, "currencies": ["USD"]}
    mapping = columns("ledger", "currency", "metadata", for_all_rows=chosen)
    [header, _] = read(store, made(store, [row(2)], mapping=mapping))
    assert header == [*HEADERS, *results.OUR_COLUMNS]


def test_many_rows_come_page_by_page_in_file_order_in_constant_memory(importer: Any) -> None:
    store: Store = importer.store
    import_ = made(store, [row(n, cells=[LEDGER, "USD", "x" * 200]) for n in range(2, 20_002)])
    tracemalloc.start()
    numbers = 0
    size = 0
    for piece in results.stream(store, import_, Variant.ALL):
        numbers += piece.count(b"\r\n")
        size += len(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert numbers == 20_001
    assert size > 4_000_000
    assert peak < size / 1.5


@pytest.mark.parametrize(
    ("file_name", "begins"),
    [
        ("márch.csv", "márch - "),
        ("../../etc/passwd", "passwd - "),
        ('a"b\\c:d\n.xlsx', "a b c d - "),
        ("", "balance - "),
        ("x" * 300 + ".csv", "x" * 100 + " - "),
    ],
)
def test_the_files_name_is_the_persons_own_and_safe(store: Store, file_name: str, begins: str) -> None:
    name = results.file_name(made(store, [row(2)], file_name=file_name), Variant.ALL)
    assert name.startswith(begins)
    assert name.endswith(".csv")
    assert not set('/\\"\n\r\0') & set(name)


def test_every_practice_download_has_practice_in_its_name(store: Store) -> None:
    practice = made(store, [row(2)], environment="practice")
    real = made(store, [row(2)], environment="production")
    assert all("PRACTICE" in results.file_name(practice, variant) for variant in Variant)
    assert not any("PRACTICE" in results.file_name(real, variant) for variant in Variant)


def test_the_name_differs_whenever_the_data_may(store: Store) -> None:
    import_ = made(store, [row(2), row(3)])
    names = {results.file_name(import_, variant, kind) for variant in Variant for kind in FileKind}
    with store.write() as tx:
        import_changes.set_facts(tx, import_.number, version=2)
        names.add(results.file_name(imports.by_number(tx, import_.number), Variant.ALL))
        import_changes.set_facts(tx, import_.number, state=ImportState.DONE)
        names.add(results.file_name(imports.by_number(tx, import_.number), Variant.ALL))
    assert len(names) == 8
